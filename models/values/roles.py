"""Roles of people and keys, and what each may do."""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Permission(StrEnum):
    """One thing that a caller may or may not do; every call of the API and every page asks for exactly one."""

    READ_NUMBERS = "read_numbers"
    """Counts, trends, verdicts, goals and reports: nothing that a customer wrote, nothing about one account."""
    READ_TICKETS = "read_tickets"
    """Customers' words, accounts, and what sources delivered."""
    PLAN = "plan"
    """Write features, releases, goals, bets, events and denominators."""
    CURATE = "curate"
    """Change themes and decide links."""
    ADMINISTER = "administer"
    """Sources, keys, users, the audit log, erasure and export."""
    OWN = "own"
    """Make and end the keys and seats of admins and owners."""
    DELIVER = "deliver"
    """Send deliveries with the key in place of a signature."""


class Role(StrEnum):
    """What somebody is in a workspace; the permissions of each stand in `GRANTS`."""

    OWNER = "owner"
    ADMIN = "admin"
    CURATOR = "curator"
    MEMBER = "member"
    VIEWER = "viewer"
    AGGREGATE_ONLY = "aggregate_only"
    INTEGRATION = "integration"


_READ = frozenset({Permission.READ_NUMBERS, Permission.READ_TICKETS})
_WRITE = _READ | {Permission.PLAN}
_CURATE = _WRITE | {Permission.CURATE}

GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: _CURATE | {Permission.ADMINISTER, Permission.DELIVER},
    Role.CURATOR: _CURATE,
    Role.MEMBER: _WRITE,
    Role.VIEWER: _READ,
    Role.AGGREGATE_ONLY: frozenset({Permission.READ_NUMBERS}),
    Role.INTEGRATION: frozenset({Permission.DELIVER}),
}
"""What each role may do."""

PEOPLE = tuple(role for role in Role if role is not Role.INTEGRATION)
"""Roles that a person can have; an integration is a program."""

SENIOR = frozenset({Role.OWNER, Role.ADMIN})
"""Roles that only an owner gives and takes."""


def permissions_of(role: Role, scopes: Iterable[Permission] | None = None) -> frozenset[Permission]:
    """Return what a role may do, narrowed to `scopes` where they are given; scopes never widen a role."""
    granted = GRANTS[role]
    return granted if scopes is None else granted & frozenset(scopes)
