"""The smallest FastAPI program that answers /healthz: what any service of this kind costs before it does anything."""

from fastapi import FastAPI


def create_app() -> FastAPI:
    """Build the application."""
    app = FastAPI()

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
