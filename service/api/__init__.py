"""The HTTP API: one router for each family of resources."""

from fastapi import APIRouter


def routers() -> list[APIRouter]:
    """Return every router, in the order of the documentation."""
    from service.api import health, ingest

    return [health.router, ingest.router]
