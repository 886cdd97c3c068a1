"""Acts on themes that meet other acts, edits and deletions: each stays, and can be taken back."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, event, select

from models.database import Database
from models.errors import Conflict, Invalid
from models.jobs import Job
from models.queries import (
    impact,
    links,
    overview,
    theme_books,
    theme_changes,
    theme_marks,
    theme_undo,
    themes,
    unsaid,
    withdrawals,
    work,
)
from models.queries.theme_log import Author
from models.records import Arrival, Link, LinkState, ThemeSeed, ThemeState, Work
from models.values.storable import UNSTORABLE
from service import curation
from tests import factories
from tests.clock import NOON
from tests.service.correcting import Correcting
from tests.steps import recounted, stored_counts
from tests.verdicts import verdict_row
from tests.workers.tickets import deliver
from workers.themes import Streams

ADA = Author("Ada", "usr_1")


def edit(desk: Correcting, item: int, text: str) -> None:
    name = desk.get(f"feedback/fb_{item}")["external_id"]
    desk.clock.advance(minutes=1)
    entry = {"id": name, "text": text, "updated_at": desk.clock().isoformat()}
    deliver(desk.context, desk.workspace, desk.source, entry)
    desk.work()


def test_an_item_edited_while_its_theme_was_merged_goes_back_with_it(desk: Correcting) -> None:
    home, target, into = desk.themes()[:3]
    item = desk.items_in(home)[0]
    move = desk.act(target, "move", {"items": [f"fb_{item}"]})
    merge = desk.act(into, "merge", {"themes": [f"th_{target}"]})
    edit(desk, item, "The password reset on our phones is broken again.")
    assert desk.places()[item] == into
    desk.act(into, "undo", {"act": merge["act"]})
    assert desk.places()[item] == target
    assert recounted(desk.database) == stored_counts(desk.database)
    desk.act(target, "undo", {"act": move["act"]})
    assert desk.places()[item] == home
    assert recounted(desk.database) == stored_counts(desk.database)


def test_an_act_is_undone_only_at_a_theme_it_was_on(desk: Correcting) -> None:
    a, b = desk.themes()[:2]
    pin = desk.act(a, "pin")
    refused = desk.act(b, "undo", {"act": pin["act"]}, status=422)
    assert refused["field"] == "act"
    assert desk.row(a).pinned
    desk.act(a, "undo", {"act": pin["act"]})
    assert not desk.row(a).pinned


def test_what_was_expected_no_longer_loses_its_name_and_may_be_expected_again(desk: Correcting) -> None:
    theme = int(desk.post("themes", {"label": "Refunds"}, status=201)["created"][3:])
    desk.act(theme, "move", {"items": [f"fb_{desk.items_in(desk.themes()[0])[0]}"]})
    seed = next(act for act in desk.get("theme-acts")["items"] if act["verb"] == "seed")
    desk.act(theme, "undo", {"act": seed["id"]})
    row = desk.row(theme)
    assert (row.named, row.label) == (False, row.found_label)
    again = desk.post("themes", {"label": "Refunds"}, status=201)["created"]
    assert again != f"th_{theme}"


def test_a_feature_gets_proposals_though_the_likeliest_theme_is_noise(desk: Correcting) -> None:
    problems = desk.problems()
    exports = [theme for theme in desk.themes() if problems[desk.items_in(theme)[0]] == "export"]
    for theme in exports:
        desk.act(theme, "dismiss")
    with desk.database.write(workspace=desk.workspace) as session:
        feature = factories.feature(
            session,
            desk.workspace,
            title="Large calendar exports finish",
            body="The calendar export no longer fails.",
        )
        work.mark_dirty(
            session, workspace=desk.workspace, stage=Job.LINK, subject=feature, run_at=desk.clock()
        )
    desk.work()
    with desk.database.read(workspace=None) as session:
        assert not {link.theme_id for link in session.scalars(select(Link))} & set(exports)
        states = session.scalars(select(Work.state).where(Work.stage == Job.LINK, Work.subject == feature))
        assert [str(state) for state in states] == ["done"]


def test_an_item_taken_out_by_an_undo_counts_in_no_theme(desk: Correcting) -> None:
    """It was in no theme, and its work waits."""
    theme = desk.themes()[0]
    item = desk.items_in(theme)[0]
    _let_wait(desk, item)
    desk.act(theme, "move", {"items": [f"fb_{item}"]})
    assert desk.get(f"feedback/fb_{item}")["counted"] is True
    with desk.database.write(workspace=desk.workspace) as session:
        theme_undo.undo(session, workspace=desk.workspace, theme=theme, author=ADA, now=desk.clock())
    assert desk.get(f"feedback/fb_{item}")["counted"] is False
    desk.work()
    assert recounted(desk.database) == stored_counts(desk.database)


def _let_wait(desk: Correcting, item: int) -> None:
    with desk.database.write(workspace=desk.workspace) as session:
        books = theme_books.open_books(session, workspace=desk.workspace)
        theme_books.put_items(session, workspace=desk.workspace, places={item: None}, revision=books.revision)
        theme_books.close_books(session, workspace=desk.workspace, books=books)


def test_an_item_put_in_a_theme_before_it_was_read_leaves_it_when_it_is_deleted(desk: Correcting) -> None:
    theme = desk.themes()[0]
    item = desk.items_in(desk.themes()[1])[0]
    _let_wait(desk, item)
    with desk.database.write(workspace=desk.workspace) as session:
        session.execute(delete(Arrival).where(Arrival.item_id == item))
    desk.act(theme, "move", {"items": [f"fb_{item}"]})
    assert desk.places()[item] == theme
    with desk.database.write(workspace=desk.workspace) as session:
        name = desk.get(f"feedback/fb_{item}")["external_id"]
        withdrawals.withdraw(
            session,
            workspace=desk.workspace,
            source=desk.source,
            external_id=name,
            message_id=None,
            is_redaction=False,
            changed_at=desk.clock(),
            now=desk.clock(),
        )
    desk.work()
    assert item not in desk.places()


def test_a_worker_sees_expected_wordings_that_came_while_it_loaded_and_forgets_those_that_went(
    desk: Correcting, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = Streams()
    body = {"label": "Zeppelins", "examples": ["The zeppelin lands late."]}

    def late(*_: object) -> None:
        monkeypatch.undo()
        assert desk.client.post("/v1/themes", json=body).status_code == 201

    monkeypatch.setattr("workers.themes.read_seeds", late)
    streams.load(desk.context, desk.workspace)
    planted = [
        len(each) for each in streams.load(desk.context, desk.workspace).stream.constraints.seeds.values()
    ]
    assert planted == [2]
    with desk.database.write(workspace=desk.workspace) as session:
        session.execute(delete(ThemeSeed).where(ThemeSeed.text == "The zeppelin lands late."))
    planted = [
        len(each) for each in streams.load(desk.context, desk.workspace).stream.constraints.seeds.values()
    ]
    assert planted == [1]


# --- beside merges that refits made --------------------------------------------------------------------------


class Parted:
    """A theme of six items, of which two and two were split out."""

    def __init__(self, database: Database) -> None:
        self.database, self.workspace = database, factories.workspace(database)
        with database.write(workspace=self.workspace) as session:
            source = factories.source(session, self.workspace)
            self.whole, self.other = (factories.theme(session, self.workspace, number) for number in (1, 2))
            self.items = [
                factories.item(
                    session, self.workspace, source, external_id=f"T-{each}", at=NOON - timedelta(days=each)
                )
                for each in range(7)
            ]
            factories.assign(session, self.workspace, self.items[:6], self.whole)
            factories.assign(session, self.workspace, self.items[6:], self.other)
        self.splits, self.parts = [], []
        for items in (self.items[:2], self.items[2:4]):
            with database.write(workspace=self.workspace) as session:
                done = theme_changes.split(
                    session,
                    workspace=self.workspace,
                    theme=self.whole,
                    items=items,
                    label=None,
                    author=ADA,
                    now=NOON,
                )
                self.splits.append(done.act.id)
                self.parts.append(done.act.other_ids[0])

    def machine_merge(self, old: int, into: int) -> None:
        with self.database.write(workspace=self.workspace) as session:
            books = theme_books.open_books(session, workspace=self.workspace)
            numbers = themes.numbers(session, workspace=self.workspace)
            books.redirect(numbers[old], numbers[into])
            theme_books.close_books(session, workspace=self.workspace, books=books)

    def undo(self, act: int) -> None:
        with self.database.write(workspace=self.workspace) as session:
            theme_undo.undo(
                session, workspace=self.workspace, theme=self.whole, act=act, author=ADA, now=NOON
            )

    def marked(self) -> set[tuple[int, int]]:
        """Which themes are to be counted anew, on which days."""
        with self.database.read(workspace=self.workspace) as session:
            rows = session.execute(select(Work.subject, Work.version).where(Work.stage == Job.COUNT))
            return {(theme, day) for theme, day in rows}


@pytest.fixture
def parted(sqlite: Database) -> Parted:
    return Parted(sqlite)


def test_an_undone_split_does_not_join_what_another_one_parts(parted: Parted) -> None:
    parted.machine_merge(parted.parts[1], parted.parts[0])
    with pytest.raises(Conflict, match=f"act_{parted.splits[1]}, the split"):
        parted.undo(parted.splits[0])
    parted.undo(parted.splits[1])
    parted.undo(parted.splits[0])


def test_an_undone_split_has_the_theme_counted_that_refits_merged_its_part_into(parted: Parted) -> None:
    part, other = parted.parts[0], parted.other
    with parted.database.write(workspace=parted.workspace) as session:
        source = factories.source(session, parted.workspace, name="late")
        late = factories.item(
            session, parted.workspace, source, external_id="late", at=NOON - timedelta(days=90)
        )
        factories.assign(session, parted.workspace, [late], part)
    parted.machine_merge(part, other)
    parted.undo(parted.splits[0])
    day = (NOON - timedelta(days=90)).date().toordinal()
    assert {(other, day), (parted.whole, day)} <= parted.marked()


def test_nothing_is_judged_or_said_of_a_theme_that_was_called_noise(sqlite: Database) -> None:
    workspace = factories.workspace(sqlite)
    with sqlite.write(workspace=workspace) as session:
        old, theme = (factories.theme(session, workspace, number) for number in (1, 2))
        factories.merge(session, workspace, old, theme)
        release = factories.release(session, workspace)
        feature = factories.feature(session, workspace, of="1.0")
        session.add_all(
            Link(
                workspace_id=workspace,
                theme_id=each,
                feature_id=feature,
                state=LinkState.CONFIRMED,
                reason="it says so",
                proposed_at=NOON,
                decided_at=NOON,
            )
            for each in (old, theme)
        )
        impact.write_verdict(session, workspace=workspace, row=verdict_row(release, theme))

    def said(as_of: datetime | None = None) -> list[int]:
        with sqlite.read(workspace=workspace) as session:
            judged = links.of_release(session, workspace=workspace, release=release)
            listed = overview.linked_releases(session, workspace=workspace)
            told = impact.latest_verdicts(session, workspace=workspace, as_of=as_of)
            return [len(judged), len(listed), len(told)]

    assert said() == [2, 2, 1]
    with sqlite.write(workspace=workspace) as session:
        theme_marks.dismiss(
            session, workspace=workspace, theme=theme, author=ADA, now=NOON + timedelta(days=1)
        )
    assert said() == [0, 0, 0]
    assert said(as_of=NOON + timedelta(hours=1))[2] == 1
    with sqlite.write(workspace=workspace) as session:
        theme_undo.undo(session, workspace=workspace, theme=theme, author=ADA, now=NOON + timedelta(days=2))
    assert said() == [2, 2, 1]


def test_a_pinned_theme_stands_though_it_is_empty(sqlite: Database) -> None:
    workspace = factories.workspace(sqlite)
    given = {"workspace": workspace, "author": ADA, "now": NOON}
    with sqlite.write(workspace=workspace) as session:
        done = theme_marks.seed(session, label="Refunds", texts=["Refunds"], **given)  # type: ignore[arg-type]
        theme = done.act.theme_id
        theme_undo.undo(session, theme=theme, **given)  # type: ignore[arg-type]
        assert themes.get_theme(session, workspace=workspace, theme=theme).state is ThemeState.RETIRED
        theme_marks.pin(session, theme=theme, **given)  # type: ignore[arg-type]
        assert themes.get_theme(session, workspace=workspace, theme=theme).state is ThemeState.ACTIVE


def test_an_act_on_a_large_theme_asks_for_its_days_in_few_statements(sqlite: Database) -> None:
    workspace = factories.workspace(sqlite)
    with sqlite.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        into, other = (factories.theme(session, workspace, number) for number in (1, 2))
        for day in range(60):
            at = NOON - timedelta(days=day)
            item = factories.item(session, workspace, source, external_id=f"T-{day}", at=at)
            factories.assign(session, workspace, [item], other)
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    event.listen(sqlite.engine, "before_cursor_execute", note)
    with sqlite.write(workspace=workspace) as session:
        theme_changes.merge(session, workspace=workspace, theme=into, others=[other], author=ADA, now=NOON)
    assert len(statements) < 60
    with sqlite.read(workspace=workspace) as session:
        asked = session.execute(select(Work.subject, Work.version).where(Work.stage == Job.COUNT)).all()
    assert len(asked) == 2 * 60


def test_names_and_examples_from_forms_hold_nothing_that_cannot_be_stored() -> None:
    with pytest.raises(Invalid, match="NUL"):
        curation.checked_name("Refunds\x00")
    texts = curation.seed_texts("Refunds", "late\x00", ["where is it \ud800"])
    assert len(texts) == 2
    assert not any(UNSTORABLE.search(text) for text in texts)


def test_what_is_expected_by_name_is_not_forgotten_with_the_words_of_a_deleted_ticket(
    sqlite: Database,
) -> None:
    workspace = factories.workspace(sqlite)
    texts = ["Zeppelins", "The zeppelin of Ms Roe lands late."]
    with sqlite.write(workspace=workspace) as session:
        theme_marks.seed(session, workspace=workspace, label="Zeppelins", texts=texts, author=ADA, now=NOON)
        unsaid.unsay(session, workspace=workspace, words={"zeppelins", "roe"}, items=[], now=NOON)
        assert session.scalars(select(ThemeSeed.text)).all() == ["Zeppelins"]
