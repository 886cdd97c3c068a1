"""Rules of scope of a source: their revisions, and what they make of stored items."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.errors import Conflict
from models.jobs import Job
from models.queries import impact, ticket_rows, ticket_states, work
from models.queries.deliveries import get_source
from models.queries.ticket_states import MAPPED, Told
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


def map_revisions(session: Session, *, workspace: int, sources: Sequence[int]) -> dict[int, int]:
    """Return for each of the sources with rules the revision that last changed where its fields stand."""
    query = select(SourceRules.source_id, func.max(SourceRules.fields_revision)).where(
        SourceRules.source_id.in_(sources), within(SourceRules, workspace)
    )
    return {source: revision for source, revision in session.execute(query.group_by(SourceRules.source_id))}


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
        plan=item.plan,
        account=item.account_key,
        spam=item.spam,
        domain=item.domain_digest,
    )


def domain_digest_of(session: Session, *, workspace: int, change: FeedbackChange) -> str | None:
    """Hash the e-mail domain of the customer that a change names; None where it names none."""
    is_theirs = change.author_role in (None, AuthorRole.CUSTOMER) or change.relayed
    domain = domain_of(change.customer_email) or (change.customer_domain or "").strip().lower()
    return digest_domain(session, workspace=workspace, domain=domain) if domain and is_theirs else None


def decide_record(session: Session, *, workspace: int, source: int, external_id: str, now: datetime) -> int:
    """Decide anew whether a record is in scope, after a change of it; return how many messages it moved."""
    items = _of_record(session, workspace, source, external_id)
    state = latest(session, workspace=workspace, source=source)
    if state.revision == 0 and not any(item.spam or item.excluded_by for item in items):
        return 0
    for item in items if state.revision else ():
        # What a delivery brings is read under the present map.
        item.rules_revision = state.revision
    return _decide(
        session,
        items,
        compiled(session, workspace=workspace, rules=state.rules),
        revision=state.revision,
        fields_revision=state.fields_revision,
        now=now,
    )


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
        if revision and (item.rules_revision or 0) >= fields_revision:
            item.rules_revision = revision
    return moved


def _move(session: Session, item: FeedbackItem, now: datetime) -> None:
    """Let an item leave its theme, or look for one: as if its text had changed."""
    item.version += 1
    item.counted = False
    ticket_rows.drop_made(session, workspace=item.workspace_id, item=item.id, tables=(Embedding, ThemeQuote))
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
    session: Session,
    *,
    workspace: int,
    source: int,
    change: FeedbackChange,
    at: datetime,
    found: Pass,
    now: datetime,
) -> None:
    """Write the mapped fields that a stored delivery says, read under the present map; `at` is its vendor's clock."""
    if change.external_id is None:
        return
    ticket = ticket_rows.load(session, workspace=workspace, source=source, external_id=change.external_id)
    if not ticket.is_closed:
        values = {name: getattr(change, name) for name in MAPPED if name != "account_key"}
        told = Told({**values, "account_key": change.account_id}, at, map_revision=found.fields_revision)
        ticket_states.put_attributes(
            session, workspace=workspace, state=ticket.state, items=ticket.standing, told=told, now=now
        )
    for item in ticket.messages:
        if not item.withdrawn:
            item.rules_revision = found.revision


def _of_record(session: Session, workspace: int, source: int, external_id: str) -> Sequence[FeedbackItem]:
    named = ticket_rows.named(workspace, source, external_id)
    return session.scalars(select(FeedbackItem).where(*named, FeedbackItem.withdrawn.is_(False))).all()


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
