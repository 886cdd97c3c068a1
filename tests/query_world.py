"""One workspace with something for every query to find."""

import json
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, update

from models.database import Database, Session
from models.jobs import Job, WorkState
from models.language.encode import WordHashEncoder
from models.language.events import Bookkeeping
from models.queries import (
    access,
    accounts,
    alerts,
    counts,
    deliveries,
    embeddings,
    erasures,
    exposure,
    feedback,
    goals,
    impact,
    links,
    people,
    pull_counts,
    pulls,
    scope,
    shadow_stream,
    shadows,
    silence,
    theme_stream,
    themes,
    ticket_states,
    withdrawals,
    work,
)
from models.queries.erasures import ReceiptDraft, Removed
from models.queries.links import ProposalDraft
from models.queries.pulls import PullDraft, RecordDraft
from models.queries.theme_stream import Change, Entry
from models.queries.themes import QuoteSpan
from models.records import (
    Delivery,
    DeliveryState,
    FeedbackItem,
    JsonObject,
    KeyResult,
    LinkState,
    Metric,
    Objective,
    ShadowArrival,
    ShadowState,
    SuggestionState,
    Team,
    Theme,
    ThemeAct,
    ThemeActItem,
    ThemeEvent,
    ThemeSeed,
    ThemeState,
    ThemeVerb,
    Work,
)
from models.sealing import Keyring
from models.sources.rhythm import Mark
from models.sources.scope import Act, Fact, Rule
from models.values.roles import Role
from tests import factories
from tests.clock import NOON
from tests.verdicts import verdict_row

ZONE = ZoneInfo("UTC")
TODAY = NOON.date()
LATER = NOON + timedelta(hours=1)
SERIES = exposure.DEFAULT_SERIES
RULE = Rule("no chat", Act.EXCLUDE, Fact.CHANNEL, ("chat",))
RECEIPT = ReceiptDraft(NOON, "x", ("a" * 64,), 1, Removed(1, 1, 1, 1, 1), 0, True, "b" * 64)
PULL_LEASE = "a lease of the tests"


@dataclass(frozen=True, slots=True)
class World:
    """What the calls below name by id, all of one workspace."""

    workspace: int
    source: int
    delivery: int
    item: int
    # Assigned to the theme, and not counted yet.
    late: int
    # Not in the theme stream.
    loose: int
    rows: tuple[FeedbackItem, ...]
    # Who wrote the items, and who only voted for a ticket.
    person: int
    voter: int
    encoder: int
    vector: bytes
    theme: int
    merged: int
    # A theme that nothing is in, and one that a person called noise.
    other: int
    noise: int
    # Somebody moved the item into the theme, and expects a wording there.
    act: int
    # One that was undone.
    undone: int
    seed: int
    suggestion: int
    # Of an encoder that is tried, and read one item; not that of the workspace.
    tried: int
    release: int
    feature: int
    link: int
    metric: int
    objective: int
    key: int
    user: int
    open_pass: scope.Pass


def build(database: Database) -> World:
    """Fill one workspace; the one before it stays empty."""
    workspace = factories.workspace(database, name="Theirs")
    user = factories.user(database, workspace, role=Role.VIEWER)
    factories.user(database, workspace)
    factories.key(database, workspace)
    with database.write(workspace=workspace) as session:
        token = access.create_sign_in(session, workspace=workspace, user=user, now=NOON, minutes=9)
        assert access.exchange_sign_in(session, token=token, now=NOON)
        access.create_sign_in(session, workspace=workspace, user=user, now=NOON, minutes=9)
        source, delivery = _deliveries(session, workspace)
        items, encoder = _items(session, workspace, source)
        voter = _voter(session, workspace, source)
        theme, merged, other, noise = _themes(session, workspace, items)
        act, undone, seed = _acts(session, workspace, theme, other, items[0], encoder)
        suggestion = factories.suggestion(session, workspace, theme=theme, other=other, items=[items[2]])
        no = SuggestionState.DECLINED
        factories.suggestion(session, workspace, theme=other, other=theme, items=[items[2]], state=no)
        tried = _shadow(session, workspace, items)
        _scope(session, workspace, source, delivery)
        release, feature, link = _release(session, workspace, theme, items[0])
        metric, objective = _goals(session, workspace)
        exposure.put_exposure(
            session, workspace=workspace, series=SERIES, values={(TODAY, "all"): 9.0}, now=NOON
        )
        _pulls(session, workspace, source)
        _work(session, workspace, release, items[0])
        open_pass = scope.open_pass(session, workspace=workspace, source=source, revision=1)
        assert open_pass is not None
        erasures.add_receipt(session, workspace=workspace, draft=RECEIPT)
        return World(
            workspace=workspace, source=source, delivery=delivery,
            item=items[0], late=items[2], loose=items[3],
            rows=tuple(feedback.load_items(session, workspace=workspace, items=items)),
            person=people.persons_of(session, workspace=workspace, identity="mira@example.com")[0],
            voter=voter,
            encoder=encoder, vector=bytes(8), theme=theme, merged=merged,
            other=other, noise=noise, act=act, undone=undone, seed=seed, suggestion=suggestion, tried=tried,
            release=release, feature=feature, link=link, metric=metric, objective=objective,
            key=access.list_keys(session, workspace=workspace)[0].id, user=user,
            open_pass=open_pass,
        )  # fmt: skip


def _deliveries(session: Session, workspace: int) -> tuple[int, int]:
    source = factories.source(session, workspace, settings={"count_relayed": True})
    # Of fewer than a hundred deliveries no usual gap is told.
    names = ["broken", *(f"open {number}" for number in range(100))]
    drafts = [
        factories.delivery(workspace, source, b"{}", name=name, at=NOON + timedelta(minutes=place))
        for place, name in enumerate(names)
    ]
    deliveries.record(session, drafts=drafts)
    broken = session.scalars(select(Delivery.id).order_by(Delivery.id)).all()[0]
    state = DeliveryState.INVALID
    deliveries.close(session, workspace=workspace, delivery=broken, state=state, reason="not JSON")
    return source, broken


def _items(session: Session, workspace: int, source: int) -> tuple[list[int], int]:
    """Write four items and a record that was deleted."""
    made = [
        factories.item(
            session,
            workspace,
            source,
            external_id=f"T-{number}",
            at=factories.noon(day),
            person="mira@example.com",
            account_key="acme",
            plan="free",
        )
        for number, day in ((1, 0), (2, 0), (3, 1), (4, 0))
    ]
    factories.item(session, workspace, source, external_id="T-gone", person="mira@example.com")
    withdrawals.withdraw(
        session, workspace=workspace, source=source, external_id="T-gone", message_id=None, is_redaction=False,
        changed_at=NOON, now=NOON,
    )  # fmt: skip
    for number, version in ((made[0], "older"), (made[1], "newer")):
        session.get_one(FeedbackItem, number).kind_version = version
    accounts.put_account(
        session, workspace=workspace, key="acme", name="Acme", plan=None, segment=None, arr_usd=None,
        created_at=None,
    )  # fmt: skip
    return made, factories.vectors(session, workspace, made)


def _voter(session: Session, workspace: int, source: int) -> int:
    """Have somebody vote for a ticket, which another is then said to be part of; return who it is."""
    person = people.ensure_person(session, workspace=workspace, identities=["vera@example.com"], now=NOON)
    ticket_states.vote(
        session, workspace=workspace, source=source, external_id="T-voted", person=person, at=NOON
    )
    # As if its message had not been told of the merge yet.
    state = ticket_states.ensure(session, workspace=workspace, source=source, external_id="T-1")
    state.merged_into, state.merged_at = "T-2", NOON
    return person


def _themes(session: Session, workspace: int, items: list[int]) -> tuple[int, int, int, int]:
    """Write a theme that another was merged into, with its counts of today, and two more."""
    kept = Bookkeeping(3, 5, 1_000, ((2, 1),), ())
    state: JsonObject = {"bookkeeping": json.loads(kept.to_json()), "settled_at": 0}
    theme_stream.write_stream(session, workspace=workspace, before=0, revision=1, state=state)
    births = [Change("birth", number, 1) for number in (1, 2, 3, 4)]
    changes = [*births, Change("merge", 1, 2, other=2)]
    ids = theme_stream.apply_changes(session, workspace=workspace, changes=changes, revision=1, now=NOON)
    positions = {item: place for place, item in enumerate(items[:3], 1)}
    theme_stream.arrive(session, workspace=workspace, positions=positions)
    entries = [Entry(item, 1, 0.9) for item in positions]
    theme_stream.enter(session, workspace=workspace, entries=entries, ids=ids, revision=1)
    quotes = [QuoteSpan(items[0], 4, 10)]
    themes.write_label(
        session,
        workspace=workspace,
        theme=ids[1],
        label="exports",
        keywords=["export"],
        quotes=quotes,
        size=3,
    )
    counts.recompute(session, workspace=workspace, theme=ids[1], days={TODAY}, zone=ZONE)
    counts.mark(session, workspace=workspace, pairs=[(ids[1], NOON)], zone=ZONE, now=NOON)
    session.get_one(Theme, ids[4]).state = ThemeState.DISMISSED
    return ids[1], ids[2], ids[3], ids[4]


def _acts(
    session: Session, workspace: int, theme: int, before: int, item: int, encoder: int
) -> tuple[int, int, int]:
    """Write that somebody moved an item into the theme, expects a wording there, and pinned another for a while."""
    own = {"workspace_id": workspace}
    act = ThemeAct(
        **own, verb=ThemeVerb.MOVE, theme_id=theme, other_ids=[], revision=1, read=3, actor="mira", by="key_1",
        at=NOON,
    )  # fmt: skip
    session.add(act)
    session.flush()
    session.add(ThemeActItem(**own, act_id=act.id, item_id=item, from_theme_id=before))
    session.add(
        ThemeEvent(**own, revision=1, kind="move", theme_id=theme, item_count=1, act_id=act.id, at=NOON)
    )
    session.add(
        ThemeAct(
            **own, verb=ThemeVerb.MERGE, theme_id=theme, other_ids=[], revision=1, read=3, actor="mira", by="key_1",
            at=NOON,
        )
    )  # fmt: skip
    back = ThemeAct(
        **own, verb=ThemeVerb.PIN, theme_id=before, other_ids=[], revision=1, read=3, actor="mira", by="key_1",
        at=NOON,
    )  # fmt: skip
    session.add(back)
    session.flush()
    session.add(
        ThemeAct(
            **own, verb=ThemeVerb.UNDO, theme_id=before, other_ids=[], revision=1, read=3, actor="mira",
            by="key_1", at=NOON, undoes_id=back.id,
        )
    )  # fmt: skip
    read = ThemeSeed(
        **own, act_id=act.id, theme_id=theme, text="exports", encoder_id=encoder,
        vector=bytes(2 * WordHashEncoder().dimension),
    )  # fmt: skip
    seed = ThemeSeed(**own, act_id=act.id, theme_id=theme, text="csv")
    session.add_all([read, seed])
    session.flush()
    return act.id, back.id, seed.id


def _shadow(session: Session, workspace: int, items: list[int]) -> int:
    """Let another encoder be tried: it has read an item, and one that has left the stream since; return its id."""
    other = WordHashEncoder(64)
    own = {"workspace_id": workspace}
    state = ShadowState.SWITCHING
    factories.shadow(session, workspace, model="other", dtype="float32", state=state, read_through=1)
    encoder = shadows.bind(
        session, workspace=workspace, name=other.name, digest=other.digest, dtype=other.dtype, dimension=64
    )
    assert encoder is not None
    for item in items[:2]:
        embeddings.put(session, workspace=workspace, item=item, version=1, encoder=encoder, vector=bytes(128))
    session.add(ShadowArrival(**own, item_id=items[0], position=1, theme_number=1, score=0.5))
    session.add(ShadowArrival(**own, item_id=items[2], position=2, has_left=True))
    session.flush()
    return encoder


def _release(session: Session, workspace: int, theme: int, item: int) -> tuple[int, int, int]:
    """Write a release with a feature, a confirmed link and a verdict, and a feature with a proposed link."""
    release = factories.release(session, workspace)
    feature = factories.feature(session, workspace, of="1.0")
    proposal = factories.feature(session, workspace, name="mail", of="1.0")
    links.add(session, workspace=workspace, theme=theme, feature=feature, actor="mira", now=NOON)
    draft = ProposalDraft(
        theme, proposal, 0.8, "Shared words: export.", [{"item": item, "start": 4, "end": 10}]
    )
    links.propose(session, workspace=workspace, feature=proposal, drafts=[draft], now=NOON)
    impact.write_verdict(session, workspace=workspace, row=verdict_row(release, theme))
    (link,) = links.list_links(session, workspace=workspace, state=LinkState.PROPOSED)
    return release, proposal, link.id


def _scope(session: Session, workspace: int, source: int, delivery: int) -> None:
    """Write rules that were not applied yet, a day of silence, an alert, and when a delivery's event happened."""
    scope.put_rules(
        session, workspace=workspace, source=source, rules=[RULE], fields={"plan": "tier"}, author="mira",
        expected=None, now=NOON,
    )  # fmt: skip
    silent = {factories.day(2): Mark(9.0, is_firm=True)}
    silence.write_marks(session, workspace=workspace, source=source, wanted=silent, now=NOON)
    silence.note_event(session, workspace=workspace, delivery=delivery, occurred_at=NOON - timedelta(hours=1))
    alerts.open_alert(
        session,
        workspace=workspace,
        subject=f"src_{source}",
        kind=alerts.SILENT,
        reason="x",
        since=NOON,
        now=NOON,
    )


def _pulls(session: Session, workspace: int, source: int) -> None:
    """Let somebody's lease of a pulled source have run out; one record of it is here, one is wanted."""
    named = {"workspace": workspace, "source": source}
    draft = PullDraft("acme", None, None, "token", 60, NOON)
    row = pulls.put_pull(session, **named, draft=draft, keys=Keyring(), now=NOON)
    row.lease, row.lease_until = PULL_LEASE, NOON
    pulls.note_records(session, **named, records=[RecordDraft("P-1", NOON, False)])
    pulls.want_record(session, **named, external_id="P-2", now=NOON)
    pull_counts.put_count(
        session, **named, day=TODAY, theirs=2, ours=1, fetched=0, now=NOON - timedelta(days=2)
    )


def _goals(session: Session, workspace: int) -> tuple[int, int]:
    def put(table: type, **row: object) -> int:
        return int(goals.put(session, table, workspace=workspace, row=row).id)

    put(Team, key="t", name="Mail")
    metric = put(Metric, key="m", name="NPS", definition="", leading=False)
    objective = put(Objective, key="o", title="Fewer complaints")
    put(KeyResult, key="k", text="From 4 to 3", objective_id=objective, metric_id=metric)
    goals.put_observations(session, workspace=workspace, metric=metric, values={(NOON, "all"): 4.0})
    row = {"key": "e", "kind": "source_silent", "title": "Down", "starts_at": NOON, "ends_at": LATER}
    goals.put_event(session, workspace=workspace, row=row, now=NOON)
    holiday = {"key": "h", "kind": "holiday", "title": "New Year", "starts_at": NOON, "ends_at": None}
    goals.put_event(session, workspace=workspace, row=holiday, now=NOON)
    return metric, objective


def _work(session: Session, workspace: int, release: int, item: int) -> None:
    """Leave work that is planned, work that died, and for every stage a subject whose work is missing."""
    work.mark_dirty(
        session, workspace=workspace, stage=Job.MEASURE, subject=release, version=2, run_at=factories.noon(9)
    )
    for version in (0, 1):
        shadow_stream.ask(session, workspace=workspace, now=NOON)
        given_up = update(Work).where(Work.stage == Job.SHADOW, Work.version == 0)
        if version == 0:
            session.execute(given_up.values(state=WorkState.DEAD, version=1))
    judged = update(Work).where(Work.stage == Job.MEASURE, Work.version == 0)
    session.execute(judged.values(state=WorkState.DONE))
    session.execute(update(Work).where(Work.stage == Job.EMBED).values(state=WorkState.DEAD))
    session.execute(delete(Work).where(Work.stage == Job.EMBED, Work.subject == item))
    # One delivery of a hundred still waits to be read.
    waits = select(Delivery.id).order_by(Delivery.id.desc()).limit(1).scalar_subquery()
    session.execute(delete(Work).where(Work.stage == Job.LINK))
    session.execute(delete(Work).where(Work.stage == Job.INTAKE, Work.subject != waits))
