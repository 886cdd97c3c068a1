"""The retirement of a source, by a call of the API or a form of the console: nothing more is expected of it."""

from datetime import datetime

from models.database import Session
from models.errors import Invalid
from models.queries import coverage
from models.queries.access import Caller
from models.records import Source
from models.values.ids import Prefix, parse_id
from service import acts


def put_retirement(
    session: Session, caller: Caller, source_id: str, *, at: datetime | None, now: datetime
) -> Source:
    """Retire a source since a moment, or take that back (None), and write it down.

    Raises `Invalid` for a moment that is still to come, `NotFound` for a source that is not there.
    """
    if at is not None and at > now:
        raise Invalid("at must not be in the future.", field="at")
    number = parse_id(Prefix.SOURCE, source_id)
    row = coverage.put_retirement(session, workspace=caller.workspace_id, source=number, at=at, now=now)
    action = "source.retire" if at is not None else "source.retire.undo"
    acts.note(session, caller, action, source_id, now=now)
    return row
