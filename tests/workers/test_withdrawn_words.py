"""What a vendor deletes or redacts is said nowhere any more: not by themes' names, quotes, links, vectors or the index."""

import pytest
from sqlalchemy import select

from models.database import Database
from models.jobs import Job, WorkState
from models.language.label import ThemeLabel, label_themes
from models.queries import links, search, themes, work
from models.records import FeedbackItem, Link, Theme, ThemeQuote, Work
from tests import erasing, factories
from tests.clock import Clock
from tests.locks import behind
from tests.steps import unfinished, walk
from tests.workers.tickets import deliver, open_assignments, year_of
from workers import themes as naming_stage
from workers.context import Context
from workers.retain import retain
from workers.run import run_batch
from workers.stages import build_stages

SAID = ("flumoxagon", "grumblefang", "wobblethorpe")
"""Of the subject, of every text and of one: words that nobody else says."""
RAW = "delivery"
"""Raw bodies keep what came until they expire."""


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def entries() -> list[dict[str, object]]:
    return [{**entry, "tags": []} for entry in erasing.entries()]


@pytest.fixture
def theme(context: Context, database: Database, workspace: int, source: int) -> int:
    """A theme that the customer's tickets are in, named, quoted and linked by words of theirs."""
    year_of(context, workspace, source, count=60)
    deliver(context, workspace, source, *entries())
    walk(context)
    with database.read(workspace=workspace) as session:
        of_them = select(FeedbackItem.id).where(FeedbackItem.external_id.like("Z-%"))
        theirs = list(session.scalars(of_them.order_by(FeedbackItem.id)))
    standing = open_assignments(database)
    placed = [item for item in theirs if item in standing]
    assert placed, "a ticket without theme gives none its words"
    with database.write(workspace=workspace) as session:
        row = session.get_one(Theme, standing[placed[0]])
        row.label = "Grumblefang panel crashes"
        row.keywords = ["grumblefang", "panel", "flumoxagon trouble", "wobblethorpe"]
        session.add(
            ThemeQuote(workspace_id=workspace, theme_id=row.id, item_id=placed[0], rank=9, start=0, end=9)
        )
        feature = factories.feature(session, workspace, name="panel", title="A calmer panel")
        draft = links.ProposalDraft(
            theme_id=row.id,
            feature_id=feature,
            probability=0.5,
            reason="An answer to “Grumblefang panel crashes”. Shared words: grumblefang, wobblethorpe.",
            evidence=[{"item": placed[0], "score": 1.0, "shared": ["grumblefang"], "start": 0, "end": 9}],
        )
        links.propose(session, workspace=workspace, feature=feature, drafts=[draft], now=context.clock())
        return row.id


def tables(database: Database) -> dict[str, set[str]]:
    return erasing.words_in_rows(database, SAID)


@pytest.mark.parametrize("whole", [True, False], ids=["records", "messages"])
@pytest.mark.parametrize("action", ["delete", "redact"])
def test_no_word_of_it_is_left_in_any_table(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    theme: int,
    clock: Clock,
    action: str,
    whole: bool,
) -> None:
    before = tables(database)
    assert {"feedback_item", "theme", "link"} <= before["grumblefang"]
    named = [(str(entry["id"]), str(entry.get("message_id") or "0")) for entry in entries()]
    gone: list[dict[str, object]] = [
        {"id": record, "action": action, **({} if whole else {"message_id": message})}
        for record, message in dict.fromkeys((record, message) for record, message in named)
    ]
    clock.advance(minutes=1)
    # Several changes of one delivery, and deliveries of one change each.
    deliver(context, workspace, source, gone[:4], *gone[4:])
    walk(context)
    # SQLite's index keeps the words of what it finds no more until the chore that writes it anew.
    at_once = {"feedback_search_data"} if database.is_sqlite else set()
    assert {word: found - at_once for word, found in tables(database).items()} == {
        word: {RAW} for word in SAID
    }
    retain(context, lambda _: None)
    assert tables(database) == {word: {RAW} for word in SAID}
    assert unfinished(context.database, now=clock()) == []
    with database.read(workspace=workspace) as session:
        row = session.get_one(Theme, theme)
        quoted = session.scalars(select(ThemeQuote.item_id)).all()
        standing = session.scalars(select(FeedbackItem.id).where(FeedbackItem.withdrawn.is_(False))).all()
        assert set(quoted) <= set(standing)
        assert {
            word for link in session.scalars(select(Link)) for word in SAID if word in link.reason
        } == set()
        assert row.label != "Grumblefang panel crashes"
        for word in SAID:
            says = search.matches(session, workspace=workspace, query=word)
            assert session.scalars(select(FeedbackItem.id).where(says)).all() == []


def test_a_name_whose_words_others_say_stays(
    database: Database, context: Context, workspace: int, source: int, theme: int, clock: Clock
) -> None:
    with database.write(workspace=workspace) as session:
        session.get_one(Theme, theme).label = "Panel crashes"
        session.get_one(Theme, theme).keywords = ["panel"]
    clock.advance(minutes=1)
    deliver(context, workspace, source, {"id": "Z-4", "action": "delete"})
    walk(context)
    with database.read(workspace=workspace) as session:
        assert session.get_one(Theme, theme).label == "Panel crashes"


# --- beside whoever names themes ----------------------------------------------------------------------------


class Naming:
    """A pass that names a theme with words of the customer, while their tickets are deleted."""

    def __init__(self, context: Context, workspace: int, theme: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.context, self.workspace, self.theme = context, workspace, theme
        with context.database.write(workspace=workspace) as session:
            row = session.get_one(Theme, theme)
            row.label, row.found_label, row.keywords, row.labelled_size = None, None, [], 0
            work.mark_dirty(
                session, workspace=workspace, stage=Job.LABEL, subject=workspace, run_at=context.clock()
            )
        self.between = lambda: None
        monkeypatch.setattr(naming_stage, "label_themes", self._label)

    def _label(self, *given: object, **named: object) -> dict[int, ThemeLabel]:
        found = label_themes(*given, **named)  # type: ignore[arg-type]
        texts: list[str] = given[0]  # type: ignore[assignment]
        if any("grumblefang" in text for text in texts):
            quotes = found[self.theme].quotes
            keywords = ("panel", "wobblethorpe") if any(SAID[2] in text for text in texts) else ("panel",)
            found[self.theme] = ThemeLabel("Grumblefang panel crashes", keywords, quotes)
        self.between()
        return found

    def run(self) -> None:
        stages = {
            job: stage for job, stage in build_stages(self.context.settings).items() if job is Job.LABEL
        }
        while run_batch(self.context, stages):
            pass

    def row(self) -> Theme:
        with self.context.database.read(workspace=self.workspace) as session:
            return themes.get_theme(session, workspace=self.workspace, theme=self.theme)


def take_in(context: Context) -> None:
    stages = {job: stage for job, stage in build_stages(context.settings).items() if job is Job.INTAKE}
    while run_batch(context, stages):
        pass


def gone() -> list[dict[str, object]]:
    return [
        {"id": record, "action": "delete"} for record in dict.fromkeys(str(each["id"]) for each in entries())
    ]


def test_a_name_found_in_texts_that_are_deleted_before_it_is_written_is_not_written(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    theme: int,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock.advance(minutes=1)
    naming = Naming(context, workspace, theme, monkeypatch)

    def meanwhile() -> None:
        naming.between = lambda: None
        deliver(context, workspace, source, *gone())
        take_in(context)

    naming.between = meanwhile
    naming.run()
    assert naming.row().label is None
    assert tables(database)["grumblefang"] <= {RAW, "feedback_search_data"}
    walk(context)
    clock.advance(minutes=1)
    walk(context)
    retain(context, lambda _: None)
    assert tables(database) == {word: {RAW} for word in SAID}
    assert unfinished(context.database, now=clock()) == []


def test_a_name_whose_words_others_still_say_is_written(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    theme: int,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock.advance(minutes=1)
    naming = Naming(context, workspace, theme, monkeypatch)

    def meanwhile() -> None:
        naming.between = lambda: None
        deliver(context, workspace, source, *gone()[4:8])
        take_in(context)

    naming.between = meanwhile
    naming.run()
    assert naming.row().label == "Grumblefang panel crashes"
    with database.read(workspace=workspace) as session:
        quoted = session.scalars(select(ThemeQuote.item_id).where(ThemeQuote.theme_id == theme)).all()
        standing = session.scalars(select(FeedbackItem.id).where(FeedbackItem.withdrawn.is_(False))).all()
    assert set(quoted) <= set(standing)


def unfinished_later(context: Context, clock: Clock) -> list[tuple[Job, int]]:
    """Return the naming that is due a minute later."""
    clock.advance(minutes=1)
    with context.database.read(workspace=None) as session:
        rows = session.execute(
            select(Work.stage, Work.subject).where(
                Work.stage == Job.LABEL, Work.state == WorkState.READY, Work.run_at <= clock()
            )
        )
        return [(job, subject) for job, subject in rows]


on_postgres = pytest.mark.parametrize("database", ["postgres"], indirect=True)
"""SQLite has one writer at a time: there nobody can delete while a name is written."""


@on_postgres
def test_a_deletion_that_is_not_committed_yet_is_neither_waited_for_nor_overlooked(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    theme: int,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock.advance(minutes=1)
    naming = Naming(context, workspace, theme, monkeypatch)
    with database.write(workspace=workspace) as session:
        of_them = FeedbackItem.external_id.like("Z-%")
        for row in session.scalars(select(FeedbackItem).where(of_them).with_for_update()):
            row.text, row.subject, row.withdrawn = "", None, True
        session.flush()
        naming.run()
        assert naming.row().label is None
    assert [job for job, _ in unfinished_later(context, clock)] == [Job.LABEL]
    naming.run()
    assert naming.row().label != "Grumblefang panel crashes"
    assert unfinished_later(context, clock) == []


@on_postgres
def test_a_deletion_waits_for_the_name_and_takes_its_words_out_again(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    theme: int,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock.advance(minutes=1)
    naming = Naming(context, workspace, theme, monkeypatch)
    deliver(context, workspace, source, *gone())
    write = themes.write_label
    with behind(lambda: take_in(context), database) as start:

        def writing(*given: object, **named: object) -> None:
            write(*given, **named)  # type: ignore[arg-type]
            if named["theme"] == theme:
                start()

        monkeypatch.setattr(themes, "write_label", writing)
        naming.run()
        monkeypatch.setattr(themes, "write_label", write)
    assert "grumblefang" not in (naming.row().label or "").lower()
    assert "theme" not in tables(database)["grumblefang"] | tables(database)["wobblethorpe"]
