"""The HTTP API: one router for each family of resources."""

from fastapi import APIRouter

from service.api import (
    admin,
    denominators,
    feedback,
    goals,
    health,
    impact,
    ingest,
    links,
    products,
    pulls,
    sources,
    themes,
    users,
)


def routers() -> list[APIRouter]:
    """Return every router, in the order of the documentation."""
    families = (
        sources,
        pulls,
        ingest,
        feedback,
        themes,
        products,
        links,
        impact,
        denominators,
        goals,
        admin,
        users,
        health,
    )
    return [family.router for family in families]
