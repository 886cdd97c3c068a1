"""Every query with the arguments under which it finds or changes something in the world of `query_world`."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from models.jobs import Job
from models.language.encode import WordHashEncoder
from models.queries import (
    access,
    accounts,
    alerts,
    counting,
    counts,
    cuts,
    deliveries,
    delivery_log,
    embeddings,
    erasures,
    exposure,
    feedback,
    goals,
    groups,
    impact,
    kinds,
    links,
    listing,
    movements,
    overview,
    people,
    products,
    pull_counts,
    pulls,
    retention,
    scope,
    scope_reading,
    sealed,
    search,
    seats,
    silence,
    standing,
    sweep,
    theme_reading,
    theme_stream,
    themes,
    ticket_rows,
    ticket_states,
    tickets,
    unsaid,
    withdrawals,
    work,
    workspaces,
)
from models.queries.cuts import Cut
from models.queries.delivery_log import DeliveryFilter
from models.queries.feedback import StatusDraft
from models.queries.listing import FeedbackFilter
from models.queries.products import FeatureDraft, ReleaseDraft
from models.queries.pulls import Progress, PullDraft, RecordDraft
from models.queries.theme_stream import Change, Entry
from models.queries.tickets import TicketFilter
from models.records import (
    ContextEvent,
    DeliveryState,
    Embedding,
    LinkState,
    Metric,
    Team,
    ThemeState,
)
from models.sealing import Keyring
from models.sources.rhythm import Mark
from models.values.deliveries import DeliveryOutcome
from models.values.feedback import Action, FeedbackChange
from models.values.kinds import Kind
from models.values.roles import Role
from tests import factories
from tests.clock import NOON
from tests.query_world import LATER, PULL_LEASE, RECEIPT, RULE, SERIES, TODAY, ZONE, World
from tests.verdicts import verdict_row

KEYS = Keyring((b"k" * 32,))

Query = Callable[..., object]
Calls = Mapping[Query, Mapping[str, object]]
"""Queries with their arguments, but for the session and the workspace."""


def reads(w: World) -> Calls:
    """Return the queries that answer with something, or say that there is nothing."""
    record = {"source": w.source, "external_id": "T-1"}
    spans = [{"item": w.item, "start": 4, "end": 10}]
    theme: dict[str, object] = {"theme": w.theme}
    items: dict[str, object] = {"items": [w.item]}
    return {
        access.count_owners: {"now": NOON},
        access.find_owner: {},
        access.find_user: {"email": "viewer@example.com"},
        access.get_key: {"key": w.key},
        access.get_user: {"user": w.user},
        access.has_admin_key: {"now": NOON},
        access.list_keys: {},
        access.list_users: {},
        accounts.list_accounts: {"after": 0, "limit": 9},
        counting.relaying_sources: {},
        counting.why_counted: items,
        alerts.list_alerts: {},
        counts.daily: {"themes": [w.theme]},
        embeddings.current: {**items, "encoder": w.encoder},
        kinds.is_mixed: {},
        kinds.versions_between: {"theme": w.theme, "start": NOON - timedelta(days=9), "end": LATER},
        counts.daily_of: {**theme, "segment": "plan:free"},
        counts.totals: {"zone": ZONE},
        cuts.voices: {**theme, "cut": Cut(), "zone": ZONE, "since": TODAY, "until": TODAY + timedelta(days=1)},
        deliveries.get_source: {"source": w.source},
        deliveries.health: {"source": w.source},
        delivery_log.failures: {"source": w.source},
        delivery_log.unread: {"source": w.source},
        deliveries.list_sources: {},
        deliveries.load: {"deliveries": [w.delivery]},
        erasures.count_anew: {"where": {w.theme: {TODAY}}},
        erasures.count_left: {**items, "deliveries": [w.delivery]},
        erasures.count_made: items,
        erasures.digests_of: {"persons": [w.person]},
        erasures.items_of: {"persons": [w.person]},
        erasures.list_receipts: {"before": None, "limit": 9},
        erasures.raw_bodies: {"after": 0, "limit": 9},
        erasures.records_of: {"persons": [w.person]},
        erasures.touched: items,
        erasures.withdrawn_of: {"persons": [w.person]},
        unsaid.words_of: items,
        delivery_log.get_delivery: {"delivery": w.delivery},
        delivery_log.items_of: {"source": w.source, "external_ids": ["T-1"]},
        delivery_log.latest_delivery: {},
        delivery_log.list_deliveries: {"where": DeliveryFilter(), "before": None, "limit": 9},
        exposure.read_exposure: {},
        feedback.get_item: {"item": w.item},
        feedback.has_opening: record,
        feedback.load_items: items,
        feedback.span_of_days: {},
        goals.find: {"table": Team, "key": "t"},
        goals.get: {"table": Metric, "number": w.metric},
        goals.key_results_of: {"objective": w.objective},
        goals.latest_observation: {"metric": w.metric},
        goals.list_all: {"table": ContextEvent},
        goals.observations: {"metric": w.metric},
        goals.holidays: {"zone": ZONE},
        goals.silent_dates: {"zone": ZONE},
        goals.silent_days: {},
        groups.count_people: {},
        groups.people_by_theme: theme,
        groups.segments_of: theme,
        impact.events_between: {"start": NOON, "end": LATER},
        impact.latest_verdicts: {"releases": [w.release]},
        impact.quote_spans: {**theme, "limit": 9},
        impact.read_quotes: {"spans": spans},
        impact.theme_quotes: theme,
        impact.verdicts_of_theme: theme,
        links.confirmed_releases: {},
        links.get_link: {"link": w.link},
        links.list_links: {**theme, "feature": w.feature},
        links.of_release: {"release": w.release},
        listing.list_feedback: {"where": FeedbackFilter(external_id="T-1"), "after": None, "limit": 9},
        listing.themes_of: items,
        movements.count_places: {"start": NOON - timedelta(days=9), "end": LATER},
        movements.kind_versions: {"start": NOON - timedelta(days=9), "end": LATER},
        overview.complaints_by_day: {"zone": ZONE, "since": NOON},
        overview.key_result_states: {},
        overview.linked_releases: {**theme, "releases": [w.release]},
        overview.next_looks: {"now": NOON, "limit": 9, "release": w.release},
        overview.source_states: {},
        overview.theme_days: {**theme, "since": TODAY},
        overview.theme_labels: {},
        overview.theme_log: theme,
        overview.theme_sizes: {},
        overview.verdict_lines: {**theme, "releases": [w.release]},
        people.persons_of: {"identity": "mira@example.com"},
        products.find_release: {"key": "1.0"},
        products.get_feature: {"feature": w.feature},
        products.get_release: {"release": w.release},
        products.list_features: {"release": w.release},
        products.list_releases: {},
        products.load_releases: {"releases": [w.release]},
        products.steps_of: {"releases": [w.release]},
        pull_counts.list_counts: {"source": w.source, "limit": 9},
        pull_counts.our_records: {"source": w.source, "day": TODAY},
        pulls.count_wanted: {"source": w.source},
        pulls.find_pull: {"source": w.source},
        pulls.known_keys: {"source": w.source, "keys": ["broken"]},
        pulls.list_due: {"now": NOON},
        pulls.list_pulls: {},
        pulls.put_off_records: {"source": w.source, "now": NOON - timedelta(days=1)},
        pulls.wanted_records: {"source": w.source, "now": NOON, "limit": 9},
        scope_reading.definitions: {"start": NOON - timedelta(days=9), "end": LATER},
        scope_reading.deliveries_after: {"source": w.source, "after": 0, "limit": 9},
        scope_reading.excluded_share: {"source": w.source},
        scope_reading.history: {"source": w.source},
        scope.latest: {"source": w.source},
        scope_reading.is_settling: {"source": w.source, "revision": 1},
        scope.map_revisions: {"sources": [w.source]},
        scope_reading.latest_deliveries: {"source": w.source, "limit": 9},
        scope.open_pass: {"source": w.source, "revision": 1},
        sealed.list_secrets: {"keys": KEYS},
        search.count_entries: items,
        search.matches: {"query": "export"},
        seats.last_sign_ins: {},
        silence.gaps: theme,
        silence.has_waiting: {"source": w.source},
        silence.lag: {"source": w.source},
        silence.latest_delivery: {"source": w.source},
        silence.marks: {"source": w.source},
        silence.reading: {"source": w.source, "zone": ZONE, "now": LATER, "goes_on": True},
        silence.tickets_by_hour: {"source": w.source, "since": NOON - timedelta(days=9)},
        # It writes what it finds, and says how much that was.
        sweep.add_missing: {"method_version": "newer", "kind_version": "newer", "now": NOON, "limit": 9},
        theme_reading.accounts_of: theme,
        theme_reading.events_of: theme,
        theme_reading.kinds_of: theme,
        theme_reading.list_themes: {"state": ThemeState.ACTIVE, "words": "export", "recent_since": TODAY},
        theme_reading.merged_into: theme,
        theme_reading.numbers_of: {**theme, "recent_since": TODAY},
        theme_reading.quote_totals: theme,
        theme_reading.releases_of: theme,
        theme_reading.spans: theme,
        theme_stream.arrived_among: items,
        theme_stream.read_stream: {},
        theme_stream.stream_items: {"encoder": w.encoder},
        theme_stream.vectors_of: {**items, "encoder": w.encoder},
        themes.active_themes: {},
        themes.days_of_theme: theme,
        themes.get_theme: theme,
        themes.labelled_sizes: {},
        themes.members: {"encoder": w.encoder},
        themes.redirects: {},
        themes.themes_of_items: items,
        themes.ticket_days: items,
        ticket_states.count_votes: {"source": w.source, "external_id": "T-voted"},
        tickets.count_tickets: {"where": TicketFilter(ticket_of=w.item)},
        tickets.list_tickets: {"where": TicketFilter(theme=w.theme, counted=True), "after": None, "limit": 9},
        work.count_states: {},
        workspaces.encoder_of: {},
        workspaces.list_audit: {"before": None, "limit": 9},
    }  # fmt: skip


def writes(w: World) -> Calls:
    """Return the queries that change rows, each so that it changes some of the world when it is called rightly."""
    record = {"source": w.source, "external_id": "T-1"}
    new = {"source": w.source, "external_id": "T-new"}
    closed = StatusDraft(w.source, "T-1", LATER, status="closed")
    vivid = factories.draft(w.source, text="Mails are late.", changed_at=LATER)
    entry = Entry(w.item, 2, 0.5)
    told = FeedbackChange(Action.UPDATE_STATUS, external_id="T-1", brand="Acme", plan="business")
    piece = {"stage": Job.MEASURE, "subject": w.release}
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
        deliveries.count_rejected: {"source": w.source, "reason": "x", "now": NOON},
        deliveries.note_answered: {"source": w.source, "now": NOON},
        deliveries.create_source: {
            "kind": "x", "name": "x", "secret": "x", "settings": {}, "keys": KEYS, "now": NOON,
        },
        deliveries.put_secret: {"source": w.source, "secret": "other", "keys": KEYS},
        delivery_log.replay: {
            "where": DeliveryFilter(outcome=DeliveryOutcome.INVALID), "until": 10**9, "now": LATER, "limit": 9,
        },
        delivery_log.replay_one: {"delivery": w.delivery, "now": LATER},
        embeddings.put: {"item": w.item, "version": 7, "encoder": w.encoder, "vector": w.vector},
        erasures.add_receipt: {"draft": RECEIPT},
        erasures.erase_items: {"items": [w.item], "now": LATER},
        erasures.forget_persons: {"persons": [w.person]},
        unsaid.unsay: {"words": {"nowhere"}, "items": [w.item], "now": LATER},
        exposure.put_exposure: {"series": SERIES, "values": {(TODAY, "all"): 1.0}, "now": NOON},
        withdrawals.close_record: {**record, "now": LATER},
        withdrawals.restore: {"source": w.source, "external_id": "T-gone", "changed_at": LATER, "now": LATER},
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
        theme_stream.apply_changes: {"changes": [Change("birth", 9, 1)], "revision": 2, "now": NOON},
        theme_stream.arrive: {"positions": {w.loose: 9}},
        theme_stream.enter: {"entries": [entry], "ids": {2: w.merged}, "revision": 1},
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
        work.revive: {"now": NOON},
        workspaces.audit: {"actor": "x", "by": "x", "action": "x", "subject": "x", "now": NOON},
    }  # fmt: skip


KEYED: frozenset[Query] = frozenset(
    {
        counts.mark,
        embeddings.put,
        withdrawals.close_record,
        withdrawals.restore,
        standing.note_standing,
        feedback.update_record,
        feedback.upsert_item,
        withdrawals.withdraw,
        links.add,
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

NARROW: frozenset[Query] = frozenset(
    {
        counts.daily_of,
        counts.recompute,
        deliveries.health,
        delivery_log.failures,
        delivery_log.unread,
        feedback.has_opening,
        withdrawals.close_record,
        withdrawals.restore,
        standing.note_standing,
        feedback.update_record,
        feedback.upsert_item,
        withdrawals.withdraw,
        goals.latest_observation,
        goals.observations,
        groups.segments_of,
        impact.quote_spans,
        impact.write_verdict,
        links.of_release,
        listing.themes_of,
        products.steps_of,
        scope.decide_record,
        scope.read_again,
        silence.note_event,
        pull_counts.list_counts,
        pull_counts.our_records,
        pulls.count_wanted,
        pulls.find_pull,
        pulls.known_keys,
        pulls.put_off_records,
        pulls.wanted_records,
        theme_reading.spans,
        theme_stream.arrived_among,
        theme_stream.enter,
        theme_stream.leave_stream,
        theme_stream.vectors_of,
        themes.themes_of_items,
        themes.write_label,
        ticket_rows.load,
        ticket_states.count_votes,
        ticket_states.fold,
        ticket_states.merge,
    }
)
"""Queries that name few rows of a table that grows: they must not read a workspace to find them."""


def finders(w: World) -> Calls:
    """Return the queries that answer with what stands, and make it for a workspace that has none."""
    encoder = WordHashEncoder()
    return {
        access.first_owner: {"now": NOON},
        deliveries.named_source: {"kind": "generic_json", "name": "desk", "now": NOON},
        scope.compiled: {"rules": [RULE]},
        scope.digest_domain: {"domain": "example.com"},
        scope.domain_digest_of: {
            "change": FeedbackChange(Action.UPDATE_STATUS, customer_domain="example.com")
        },
        workspaces.bind_encoder: {
            "name": encoder.name,
            "digest": encoder.digest,
            "dtype": encoder.dtype,
            "dimension": encoder.dimension,
        },
        workspaces.get_workspace: {},
    }
