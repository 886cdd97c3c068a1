"""Roles of keys and sessions."""

from enum import StrEnum


class Role(StrEnum):
    """What the holder of a key may do: everything, read and curate, or only deliver."""

    ADMIN = "admin"
    MEMBER = "member"
    INGEST = "ingest"
