"""Stage `measure`: judge a release at every look that is due, and plan the next one."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from models.database import Session
from models.impact.judge import METHOD_VERSION, judge_many
from models.impact.looks import schedule
from models.impact.setting import Case
from models.jobs import Job
from models.queries import (
    feedback,
    impact,
    kinds,
    links,
    products,
    scope_reading,
    theme_stream,
    work,
    workspaces,
)
from models.queries.links import ReleaseLink
from models.queries.work import Leased
from models.records import JsonObject, LinkState, Release
from models.values.kinds import KIND_TOLERANCE
from models.values.series import Period, Series
from models.values.timing import REPORTING_DELAY, complete_until
from models.values.verdicts import Check, Judgement, Look, Reason
from workers.context import Context
from workers.series import Window, read_material, with_series

OVERLAP = timedelta(days=28)
UNIT_WITH_EXPOSURE = "complaints per 1,000 customer-days"
UNIT_WITHOUT = "complaints"
NO_SERIES = Series(start=date(2000, 1, 3), period=Period.DAY, counts=np.zeros(0))


@dataclass(frozen=True, slots=True)
class Question:
    """One case to judge and where its answer is stored."""

    theme_key: int
    link: ReleaseLink | None
    case: Case
    # What was looked at beside the series itself.
    checks: tuple[Check, ...] = ()


def judge_releases(context: Context, leased: Sequence[Leased]) -> None:
    """Judge each release on the themes linked to it, and store what is new."""
    for piece in leased:
        with context.database.read(workspace=piece.workspace_id) as session:
            found = products.load_releases(session, workspace=piece.workspace_id, releases=[piece.subject])
            release = found[0] if found else None
            if release is None:
                window, questions, revision, quotes = None, [], 0, {}
            else:
                window = data_window(session, workspace=piece.workspace_id, now=context.clock())
                questions = _questions(session, release, window) if window else []
                revision = theme_stream.read_stream(session, workspace=piece.workspace_id).revision
                quotes = {
                    question.theme_key: impact.quote_spans(
                        session, workspace=piece.workspace_id, theme=question.theme_key, limit=5
                    )
                    for question in questions
                }
        answers = judge_many([question.case for question in questions])
        with context.database.write(workspace=piece.workspace_id) as session:
            for question, answer in zip(questions, answers, strict=True):
                row = _row(question, answer, piece.subject, revision, context.clock())
                row["quotes"] = quotes[question.theme_key]
                impact.write_verdict(session, workspace=piece.workspace_id, row=row)
            work.finish(session, [piece], now=context.clock())
            if release is not None:
                _plan_next(session, release, window, context.clock())


def data_window(session: Session, *, workspace: int, now: datetime) -> Window | None:
    """Return the days that hold complete data; None without tickets."""
    span = feedback.span_of_days(session, workspace=workspace)
    if span is None:
        return None
    zone = ZoneInfo(workspaces.get_workspace(session, workspace=workspace).time_zone)
    first, last = (moment.astimezone(zone).date() for moment in span)
    end = complete_until(now, last, zone)
    return Window(first, end, zone) if end > first else None


def _questions(session: Session, release: Release, window: Window) -> list[Question]:
    workspace = release.workspace_id
    start, full = (moment.astimezone(window.zone).date() for moment in (release.released_at, release.full_at))
    found = links.of_release(session, workspace=workspace, release=release.id)
    seen: dict[int, ReleaseLink] = {}
    for each in found:
        seen.setdefault(each.theme_id, each)
    confirmed = links.confirmed_releases(session, workspace=workspace)
    material = read_material(
        session,
        workspace=workspace,
        window=window,
        release_start=start,
        touched=set(confirmed) | set(seen),
    )
    definition, changed = _definition(session, release, window)
    targets: list[tuple[int, ReleaseLink | None]] = list(seen.items())
    if not any(each.link.state is LinkState.CONFIRMED for each in found):
        targets.append((impact.TOTAL, None))
    is_mixed = kinds.is_mixed(session, workspace=workspace)
    questions = []
    for theme, link in targets:
        flags = _flags(session, release, link, confirmed.get(theme, set()), window) + changed
        for look, read_through in _due_looks(full, window):
            checks = _kind_checks(session, release, theme, window, read_through) if is_mixed else ()
            case = Case(
                series=NO_SERIES,
                release_start=start,
                release_full=full,
                read_through=read_through,
                look=look,
                # A control chosen when the verdict is computed was not registered, whatever rule chose it:
                # grade C needs the list to be frozen when the link is confirmed.
                registered_control=False,
                flags=(*flags, *(Reason.KIND_CHANGED for check in checks if not check.passed)),
            )
            case, of_sources = with_series(material, theme, case)
            questions.append(Question(theme, link, case, (*checks, *of_sources, *definition)))
    return questions


def _definition(
    session: Session, release: Release, window: Window
) -> tuple[tuple[Check, ...], tuple[Reason, ...]]:
    """Say whether what is counted was decided by the same rules all along, and what stands in the way if not."""
    start = datetime.combine(window.start, time.min, window.zone)
    end = datetime.combine(window.end, time.min, window.zone)
    checks, is_mixed = [], False
    for found in scope_reading.definitions(session, workspace=release.workspace_id, start=start, end=end):
        is_mixed = is_mixed or found.is_mixed
        checks.append(Check("definition", not found.is_mixed, found.sentence(window.zone)))
    return tuple(checks), (Reason.DEFINITION_CHANGED,) if is_mixed else ()


def _flags(
    session: Session, release: Release, link: ReleaseLink | None, same_theme: set[int], window: Window
) -> tuple[Reason, ...]:
    flags = []
    others = products.load_releases(
        session, workspace=release.workspace_id, releases=sorted(same_theme - {release.id})
    )
    if any(
        other.released_at < release.full_at + OVERLAP and other.full_at > release.released_at - OVERLAP
        for other in others
    ):
        flags.append(Reason.OVERLAPPING_RELEASE)
    if link is not None and not links.is_prospective(link.link, release):
        flags.append(Reason.CHOSEN_AFTER)
    end = datetime.combine(window.end, time.min, window.zone)
    horizon = min(end, release.full_at + impact.LONGEST_WINDOW)
    events = impact.events_between(
        session, workspace=release.workspace_id, start=release.released_at, end=horizon
    )
    if any(event.kind != "source_silent" for event in events):
        flags.append(Reason.CONTEXT_EVENT)
    return tuple(flags)


def _kind_checks(
    session: Session, release: Release, theme: int, window: Window, read_through: date
) -> tuple[Check, ...]:
    """Compare who decided the kinds of the complaints before and after; nothing to say where it was one version."""
    start, end = (datetime.combine(day, time.min, window.zone) for day in (window.start, read_through))
    before, after = (
        kinds.versions_between(
            session, workspace=release.workspace_id, theme=theme or None, start=since, end=until
        )
        for since, until in ((start, release.released_at), (release.full_at, end))
    )
    versions = sorted(before | after)
    if len(versions) < 2:
        return ()
    totals = [max(sum(side.values()), 1) for side in (before, after)]
    moved = max(
        abs(before.get(version, 0) / totals[0] - after.get(version, 0) / totals[1]) for version in versions
    )
    sentence = f"Kinds were decided by {' and '.join(versions)}; their shares differ by {moved:.0%} before and after."
    return (Check("kind_changed", moved <= KIND_TOLERANCE, sentence),)


def _due_looks(full: date, window: Window) -> list[tuple[Look | None, date]]:
    """Return the looks whose weeks are complete, each with the end of its own data; (None, …) before the first."""
    looks: list[tuple[Look | None, date]] = []
    for look in schedule(full, reporting_delay_days=REPORTING_DELAY.days):
        end = full + timedelta(weeks=look.weeks)
        if end <= window.end:
            looks.append((look, end))
    return looks or [(None, window.end)]


def _plan_next(session: Session, release: Release, window: Window | None, now: datetime) -> None:
    """Plan the first look that is still to be read: on its day, or tomorrow where its data are not complete yet."""
    zone = ZoneInfo(workspaces.get_workspace(session, workspace=release.workspace_id).time_zone)
    full = release.full_at.astimezone(zone).date()
    unread = [
        look
        for look in schedule(full, reporting_delay_days=REPORTING_DELAY.days)
        if window is None or full + timedelta(weeks=look.weeks) > window.end
    ]
    is_over = now >= release.full_at + impact.LONGEST_WINDOW
    planned = unread[0].number if unread and not is_over else None
    work.drop_planned(
        session, workspace=release.workspace_id, stage=Job.MEASURE, subject=release.id, but=planned
    )
    if planned is not None:
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        due = datetime.combine(unread[0].read_on, time.min, zone)
        work.mark_dirty(
            session,
            workspace=release.workspace_id,
            stage=Job.MEASURE,
            subject=release.id,
            version=planned,
            run_at=(due if due > now else datetime.combine(tomorrow, time.min, zone)).astimezone(UTC),
        )


def _row(
    question: Question, answer: Judgement, release: int, revision: int, now: datetime
) -> dict[str, object]:
    case, estimate, link = question.case, answer.estimate, question.link
    has_exposure = case.series.exposure is not None
    numbers = asdict(estimate) if estimate is not None else {}
    return {
        "release_id": release,
        "theme_key": question.theme_key,
        "theme_id": question.theme_key or None,
        "link_id": link.link.id if link else None,
        "link_state": link.link.state if link else None,
        "segment": "all",
        "look": case.look.number if case.look else 0,
        "method_version": METHOD_VERSION,
        "theme_revision": revision,
        "word": answer.word,
        "grade": answer.grade,
        **{
            name: numbers.get(name)
            for name in (
                "effect",
                "low",
                "high",
                "decision_low",
                "decision_high",
                "shrunk_effect",
                "p_value",
                "expected",
                "observed",
            )
        },
        "rate_unit": UNIT_WITH_EXPOSURE if has_exposure else UNIT_WITHOUT,
        "bound": answer.bound,
        "mde": answer.mde,
        "judgeable_on": answer.judgeable_on,
        "reasons": [str(reason) for reason in answer.reasons],
        "checks": [asdict(check) for check in (*answer.checks, *question.checks)],
        "periods": [_period(period) for period in answer.periods],
        "read_through": case.read_through,
        "input_hash": _input_hash(case, link, question.checks),
        "created_at": now,
    }


def _period(fit: object) -> JsonObject:
    row: JsonObject = asdict(fit)  # type: ignore[call-overload]
    row["start"] = str(row["start"])
    return row


def _input_hash(case: Case, link: ReleaseLink | None, checks: Sequence[Check]) -> str:
    """Hash everything the answer depends on, so that a restated verdict shows that its input changed."""
    digest = hashlib.sha256()
    facts = {
        "start": str(case.series.start),
        "release": [str(case.release_start), str(case.release_full), str(case.read_through)],
        "look": asdict(case.look) | {"read_on": str(case.look.read_on)} if case.look else None,
        "control": case.registered_control,
        "flags": [str(flag) for flag in case.flags],
        "link": str(link.link.state) if link else None,
    }
    if checks:
        facts["checks"] = [check.sentence for check in checks]
    digest.update(json.dumps(facts, sort_keys=True).encode())
    for array in (case.series.counts, case.series.exposure, case.series.control):
        digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
