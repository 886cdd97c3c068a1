"""The HTTP API: one router for each family of resources."""

from fastapi import APIRouter

from service.api import (
    admin,
    alerts,
    deliveries,
    denominators,
    encoders,
    erasures,
    feedback,
    goals,
    health,
    impact,
    ingest,
    links,
    movements,
    products,
    pulls,
    scope,
    sources,
    theme_acts,
    theme_suggestions,
    themes,
    users,
)


def routers() -> list[APIRouter]:
    """Return every router, in the order of the documentation."""
    families = (
        sources,
        scope,
        alerts,
        pulls,
        ingest,
        deliveries,
        feedback,
        themes,
        theme_acts,
        movements,
        theme_suggestions,
        products,
        links,
        impact,
        denominators,
        goals,
        admin,
        erasures,
        encoders,
        users,
        health,
    )
    return [family.router for family in families]
