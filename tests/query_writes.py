"""Every query that changes rows, with the arguments under which it changes some in the world of `query_world`."""

from datetime import timedelta

from models.jobs import Job
from models.language.events import Bookkeeping
from models.queries import (
    access,
    accounts,
    alerts,
    counts,
    coverage,
    deliveries,
    delivery_log,
    embeddings,
    erasures,
    exposure,
    feedback,
    goals,
    impact,
    kinds,
    links,
    people,
    products,
    pull_counts,
    pulls,
    retention,
    scope,
    sealed,
    search,
    seats,
    shadow_stream,
    shadow_switch,
    shadows,
    silence,
    standing,
    theme_acts,
    theme_books,
    theme_changes,
    theme_log,
    theme_marks,
    theme_stream,
    theme_suggestions,
    theme_undo,
    themes,
    ticket_rows,
    ticket_states,
    unsaid,
    withdrawals,
    work,
    workspaces,
)
from models.queries.delivery_log import DeliveryFilter
from models.queries.feedback import StatusDraft
from models.queries.products import FeatureDraft, ReleaseDraft
from models.queries.pulls import Progress, PullDraft, RecordDraft
from models.queries.shadow_stream import ShadowEntry
from models.queries.shadow_switch import Born, Plan
from models.queries.theme_log import Author
from models.queries.theme_stream import Change, Entry
from models.records import (
    DeliveryState,
    Embedding,
    LinkState,
    Team,
)
from models.sealing import Keyring
from models.sources.rhythm import Mark
from models.values.deliveries import DeliveryOutcome
from models.values.encoders import EncoderChoice
from models.values.feedback import Action, FeedbackChange
from models.values.kinds import Kind
from models.values.roles import Role
from tests import factories
from tests.clock import NOON
from tests.query_reads import Calls, Query
from tests.query_world import LATER, PULL_LEASE, RECEIPT, RULE, SERIES, TODAY, ZONE, World
from tests.verdicts import verdict_row

KEYS = Keyring((b"k" * 32,))


def writes(w: World) -> Calls:
    """Return the queries that change rows, each so that it changes some of the world when it is called rightly."""
    record = {"source": w.source, "external_id": "T-1"}
    new = {"source": w.source, "external_id": "T-new"}
    closed = StatusDraft(w.source, "T-1", LATER, status="closed")
    vivid = factories.draft(w.source, text="Mails are late.", changed_at=LATER)
    entry = Entry(w.item, 2, 0.5)
    told = FeedbackChange(Action.UPDATE_STATUS, external_id="T-1", brand="Acme", plan="business")
    piece = {"stage": Job.MEASURE, "subject": w.release}
    by: dict[str, object] = {"author": Author("mira", "key_1"), "now": LATER}
    return {
        access.create_key: {"name": "bot", "role": Role.VIEWER, "now": NOON},
        access.create_sign_in: {"user": w.user, "now": NOON, "minutes": 9},
        access.disable_user: {"user": w.user, "now": NOON},
        access.put_user: {"email": "viewer@example.com", "name": "X", "role": Role.ADMIN, "now": NOON},
        access.revoke_key: {"key": w.key, "now": NOON},
        access.rotate_key: {"key": w.key, "now": NOON, "overlap": timedelta(hours=1)},
        accounts.put_account: {
            "key": "acme", "name": "X", "plan": None, "segment": None, "arr_usd": None, "created_at": None,
        },
        alerts.close_alert: {"subject": f"src_{w.source}", "kind": alerts.SILENT, "now": LATER},
        alerts.open_alert: {"subject": "src_9", "kind": alerts.SILENT, "reason": "x", "since": NOON, "now": NOON},
        counts.mark: {"pairs": [(w.theme, NOON)], "zone": ZONE, "now": LATER},
        counts.recompute: {"theme": w.theme, "days": {factories.day(1)}, "zone": ZONE},
        deliveries.close: {"delivery": w.delivery, "state": DeliveryState.PARSED, "reason": None},
        deliveries.note_part: {"delivery": w.delivery, "done_changes": 1, "digest": "x"},
        deliveries.count_rejected: {"source": w.source, "reason": "x", "now": NOON},
        deliveries.note_answered: {"source": w.source, "now": NOON},
        coverage.put_retirement: {"source": w.source, "at": NOON, "now": LATER},
        deliveries.create_source: {
            "kind": "x", "name": "x", "secret": "x", "settings": {}, "keys": KEYS, "now": NOON,
        },
        deliveries.put_secret: {"source": w.source, "secret": "other", "keys": KEYS},
        delivery_log.replay: {
            "where": DeliveryFilter(outcome=DeliveryOutcome.INVALID), "until": 10**9, "now": LATER, "limit": 9,
        },
        delivery_log.replay_one: {"delivery": w.delivery, "now": LATER},
        embeddings.delete_of: {"encoder": w.tried, "limit": 9},
        embeddings.put: {"item": w.item, "version": 7, "encoder": w.encoder, "vector": w.vector},
        erasures.add_receipt: {"draft": RECEIPT},
        erasures.erase_items: {"items": [w.item], "now": LATER},
        erasures.forget_persons: {"persons": [w.person]},
        unsaid.unsay: {"words": {"nowhere"}, "items": [w.item], "now": LATER},
        exposure.put_exposure: {"series": SERIES, "values": {(TODAY, "all"): 1.0}, "now": NOON},
        withdrawals.close_record: {**record, "now": LATER},
        withdrawals.restore: {"source": w.source, "external_id": "T-gone", "changed_at": LATER, "now": LATER},
        withdrawals.restore_message: {
            "source": w.source, "external_id": "T-gone", "message_id": "m9", "changed_at": LATER,
        },
        standing.note_standing: {"source": w.source, "external_id": "T-gone", "changed_at": LATER},
        feedback.set_kind: {
            "item": w.item,
            "version": 1,
            "kind": Kind.PRAISE,
            "why": "x",
            "decided_by": "y",
        },
        feedback.update_record: {"draft": closed, "now": LATER},
        feedback.upsert_item: {"draft": vivid, "now": LATER},
        withdrawals.withdraw: {
            **record, "message_id": None, "is_redaction": False, "changed_at": LATER, "now": LATER,
        },
        goals.put: {"table": Team, "row": {"key": "t", "name": "X"}},
        goals.put_event: {
            "row": {"key": "e", "kind": "incident", "title": "X", "starts_at": NOON, "ends_at": None},
            "now": LATER,
        },
        goals.put_observations: {"metric": w.metric, "values": {(NOON, "all"): 1.0}},
        impact.mark_releases: {"since": TODAY, "now": LATER},
        impact.write_verdict: {"row": verdict_row(w.release, w.theme, input_hash="b" * 64)},
        kinds.decide_again: {"kind_version": "newer", "now": NOON, "limit": 9},
        links.add: {"theme": w.theme, "feature": w.feature, "actor": "x", "now": NOON},
        links.ask_for_links: {"now": LATER},
        links.decide: {"link": w.link, "state": LinkState.REJECTED, "actor": "x", "now": NOON},
        links.propose: {"feature": w.feature, "drafts": [], "now": LATER},
        products.put_feature: {"draft": FeatureDraft("exports", "X"), "now": LATER},
        products.put_release: {"draft": ReleaseDraft("1.0", "X", LATER), "now": LATER},
        scope.decide_record: {**record, "now": LATER},
        scope.decide_part: {"source": w.source, "found": w.open_pass, "limit": 9, "now": LATER},
        scope.end_pass: {"source": w.source, "revision": 1, "now": LATER},
        scope.go_on: {"source": w.source, "revision": 1, "delivery": 7, "item": 8},
        scope.put_rules: {
            "source": w.source, "rules": [RULE], "fields": {}, "author": "x", "expected": 1, "now": LATER,
        },
        scope.read_again: {
            "source": w.source, "change": told, "at": LATER, "found": w.open_pass, "now": LATER,
        },
        retention.drop_bodies: {"deliveries": [w.delivery], "now": LATER},
        retention.expire_bodies: {
            "read_before": LATER, "unread_before": LATER, "now": LATER, "limit": 9,
        },
        pull_counts.put_count: {
            "source": w.source, "day": TODAY, "theirs": 9, "ours": 9, "fetched": 9, "now": LATER,
        },
        pulls.lease_pull: {"source": w.source, "now": LATER, "until": LATER},
        pulls.note_records: {"source": w.source, "records": [RecordDraft("P-1", LATER, True)]},
        pulls.put_pull: {
            "source": w.source, "draft": PullDraft("other", None, None, "x", 60, NOON), "keys": KEYS,
            "now": LATER,
        },
        pulls.release_pull: {"source": w.source, "lease": PULL_LEASE, "next_at": LATER},
        pulls.remove_pull: {"source": w.source},
        pulls.renew_pull: {"source": w.source, "lease": PULL_LEASE, "until": LATER},
        pulls.want_record: {"source": w.source, "external_id": "P-3", "now": NOON},
        pulls.write_progress: {
            "source": w.source, "lease": PULL_LEASE, "progress": Progress({}, LATER), "now": LATER,
        },
        sealed.seal_again: {"keys": KEYS},
        search.drop_item: {"item": w.item},
        search.index_item: {"item": w.item, "content": "other words"},
        seats.end_tickets: {"user": w.user, "now": NOON},
        silence.note_event: {"delivery": w.delivery, "occurred_at": NOON},
        silence.write_marks: {
            "source": w.source, "wanted": {TODAY: Mark(9.0, is_firm=True)}, "now": LATER,
        },
        shadow_stream.advance: {"before": 0, "read_through": 9},
        shadow_stream.ask: {"now": LATER},
        shadow_stream.enter: {"entries": [ShadowEntry(w.item, 1, 2, 0.5)]},
        shadow_stream.release: {"items": [w.item]},
        shadow_stream.follow: {"now": LATER},
        shadow_stream.forget: {"items": [w.item]},
        shadow_stream.stop: {"error": "x"},
        shadow_switch.publish: {"plan": _plan(w), "now": LATER},
        shadows.ask_switch: {"limit": 1.0, "accept_moved": None, **by},
        shadows.drop: by,
        theme_acts.put_seed_vectors: {"encoder": w.encoder, "vectors": {w.seed: bytes(8)}},
        theme_books.put_items: {"places": {w.late: None}, "revision": 2},
        theme_changes.merge: {"theme": w.theme, "others": [w.other], **by},
        theme_changes.move: {"theme": w.other, "items": [w.late], **by},
        theme_changes.split: {"theme": w.theme, "items": [w.late], "label": None, **by},
        theme_log.ask_for_counts: {"pairs": [(w.theme, LATER)], "now": LATER},
        theme_log.ask_for_label: {"now": LATER},
        theme_marks.dismiss: {"theme": w.theme, **by},
        theme_marks.pin: {"theme": w.theme, **by},
        theme_marks.rename: {"theme": w.theme, "label": "X", **by},
        theme_marks.seed: {"label": "Refunds", "texts": ["Refunds"], **by},
        theme_suggestions.accept: {"suggestion": w.suggestion, **by},
        theme_suggestions.decline: {"suggestion": w.suggestion, **by},
        theme_suggestions.replace_open: {"found": [], "revision": 2, "now": LATER},
        theme_undo.undo: {"theme": w.theme, **by},
        theme_stream.apply_changes: {"changes": [Change("birth", 9, 1)], "revision": 2, "now": NOON},
        theme_stream.arrive: {"positions": {w.loose: 9}},
        theme_stream.release: {"items": [w.item]},
        theme_stream.enter: {"entries": [entry], "ids": {2: w.merged}, "revision": 1},
        theme_stream.leave_themes: {"items": [w.late], "revision": 2},
        theme_stream.leave_stream: {"items": [w.item], "revision": 2},
        theme_stream.write_stream: {"before": 1, "revision": 2, "state": {}},
        themes.retire_empty: {"filled": set()},
        people.ensure_person: {"identities": ["somebody@example.com"], "now": NOON},
        ticket_rows.load: new,
        ticket_rows.drop_made: {"item": w.item, "tables": (Embedding,)},
        ticket_states.ensure: new,
        ticket_states.fold: {**record, "now": LATER},
        ticket_states.merge: {**record, "into": "T-2", "at": LATER, "now": LATER},
        ticket_states.recount: {"items": w.rows, "now": factories.noon(5)},
        ticket_states.vote: {**record, "person": w.voter, "at": LATER},
        themes.write_label: {"theme": w.theme, "label": "X", "keywords": [], "quotes": [], "size": 9},
        work.drop_planned: {**piece, "but": None},
        work.enqueue: {**piece, "version": 3, "run_at": NOON},
        work.mark_dirty: {**piece, "version": 2, "run_at": LATER},
        work.enqueue_many: {"stage": Job.LABEL, "subjects": [(10**6, NOON)]},
        work.mark_all_dirty: {"stage": Job.MEASURE, "subjects": [w.release], "run_at": LATER},
        work.mark_pieces_dirty: {"stage": Job.MEASURE, "pieces": [(w.release, 0)], "run_at": LATER},
        work.revive: {"now": NOON},
        workspaces.use_encoder: {"choice": EncoderChoice("other", "bfloat16"), "encoder": w.tried},
        workspaces.audit: {"actor": "x", "by": "x", "action": "x", "subject": "x", "now": NOON},
    }  # fmt: skip


def _plan(w: World) -> Plan:
    """A switch to the encoder that is tried: one item moves into a theme that is new."""
    kept = Bookkeeping(3, 6, 1_000, ((2, 1),), ())
    return Plan(1, 0, kept, 0, (Entry(w.late, 5, 1.0),), (), (Born(5, "new"),), ())


KEYED: frozenset[Query] = frozenset(
    {
        counts.mark,
        embeddings.put,
        withdrawals.close_record,
        withdrawals.restore,
        withdrawals.restore_message,
        standing.note_standing,
        feedback.update_record,
        feedback.upsert_item,
        withdrawals.withdraw,
        links.add,
        theme_log.ask_for_counts,
        ticket_states.fold,
        ticket_states.merge,
        pull_counts.put_count,
        pulls.note_records,
        pulls.put_pull,
        scope.read_again,
        work.mark_dirty,
    },
)
"""Queries that cannot write a row whose key another workspace has: the database refuses it."""
