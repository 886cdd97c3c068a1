"""Rules of scope of a source: their revisions, and what they make of stored items."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from models.errors import Conflict
from models.jobs import Job
from models.queries import counts, impact, work
from models.queries.deliveries import get_source
from models.queries.listing import themes_of
from models.queries.within import within
from models.queries.workspaces import get_workspace, hash_person
from models.records import Embedding, FeedbackItem, Source, SourceRules, ThemeQuote
from models.sources.scope import Facts, Rule, decide, domain_of, hashed, rules_of
from models.values.feedback import AuthorRole, FeedbackChange

DOMAIN = "domain:"
"""Before an e-mail domain that is hashed, so that its digest is never that of a person."""


@dataclass(frozen=True, slots=True)
class RulesState:
    """The rules of a source in force; revision 0: it never had any."""

    revision: int
    rules: tuple[Rule, ...]
    fields: Mapping[str, str]
    fields_revision: int
    author: str | None
    at: datetime | None
    done_at: datetime | None


NONE = RulesState(0, (), {}, 0, None, None, None)


def latest(session: Session, *, workspace: int, source: int) -> RulesState:
    """Return a source's rules in force."""
    row = _latest_row(session, workspace, source)
    if row is None:
        return NONE
    return RulesState(
        revision=row.revision,
        rules=rules_of(row.rules),
        fields=row.fields,
        fields_revision=row.fields_revision,
        author=row.author,
        at=row.at,
        done_at=row.done_at,
    )


def _latest_row(session: Session, workspace: int, source: int) -> SourceRules | None:
    query = select(SourceRules).where(SourceRules.source_id == source, within(SourceRules, workspace))
    return session.scalar(query.order_by(SourceRules.revision.desc()).limit(1))


def put_rules(
    session: Session,
    *,
    workspace: int,
    source: int,
    rules: Sequence[Rule],
    fields: Mapping[str, str],
    author: str,
    expected: int | None,
    now: datetime,
) -> RulesState:
    """Write the next revision of a source's rules, and ask that what is stored be looked at again.

    The same rules and fields again change nothing. `expected` is the revision that the author has seen; raise
    `Conflict` where another one stands by now.
    """
    row = get_source(session, workspace=workspace, source=source)
    stands = latest(session, workspace=workspace, source=source)
    if expected is not None and expected != stands.revision:
        raise Conflict(
            f"revision {stands.revision} stands, not {expected}: read the rules again.", field="revision"
        )
    is_mapped_anew = dict(row_fields(row)) != dict(fields)
    if tuple(rules) == stands.rules and not is_mapped_anew:
        return stands
    revision = stands.revision + 1
    made = SourceRules(
        workspace_id=workspace,
        source_id=source,
        revision=revision,
        rules=[rule.to_json() for rule in rules],
        fields=dict(fields),
        fields_revision=revision if is_mapped_anew else stands.fields_revision,
        author=author[:200],
        at=now,
        seen_delivery=0,
        seen_item=0,
    )
    session.add(made)
    # Parsers read the map from the settings.
    row.settings = {**row.settings, "fields": dict(fields)}
    session.flush()
    work.enqueue(session, workspace=workspace, stage=Job.SCOPE, subject=source, version=revision, run_at=now)
    # Verdicts cannot compare before and after until the work is done.
    _mark_verdicts(session, workspace, source, now)
    return latest(session, workspace=workspace, source=source)


def row_fields(source: Source) -> Mapping[str, str]:
    """Return where a source's fields stand, from its settings."""
    found = source.settings.get("fields")
    return {str(name): str(path) for name, path in found.items()} if isinstance(found, dict) else {}


def digest_domain(session: Session, *, workspace: int, domain: str) -> str:
    """Hash an e-mail domain with the workspace's key, as items hold it."""
    key = get_workspace(session, workspace=workspace).person_key
    return hash_person(key, DOMAIN + domain)


def compiled(session: Session, *, workspace: int, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return rules with their domains hashed, as `decide` compares them with an item's."""
    key = get_workspace(session, workspace=workspace).person_key
    return hashed(rules, lambda domain: hash_person(key, DOMAIN + domain))


def facts_of(item: FeedbackItem) -> Facts:
    """Return what rules can ask of a stored item."""
    return Facts(
        brand=item.brand,
        group=item.group,
        form=item.form,
        tags=tuple(item.tags or ()),
        channel=item.channel,
        language=item.language,
        product_area=item.product_area,
        spam=item.spam,
        domain=item.domain_digest,
    )


_SAID = ("brand", "group", "form", "spam")
_FILLED = ("product_area", "plan")


def apply_change(
    session: Session, *, workspace: int, source: int, change: FeedbackChange, now: datetime
) -> int:
    """Keep what a change says of its record's scope, and decide anew; return how many messages it moved.

    The opening message speaks for its record; what one message says holds for all of them.
    """
    if change.external_id is None:
        return 0
    items = _of_record(session, workspace, source, change.external_id)
    if not items:
        return 0
    _tell(session, workspace, items, change)
    state = latest(session, workspace=workspace, source=source)
    if state.revision == 0:
        return 0
    rules = compiled(session, workspace=workspace, rules=state.rules)
    for item in items:
        # What a delivery brings is read under the present map.
        item.rules_revision = state.revision
    return _decide(
        session,
        items,
        rules,
        revision=state.revision,
        fields_revision=state.fields_revision,
        now=now,
    )


def _tell(session: Session, workspace: int, items: Sequence[FeedbackItem], change: FeedbackChange) -> None:
    """Write what a change says, and what is known of the record's other messages, to all of them."""
    is_theirs = change.author_role in (None, AuthorRole.CUSTOMER) or change.relayed
    domain = domain_of(change.customer_email) if is_theirs else None
    digest = digest_domain(session, workspace=workspace, domain=domain) if domain else None
    for name in (*_SAID, "domain_digest"):
        said = digest if name == "domain_digest" else getattr(change, name)
        known = next((getattr(item, name) for item in items if getattr(item, name) is not None), None)
        value = said if said is not None else known
        for item in items:
            # Whoever opened the record is whose it is, whoever else writes in it.
            is_kept = name == "domain_digest" and item.domain_digest is not None
            if value is not None and not is_kept:
                setattr(item, name, value)


def _decide(
    session: Session,
    items: Iterable[FeedbackItem],
    rules: Sequence[Rule],
    *,
    revision: int,
    fields_revision: int,
    now: datetime,
) -> int:
    """Apply compiled rules to items; return how many came in or went out.

    An item whose fields were not read since the map changed (`fields_revision`) keeps the revision that it has.
    """
    moved = 0
    for item in items:
        decision = decide(rules, facts_of(item))
        out = None if decision.is_kept else (decision.by or "")[:100]
        if (out is None) != (item.excluded_by is None):
            _move(session, item, now)
            moved += 1
        item.excluded_by = out
        if (item.rules_revision or 0) >= fields_revision:
            item.rules_revision = revision
    return moved


def _move(session: Session, item: FeedbackItem, now: datetime) -> None:
    """Let an item leave its theme, or look for one: as if its text had changed."""
    item.version += 1
    item.counted = False
    for table in (Embedding, ThemeQuote):
        session.execute(delete(table).where(table.item_id == item.id, within(table, item.workspace_id)))
    work.enqueue(
        session,
        workspace=item.workspace_id,
        stage=Job.EMBED,
        subject=item.id,
        version=item.version,
        run_at=now,
    )


# --- looking at stored items again --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pass:
    """How far a revision's second look has come, and whether fields must be read again from raw deliveries."""

    revision: int
    fields_revision: int
    rules: tuple[Rule, ...]
    seen_delivery: int
    seen_item: int
    reads_deliveries: bool


def open_pass(session: Session, *, workspace: int, source: int, revision: int) -> Pass | None:
    """Return where a revision's second look goes on; None if it is done, or a newer revision took its place."""
    row = _latest_row(session, workspace, source)
    if row is None or row.revision != revision or row.done_at is not None:
        return None
    return Pass(
        revision=row.revision,
        fields_revision=row.fields_revision,
        rules=compiled(session, workspace=workspace, rules=rules_of(row.rules)),
        seen_delivery=row.seen_delivery,
        seen_item=row.seen_item,
        reads_deliveries=_must_read(session, workspace, row),
    )


def _must_read(session: Session, workspace: int, row: SourceRules) -> bool:
    """Say whether the present map was not yet applied to all deliveries: by this revision, or one cut short."""
    if row.fields_revision == row.revision:
        return True
    query = select(SourceRules.done_at).where(
        SourceRules.source_id == row.source_id,
        within(SourceRules, workspace),
        SourceRules.revision >= row.fields_revision,
        SourceRules.done_at.is_not(None),
    )
    return row.fields_revision > 0 and session.scalar(query.limit(1)) is None


def read_again(
    session: Session, *, workspace: int, source: int, change: FeedbackChange, revision: int, now: datetime
) -> None:
    """Write the mapped fields that a stored delivery says, whose raw body was read under the present map."""
    if change.external_id is None:
        return
    said = {name: getattr(change, name) for name in (*_SAID, *_FILLED)}
    items = _of_record(session, workspace, source, change.external_id)
    recounted = [item for item in items if said["plan"] not in (None, item.plan)]
    for item in items:
        for name, value in (*said.items(), ("account_key", change.account_id)):
            if value is not None:
                setattr(item, name, value)
        item.rules_revision = revision
    session.flush()
    _recount(session, workspace, recounted, now)


def _recount(session: Session, workspace: int, items: Sequence[FeedbackItem], now: datetime) -> None:
    """Ask for new counts of the days of items whose plan changed: counts are kept by plan."""
    themes = themes_of(session, workspace=workspace, items=[item.id for item in items])
    pairs = [(themes[item.id], item.ticket_created_at) for item in items if item.id in themes]
    if pairs:
        zone = ZoneInfo(get_workspace(session, workspace=workspace).time_zone)
        counts.mark(session, workspace=workspace, pairs=pairs, zone=zone, now=now)


def _of_record(session: Session, workspace: int, source: int, external_id: str) -> Sequence[FeedbackItem]:
    return session.scalars(
        select(FeedbackItem)
        .where(
            within(FeedbackItem, workspace),
            FeedbackItem.source_id == source,
            FeedbackItem.external_id == external_id,
            FeedbackItem.withdrawn.is_(False),
        )
        .order_by(FeedbackItem.created_at, FeedbackItem.id)
    ).all()


def decide_part(
    session: Session, *, workspace: int, source: int, found: Pass, limit: int, now: datetime
) -> int | None:
    """Apply rules to the next items of a source; return the last one's id, or None where none was left."""
    query = select(FeedbackItem).where(
        FeedbackItem.source_id == source,
        within(FeedbackItem, workspace),
        FeedbackItem.id > found.seen_item,
        FeedbackItem.withdrawn.is_(False),
    )
    items = session.scalars(query.order_by(FeedbackItem.id).limit(limit)).all()
    if not items:
        return None
    _decide(
        session,
        items,
        found.rules,
        revision=found.revision,
        fields_revision=found.fields_revision,
        now=now,
    )
    session.flush()
    go_on(session, workspace=workspace, source=source, revision=found.revision, item=items[-1].id)
    return items[-1].id


def go_on(
    session: Session,
    *,
    workspace: int,
    source: int,
    revision: int,
    delivery: int | None = None,
    item: int | None = None,
) -> None:
    """Note how far the second look has come."""
    values = {name: value for name, value in (("seen_delivery", delivery), ("seen_item", item)) if value}
    session.execute(
        update(SourceRules)
        .where(
            SourceRules.source_id == source,
            within(SourceRules, workspace),
            SourceRules.revision == revision,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def end_pass(session: Session, *, workspace: int, source: int, revision: int, now: datetime) -> None:
    """Note that all that is stored was looked at, and ask for the verdicts that waited for it."""
    session.execute(
        update(SourceRules)
        .where(
            SourceRules.source_id == source,
            within(SourceRules, workspace),
            SourceRules.revision == revision,
        )
        .values(done_at=now)
        .execution_options(synchronize_session=False)
    )
    _mark_verdicts(session, workspace, source, now)


def _mark_verdicts(session: Session, workspace: int, source: int, now: datetime) -> None:
    first = session.scalar(
        select(func.min(FeedbackItem.ticket_created_at)).where(
            FeedbackItem.workspace_id == workspace, FeedbackItem.source_id == source
        )
    )
    if first is not None:
        impact.mark_releases(session, workspace=workspace, since=first.date(), now=now)
