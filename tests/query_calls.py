"""Every query with the arguments under which it finds or changes something in the world of `query_world`."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from models.jobs import Job
from models.language.encode import WordHashEncoder
from models.queries import (
    access,
    accounts,
    counts,
    deliveries,
    embeddings,
    exposure,
    feedback,
    goals,
    groups,
    impact,
    kinds,
    links,
    listing,
    overview,
    products,
    search,
    seats,
    sweep,
    theme_reading,
    theme_stream,
    themes,
    tickets,
    work,
    workspaces,
)
from models.queries.feedback import StatusDraft
from models.queries.listing import FeedbackFilter
from models.queries.products import FeatureDraft, ReleaseDraft
from models.queries.theme_stream import Change, Entry
from models.queries.tickets import TicketFilter
from models.records import (
    ContextEvent,
    DeliveryState,
    LinkState,
    Metric,
    Team,
    ThemeState,
)
from models.values.kinds import Kind
from models.values.roles import Role
from tests import factories
from tests.clock import NOON
from tests.query_world import LATER, SERIES, TODAY, ZONE, World
from tests.verdicts import verdict_row

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
        counts.daily: {"themes": [w.theme]},
        embeddings.current: {**items, "encoder": w.encoder},
        kinds.is_mixed: {},
        kinds.versions_between: {"theme": w.theme, "start": NOON - timedelta(days=9), "end": LATER},
        counts.daily_of: {**theme, "segment": "plan:free"},
        counts.totals: {"zone": ZONE},
        deliveries.get_source: {"source": w.source},
        deliveries.health: {"source": w.source},
        deliveries.latest_invalid: {"source": w.source, "limit": 9},
        deliveries.list_sources: {},
        deliveries.load: {"deliveries": [w.delivery]},
        exposure.read_exposure: {},
        feedback.get_item: {"item": w.item},
        feedback.has_record: record,
        feedback.load_items: items,
        feedback.openers: {"items": w.rows},
        feedback.span_of_days: {},
        feedback.ticket_opened_at: record,
        goals.find: {"table": Team, "key": "t"},
        goals.get: {"table": Metric, "number": w.metric},
        goals.key_results_of: {"objective": w.objective},
        goals.latest_observation: {"metric": w.metric},
        goals.list_all: {"table": ContextEvent},
        goals.observations: {"metric": w.metric},
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
        products.find_release: {"key": "1.0"},
        products.get_feature: {"feature": w.feature},
        products.get_release: {"release": w.release},
        products.list_features: {"release": w.release},
        products.list_releases: {},
        products.load_releases: {"releases": [w.release]},
        products.steps_of: {"releases": [w.release]},
        search.matches: {"query": "export"},
        seats.last_sign_ins: {},
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
        tickets.count_tickets: {"where": TicketFilter(ticket_of=w.item)},
        tickets.list_tickets: {"where": TicketFilter(theme=w.theme, counted=True), "after": None, "limit": 9},
        work.count_states: {},
        workspaces.encoder_of: {},
        workspaces.list_audit: {"before": None, "limit": 9},
    }  # fmt: skip


def writes(w: World) -> Calls:
    """Return the queries that change rows, each so that it changes some of the world when it is called rightly."""
    record = {"source": w.source, "external_id": "T-1"}
    closed = StatusDraft(w.source, "T-1", LATER, status="closed")
    vivid = factories.draft(w.source, text="Mails are late.", changed_at=LATER)
    entry = Entry(w.item, 2, 0.5)
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
        counts.mark: {"pairs": [(w.theme, NOON)], "zone": ZONE, "now": LATER},
        counts.recompute: {"theme": w.theme, "days": {factories.day(1)}, "zone": ZONE},
        deliveries.close: {"delivery": w.delivery, "state": DeliveryState.PARSED, "reason": None},
        deliveries.count_rejected: {"source": w.source, "reason": "x", "now": NOON},
        deliveries.create_source: {"kind": "x", "name": "x", "secret": None, "settings": {}, "now": NOON},
        deliveries.reopen_invalid: {"now": NOON},
        embeddings.put: {"item": w.item, "version": 7, "encoder": w.encoder, "vector": w.vector},
        exposure.put_exposure: {"series": SERIES, "values": {(TODAY, "all"): 1.0}, "now": NOON},
        feedback.ensure_person: {"identity": "somebody@example.com", "now": NOON},
        feedback.restore: {"source": w.source, "external_id": "T-gone"},
        feedback.set_kind: {
            "item": w.item,
            "version": 1,
            "kind": Kind.PRAISE,
            "why": "x",
            "decided_by": "y",
        },
        feedback.update_record: {"draft": closed},
        feedback.upsert_item: {"draft": vivid, "now": LATER},
        feedback.withdraw: {
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
        search.drop_item: {"item": w.item},
        search.index_item: {"item": w.item, "content": "other words"},
        seats.end_tickets: {"user": w.user, "now": NOON},
        theme_stream.apply_changes: {"changes": [Change("birth", 9, 1)], "revision": 2, "now": NOON},
        theme_stream.arrive: {"positions": {w.loose: 9}},
        theme_stream.enter: {"entries": [entry], "ids": {2: w.merged}, "revision": 1},
        theme_stream.leave_stream: {"items": [w.item], "revision": 2},
        theme_stream.write_stream: {"before": 1, "revision": 2, "state": {}},
        themes.retire_empty: {"filled": set()},
        themes.write_label: {"theme": w.theme, "label": "X", "keywords": [], "quotes": [], "size": 9},
        work.drop_planned: {**piece, "but": None},
        work.enqueue: {**piece, "version": 3, "run_at": NOON},
        work.mark_dirty: {**piece, "version": 2, "run_at": LATER},
        work.revive: {"now": NOON},
        workspaces.audit: {"actor": "x", "by": "x", "action": "x", "subject": "x", "now": NOON},
    }  # fmt: skip


KEYED: frozenset[Query] = frozenset(
    {counts.mark, embeddings.put, feedback.upsert_item, links.add, work.mark_dirty},
)
"""Queries that cannot write a row whose key another workspace has: the database refuses it."""

NARROW: frozenset[Query] = frozenset(
    {
        counts.daily_of,
        counts.recompute,
        deliveries.health,
        deliveries.latest_invalid,
        feedback.has_record,
        feedback.restore,
        feedback.ticket_opened_at,
        feedback.update_record,
        feedback.upsert_item,
        feedback.withdraw,
        goals.latest_observation,
        goals.observations,
        groups.segments_of,
        impact.quote_spans,
        impact.write_verdict,
        links.of_release,
        listing.themes_of,
        products.steps_of,
        theme_reading.spans,
        theme_stream.arrived_among,
        theme_stream.enter,
        theme_stream.leave_stream,
        theme_stream.vectors_of,
        themes.themes_of_items,
        themes.write_label,
    }
)
"""Queries that name few rows of a table that grows: they must not read a workspace to find them."""


def finders(w: World) -> Calls:
    """Return the queries that answer with what stands, and make it for a workspace that has none."""
    encoder = WordHashEncoder()
    return {
        access.first_owner: {"now": NOON},
        deliveries.named_source: {"kind": "generic_json", "name": "desk", "now": NOON},
        workspaces.bind_encoder: {
            "name": encoder.name,
            "digest": encoder.digest,
            "dtype": encoder.dtype,
            "dimension": encoder.dimension,
        },
        workspaces.get_workspace: {},
    }
