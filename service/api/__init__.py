"""The HTTP API: one router for each family of resources."""

from fastapi import APIRouter

from service.api import (
    admin,
    deliveries,
    denominators,
    feedback,
    goals,
    health,
    impact,
    ingest,
    links,
    products,
    sources,
    themes,
    users,
)


def routers() -> list[APIRouter]:
    """Return every router, in the order of the documentation."""
    families = (
        sources,
        ingest,
        deliveries,
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
