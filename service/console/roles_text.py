"""Roles and permissions in plain words."""

from collections.abc import Mapping
from typing import Final

from models.values.roles import GRANTS, PEOPLE, Permission, Role

ROLE_LABEL: Final[Mapping[Role, str]] = {
    Role.OWNER: "Owner",
    Role.ADMIN: "Admin",
    Role.CURATOR: "Curator",
    Role.MEMBER: "Member",
    Role.VIEWER: "Viewer",
    Role.AGGREGATE_ONLY: "Aggregates only",
    Role.INTEGRATION: "Integration",
}

ROLE_MEANING: Final[Mapping[Role, str]] = {
    Role.OWNER: "everything, and the seats of admins and owners",
    Role.ADMIN: "sources, keys and people too",
    Role.CURATOR: "decides on links and themes too",
    Role.MEMBER: "writes releases and goals too",
    Role.VIEWER: "reads everything",
    Role.AGGREGATE_ONLY: "numbers without tickets or small groups",
    Role.INTEGRATION: "a program that delivers tickets",
}

_ACT: Final[Mapping[Permission, str]] = {
    Permission.READ_NUMBERS: "Reading the console",
    Permission.READ_TICKETS: "Reading customers’ messages",
    Permission.PLAN: "Writing releases and goals",
    Permission.CURATE: "Confirming and rejecting links",
    Permission.ADMINISTER: "Managing people and sources",
    Permission.OWN: "Managing the seats of admins and owners",
    Permission.DELIVER: "Delivering tickets",
}


def say_who_may(permission: Permission, role: Role) -> str:
    """Say in one sentence whom an act is for, and what the reader's own role is."""
    roles = [ROLE_LABEL[each].lower() for each in PEOPLE if permission in GRANTS[each]]
    plural = [f"{name}s" if not name.endswith("only") else f"people with “{name}”" for name in roles]
    listed = plural[0] if len(plural) == 1 else f"{', '.join(plural[:-1])} and {plural[-1]}"
    return f"{_ACT[permission]} is for {listed}; your role is {ROLE_LABEL[role].lower()}."
