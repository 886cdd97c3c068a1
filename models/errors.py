"""Errors that carry a message for a person; the HTTP edge and the command line map them in one place each."""

from models.values.storable import storable


class EbbError(Exception):
    """Base of every expected failure: `message` says what is wrong and how to mend it, `field` names where.

    Both may quote names that a sender made up; they are stored and sent, so they hold nothing that cannot be.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        self.message = storable(message)
        self.field = None if field is None else storable(field)
        super().__init__(self.message)


class NotFound(EbbError):
    """The thing asked for does not exist in this workspace."""


class Conflict(EbbError):
    """The request contradicts what is stored."""


class Invalid(EbbError):
    """A value is malformed or out of bounds."""


class Rejected(EbbError):
    """The caller is not who it claims to be, or may not do this."""


class TooLarge(EbbError):
    """The request is larger than the workspace accepts."""


class Unsupported(EbbError):
    """The request comes in a form that is not read."""


class Forbidden(EbbError):
    """The caller is known, but its role does not allow this."""


class Busy(EbbError):
    """More work waits than we hold; the caller should come again in a few seconds."""
