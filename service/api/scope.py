"""`/v1/sources/{id}/rules`: what of a source counts, tried on its latest deliveries before it is put in force."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from models.database import Session
from models.errors import Invalid
from models.language.detect import detect
from models.language.own_words import own_line
from models.queries import deliveries, scope, scope_reading
from models.queries.access import Caller
from models.records import Delivery, Source
from models.sealing import Keyring, bound_to, keyring
from models.sources.paths import TARGETS, fields_of
from models.sources.reading import read_changes
from models.sources.scope import Decision, Facts, Rule, decide, rules_of
from models.values.feedback import FeedbackChange
from models.values.ids import Prefix, parse_id, public_id
from service import acts
from service.api.shapes.scope import (
    PreviewAnswer,
    PreviewCount,
    PreviewExample,
    PreviewRequest,
    RulesAnswer,
    RulesDraft,
    RuleShape,
    RulesPut,
    RulesRevision,
)
from service.dependencies import Admin, DatabaseOf, Now, SettingsOf, TicketReader

router = APIRouter(prefix="/v1/sources", tags=["sources"])

EXAMPLES = 5


@router.get("/{source_id}/rules")
def read_rules(source_id: str, database: DatabaseOf, caller: TicketReader) -> RulesAnswer:
    """Read the rules in force, who wrote them, and how far they are applied to what is stored."""
    number = parse_id(Prefix.SOURCE, source_id)
    with database.read(workspace=caller.workspace_id) as session:
        return _answer(session, caller, number)


@router.put("/{source_id}/rules")
def put_rules(source_id: str, body: RulesPut, database: DatabaseOf, caller: Admin, now: Now) -> RulesAnswer:
    """Put rules and map in force; stored tickets are then looked at again, and verdicts wait for that."""
    number = parse_id(Prefix.SOURCE, source_id)
    rules, fields = _read(body)
    with database.write(workspace=caller.workspace_id) as session:
        row = deliveries.get_source(session, workspace=caller.workspace_id, source=number)
        before = scope.latest(session, workspace=row.workspace_id, source=row.id).revision
        after = scope.put_rules(
            session,
            workspace=row.workspace_id,
            source=row.id,
            rules=rules,
            fields=scope.row_fields(row) if fields is None else fields,
            author=caller.name,
            expected=body.revision,
            now=now,
        )
        if after.revision != before:
            detail: dict[str, object] = {"revision": after.revision}
            acts.note(session, caller, "source.rules", source_id, now=now, detail=detail)
        return _answer(session, caller, number)


@router.post("/{source_id}/rules/preview")
def preview_rules(
    source_id: str, body: PreviewRequest, database: DatabaseOf, settings: SettingsOf, caller: Admin
) -> PreviewAnswer:
    """Try a draft on the latest deliveries: what it would keep and leave out, and why; nothing is stored."""
    number = parse_id(Prefix.SOURCE, source_id)
    rules, fields = _read(body)
    with database.read(workspace=caller.workspace_id) as session:
        row = deliveries.get_source(session, workspace=caller.workspace_id, source=number)
        rows = scope_reading.latest_deliveries(
            session, workspace=row.workspace_id, source=row.id, limit=body.limit
        )
        draft = scope.compiled(session, workspace=row.workspace_id, rules=rules)
        chosen = scope.row_fields(row) if fields is None else fields
        keys = keyring(settings.sealing_key)
        read = [(each, _messages(each, row, chosen, keys)) for each in rows]
        tried = [
            _try(session, row.workspace_id, draft, each, message)
            for each, messages in read
            for message in messages or ()
        ]
    return _preview(tried, chosen, deliveries=len(read), unreadable=sum(found is None for _, found in read))


def _read(body: RulesDraft) -> tuple[tuple[Rule, ...], Mapping[str, str] | None]:
    rules = rules_of([rule.model_dump(mode="json") for rule in body.rules])
    return rules, None if body.fields is None else fields_of(body.fields)


def _answer(session: Session, caller: Caller, source: int) -> RulesAnswer:
    row = deliveries.get_source(session, workspace=caller.workspace_id, source=source)
    state = scope.latest(session, workspace=row.workspace_id, source=row.id)
    share = scope_reading.excluded_share(session, workspace=row.workspace_id, source=row.id)
    past = scope_reading.history(session, workspace=row.workspace_id, source=row.id)
    return RulesAnswer(
        source=public_id(Prefix.SOURCE, row.id),
        revision=state.revision,
        rules=_shapes(state.rules),
        fields=dict(scope.row_fields(row)),
        applied_at=state.done_at,
        messages=share.items,
        excluded=share.excluded,
        history=[
            RulesRevision(
                revision=each.revision,
                author=each.author,
                at=each.at,
                rules=_shapes(rules_of(each.rules)),
                fields=each.fields,
                applied_at=each.done_at,
            )
            for each in past
        ],
    )


def _shapes(rules: Sequence[Rule]) -> list[RuleShape]:
    return [
        RuleShape(name=rule.name, action=rule.act, field=rule.fact, values=list(rule.values))
        for rule in rules
    ]


# --- the preview --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tried:
    """A message and what a draft makes of it."""

    delivery: int
    change: FeedbackChange
    decision: Decision


def _messages(
    row: Delivery, source: Source, fields: Mapping[str, str], keys: Keyring
) -> list[FeedbackChange] | None:
    """Read a delivery under a draft's map; None where it cannot be understood."""
    try:
        changes = read_changes(
            source.kind,
            keys.open(row.body, bound=bound_to(source.id, row.key)),
            headers=row.headers,
            settings={**source.settings, "fields": dict(fields)},
            received_at=row.received_at,
        )
    except Invalid:
        return None
    return list(_customers(changes))


def _customers(changes: Sequence[object]) -> Iterator[FeedbackChange]:
    for change in changes:
        if isinstance(change, FeedbackChange) and change.makes_item and not change.fallback:
            yield change


def _try(
    session: Session, workspace: int, draft: Sequence[Rule], row: Delivery, change: FeedbackChange
) -> Tried:
    facts = Facts(
        brand=change.brand,
        group=change.group,
        form=change.form,
        tags=change.tags or (),
        channel=change.channel,
        language=change.language or detect(f"{change.subject or ''} {change.body or ''}"),
        product_area=change.product_area,
        plan=change.plan,
        account=change.account_id,
        spam=change.spam,
        domain=scope.domain_digest_of(session, workspace=workspace, change=change),
    )
    return Tried(row.id, change, decide(draft, facts))


def _preview(
    tried: Sequence[Tried], fields: Mapping[str, str], *, deliveries: int, unreadable: int
) -> PreviewAnswer:
    counted = Counter((each.decision.by, each.decision.is_kept) for each in tried)
    names = sorted({by for by, _ in counted}, key=lambda by: -(counted[by, True] + counted[by, False]))
    kept = sum(each.decision.is_kept for each in tried)
    shown: Counter[str | None] = Counter()
    examples = []
    for each in tried:
        if shown[each.decision.by] < EXAMPLES:
            shown[each.decision.by] += 1
            examples.append(_example(each, fields))
    return PreviewAnswer(
        deliveries=deliveries,
        unreadable=unreadable,
        messages=len(tried),
        kept=kept,
        excluded=len(tried) - kept,
        by_rule=[PreviewCount(rule=by, kept=counted[by, True], excluded=counted[by, False]) for by in names],
        found={
            name: sum(getattr(each.change, TARGETS[name][0]) is not None for each in tried) for name in fields
        },
        examples=examples,
    )


def _example(each: Tried, fields: Mapping[str, str]) -> PreviewExample:
    subject = each.change.subject
    return PreviewExample(
        delivery=public_id(Prefix.DELIVERY, each.delivery),
        external_id=(each.change.external_id or "")[:300],
        subject=own_line(subject, limit=200) if subject else None,
        kept=each.decision.is_kept,
        rule=each.decision.by,
        why=each.decision.why,
        fields={name: getattr(each.change, TARGETS[name][0]) for name in fields},
    )
