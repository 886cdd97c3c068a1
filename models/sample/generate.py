"""Write the whole sample into a folder."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from models.sample.exports import (
    BROKEN_MAIL,
    MAIL_COLUMNS,
    REVIEW_COLUMNS,
    app_records,
    mail_rows,
    review_rows,
    write_csv,
    write_lines,
)
from models.sample.people import active_accounts, gather_crowd
from models.sample.plan import DAYS, SOURCES, Topic, load_company, load_events, load_releases, load_topics
from models.sample.rates import draw_counts, expected_counts
from models.sample.tables import (
    Active,
    write_accounts,
    write_events,
    write_exposure,
    write_features,
    write_goals,
    write_releases,
)
from models.sample.tickets import Scene, Ticket, draw_tickets
from models.sample.truth import write_truth
from models.sample.zendesk import event_bodies

PROGRESS_EVERY = 250

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What was written: `messages` counts every webhook body and row, `broken_rows` are among them."""

    folder: Path
    start: date
    until: date
    tickets: int
    tickets_by_source: dict[str, int]
    messages: int
    problems: int
    releases: int
    broken_rows: int


def write_sample(
    folder: Path, *, until: date, seed: int = 7, progress: Progress | None = None
) -> SampleSummary:
    """Write a year of the invented company's tickets, with all that stands beside them and the truth.

    `until` is the first day without data and a Monday; every date is counted back from it, so that the same
    seed gives the same year, shifted. `progress` is called with (tickets written, tickets in all). Raises
    ValueError when `until` is another weekday.
    """
    if until.weekday() != 0:
        raise ValueError(f"until must be a Monday, got {until:%A} {until}")
    folder.mkdir(parents=True, exist_ok=True)
    start = until - timedelta(days=DAYS)
    company, topics, releases, events = load_company(), load_topics(), load_releases(), load_events()
    crowd = gather_crowd(company, seed)
    active = active_accounts(crowd, company, seed)
    expected = expected_counts(topics, releases, events, active["all"].astype(np.float64))
    counts = draw_counts(topics, expected, seed)
    complaints = tuple(topic for topic in topics if topic.kind == "complaint")
    scene = Scene(start, company, crowd, releases, events, complaints)
    drawn = draw_tickets(scene, topics, counts, seed)
    tickets = list(_watched(drawn, int(counts.sum()), progress))
    messages = _write_feedback(folder, tickets, seed)
    _write_tables(folder, scene, topics, active, seed)
    write_truth(folder / "truth.json", scene, tickets, topics, expected, seed)
    return SampleSummary(
        folder=folder,
        start=start,
        until=until,
        tickets=len(tickets),
        tickets_by_source=dict(Counter(ticket.source for ticket in tickets)),
        messages=messages,
        problems=len(complaints),
        releases=len(releases),
        broken_rows=len(BROKEN_MAIL),
    )


def _write_feedback(folder: Path, tickets: Sequence[Ticket], seed: int) -> int:
    by_source = {source: [t for t in tickets if t.source == source] for source in SOURCES}
    bodies = event_bodies(by_source["zendesk"], seed)
    records = app_records(by_source["app"])
    mails = mail_rows(by_source["mail"], seed)
    reviews = review_rows(by_source["reviews"], seed)
    write_lines(folder / "zendesk.jsonl", bodies)
    write_lines(folder / "app_feedback.jsonl", records)
    write_csv(folder / "mail_export.csv", MAIL_COLUMNS, mails)
    write_csv(folder / "reviews.csv", REVIEW_COLUMNS, reviews)
    return len(bodies) + len(records) + len(mails) + len(reviews)


def _write_tables(folder: Path, scene: Scene, topics: tuple[Topic, ...], active: Active, seed: int) -> None:
    write_accounts(folder / "accounts.csv", scene.crowd, scene.start)
    write_exposure(folder / "exposure.csv", active, scene.start)
    write_releases(folder / "releases.csv", scene.releases, scene.start)
    write_features(folder / "features.csv", scene.releases)
    write_events(folder / "events.csv", scene.events, scene.start)
    write_goals(folder / "goals.yaml", topics, active["all"], scene.start, seed)


def _watched(tickets: Iterator[Ticket], total: int, progress: Progress | None) -> Iterator[Ticket]:
    """Pass tickets on and tell `progress`; those of a silent source count only at the end."""
    for done, ticket in enumerate(tickets, start=1):
        if progress is not None and done % PROGRESS_EVERY == 0:
            progress(done, total)
        yield ticket
    if progress is not None:
        progress(total, total)
