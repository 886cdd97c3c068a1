"""Watch sources: mark the days on which they were silent beyond their own rhythm, and tell a person once."""

from datetime import datetime
from zoneinfo import ZoneInfo

from models.database import Session
from models.queries import alerts, deliveries, silence, workspaces
from models.records import Source
from models.sources.rhythm import Reading
from models.values.ids import Prefix, public_id
from workers.context import Context


def watch(context: Context, workspace: int) -> None:
    """Look at every source of a workspace, one transaction a source."""
    with context.database.read(workspace=workspace) as session:
        zone = ZoneInfo(workspaces.get_workspace(session, workspace=workspace).time_zone)
        sources = deliveries.list_sources(session, workspace=workspace)
    for source in sources:
        now = context.clock()
        with context.database.read(workspace=workspace) as session:
            if silence.has_waiting(session, workspace=workspace, source=source.id):
                continue
            found = silence.reading(
                session,
                workspace=workspace,
                source=source.id,
                zone=zone,
                now=now,
                goes_on=silence.is_expected(source),
            )
        with context.database.write(workspace=workspace) as session:
            silence.write_marks(session, workspace=workspace, source=source.id, wanted=found.marks, now=now)
            _tell(session, source, found, zone=zone, now=now)


def _tell(session: Session, source: Source, found: Reading, *, zone: ZoneInfo, now: datetime) -> None:
    """Open the one alert about a silent source, or close it once the source is heard again."""
    subject = public_id(Prefix.SOURCE, source.id)
    about = {"workspace": source.workspace_id, "subject": subject, "kind": alerts.SILENT}
    stands = alerts.list_alerts(session, workspace=source.workspace_id, subject=subject, limit=1)
    # A ticket was opened after the alert: this silence is another one. Older tickets that are fetched are none.
    is_over = bool(stands and found.present and stands[0].opened_at < found.present.start)
    if is_over or not found.is_silent:
        alerts.close_alert(session, **about, now=now)  # type: ignore[arg-type]
    if found.is_silent and found.present is not None:
        alerts.open_alert(
            session,
            **about,  # type: ignore[arg-type]
            reason=_reason(session, source, found, zone),
            since=found.present.start,
            now=now,
        )


def _reason(session: Session, source: Source, found: Reading, zone: ZoneInfo) -> str:
    """Say what is missing, and what may be behind it."""
    assert found.present is not None
    since = found.present.start
    said = (
        f"{source.name} has brought no new ticket since {since.astimezone(zone):%d %b %Y %H:%M}; "
        f"its usual rhythm lets expect {found.present.expected:.0f} since then."
    )
    last = silence.latest_delivery(session, workspace=source.workspace_id, source=source.id)
    if source.rejected_at is not None and source.rejected_at > since:
        return f"{said} Calls have been refused since: {source.rejected_reason or 'see its health'}"
    if last is not None and last > since:
        return (
            f"{said} Deliveries still come, without a new ticket in them: are all its events subscribed to?"
        )
    return f"{said} Nothing is delivered: is its webhook switched off?"
