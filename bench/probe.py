"""Applications for `bench.api_cost`: the bare one ours is held against, and ours with a way to see its modules."""

from __future__ import annotations

import sys

from fastapi import FastAPI

from service.app import create_app


def create_watched() -> FastAPI:
    """Build our application with one route more, which tells what the process has imported."""
    app = create_app()

    @app.get("/-/modules")
    def modules() -> list[str]:
        return sorted(sys.modules)

    return app
