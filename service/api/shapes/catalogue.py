"""Every call of the HTTP interface with its shapes: what the routers and the documentation are checked against."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from models.values.roles import Permission
from service.api.shapes import (
    admin,
    bets,
    deliveries,
    denominators,
    encoders,
    feedback,
    goals,
    impact,
    links,
    movements,
    products,
    pulls,
    reports,
    scope,
    sources,
    theme_acts,
    theme_suggestions,
    themes,
    users,
    why,
)
from service.api.shapes.base import Page, Paging

Shape = type[BaseModel]

NDJSON = "application/x-ndjson"
TEXT = "text/plain"

TICKETS = Permission.READ_TICKETS
PLAN = Permission.PLAN
CURATE = Permission.CURATE
ADMINISTER = Permission.ADMINISTER


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    `request` is the JSON body, None where there is none or it is raw. `answer` is the JSON body at `status`; where
    `media` is not JSON it is the shape of one line, or None. `permission` is what the caller needs, None: no key.
    `promised`: it stands in the contract; the others may come and go.
    """

    method: str
    path: str
    answer: Shape | None
    request: Shape | None = None
    query: Shape | None = None
    status: int = 200
    permission: Permission | None = Permission.READ_NUMBERS
    media: str = "application/json"
    promised: bool = True


def _listed(
    path: str, item: Shape, put: Shape, query: Shape = Paging, write: Permission = PLAN
) -> Iterator[Call]:
    """Give the two calls of a plain collection: read a page, write one by key (201 for new and updated alike)."""
    yield Call("GET", path, Page[item], query=query)  # type: ignore[valid-type]
    yield Call("POST", path, item, request=put, status=201, permission=write)


def _theme_acts() -> Iterator[Call]:
    acts: dict[str, Shape] = {
        "merge": theme_acts.ThemeMerge,
        "split": theme_acts.ThemeSplit,
        "rename": theme_acts.ThemeRename,
        "pin": theme_acts.ThemePin,
        "undo": theme_acts.ThemeUndo,
        "move": theme_acts.ThemeMove,
        "dismiss": theme_acts.ThemeDismiss,
    }
    for name, request in acts.items():
        yield Call(
            "POST",
            f"/v1/themes/{{id}}/{name}",
            theme_acts.ThemeActed,
            request=request,
            permission=CURATE,
            promised=name not in ("move", "dismiss"),
        )
    yield Call(
        "POST",
        "/v1/themes",
        theme_acts.ThemeActed,
        request=theme_acts.ThemeSeedPut,
        status=201,
        permission=CURATE,
        promised=False,
    )
    yield Call(
        "GET",
        "/v1/theme-acts",
        Page[theme_acts.ThemeActAnswer],
        query=theme_acts.ThemeActsQuery,
        permission=TICKETS,
        promised=False,
    )


def _theme_suggestions() -> Iterator[Call]:
    path = "/v1/theme-suggestions"
    yield Call(
        "GET",
        path,
        Page[theme_suggestions.ThemeSuggestionAnswer],
        query=theme_suggestions.ThemeSuggestionsQuery,
        permission=CURATE,
        promised=False,
    )
    for verb, answer in (
        ("accept", theme_acts.ThemeActed),
        ("decline", theme_suggestions.ThemeSuggestionDeclined),
    ):
        yield Call("POST", f"{path}/{{id}}/{verb}", answer, permission=CURATE, promised=False)


def _encoder() -> Iterator[Call]:
    answer, path = encoders.EncoderAnswer, "/v1/encoder"
    yield Call("GET", path, answer, permission=ADMINISTER, promised=False)
    yield Call(
        "POST",
        f"{path}/shadow",
        answer,
        request=encoders.EncoderTry,
        status=201,
        permission=ADMINISTER,
        promised=False,
    )
    yield Call(
        "POST",
        f"{path}/shadow/switch",
        answer,
        request=encoders.EncoderSwitch,
        status=202,
        permission=ADMINISTER,
        promised=False,
    )
    yield Call("DELETE", f"{path}/shadow", None, status=204, permission=ADMINISTER, promised=False)


CALLS: tuple[Call, ...] = (
    Call(
        "POST",
        "/v1/sources",
        sources.SourceCreated,
        request=sources.SourceCreate,
        status=201,
        permission=ADMINISTER,
    ),
    Call("GET", "/v1/sources", Page[sources.SourceAnswer], query=Paging, promised=False, permission=TICKETS),
    Call(
        "PUT",
        "/v1/sources/{id}/secret",
        sources.SourceCreated,
        request=sources.SecretPut,
        permission=ADMINISTER,
        promised=False,
    ),
    Call(
        "PUT",
        "/v1/sources/{id}/retirement",
        sources.SourceAnswer,
        request=sources.RetirementPut,
        permission=ADMINISTER,
        promised=False,
    ),
    Call(
        "DELETE", "/v1/sources/{id}/retirement", sources.SourceAnswer, permission=ADMINISTER, promised=False
    ),
    # A signature opens it, or a key with DELIVER: which of the two, the header says.
    Call("POST", "/v1/ingest/{source_id}", sources.IngestAnswer, status=202, permission=None),
    Call("GET", "/v1/sources/{id}/health", sources.SourceHealth, permission=TICKETS),
    Call("GET", "/v1/sources/{id}/rules", scope.RulesAnswer, promised=False, permission=TICKETS),
    Call(
        "PUT",
        "/v1/sources/{id}/rules",
        scope.RulesAnswer,
        request=scope.RulesPut,
        permission=ADMINISTER,
        promised=False,
    ),
    Call(
        "POST",
        "/v1/sources/{id}/rules/preview",
        scope.PreviewAnswer,
        request=scope.PreviewRequest,
        permission=ADMINISTER,
        promised=False,
    ),
    Call(
        "GET",
        "/v1/alerts",
        Page[scope.AlertAnswer],
        query=scope.AlertsQuery,
        permission=TICKETS,
        promised=False,
    ),
    Call("GET", "/v1/sources/{id}/pull", pulls.PullAnswer, permission=TICKETS, promised=False),
    Call(
        "PUT",
        "/v1/sources/{id}/pull",
        pulls.PullAnswer,
        request=pulls.PullPut,
        permission=ADMINISTER,
        promised=False,
    ),
    Call("DELETE", "/v1/sources/{id}/pull", None, status=204, permission=ADMINISTER, promised=False),
    Call(
        "GET",
        "/v1/deliveries",
        Page[deliveries.DeliveryAnswer],
        query=deliveries.DeliveriesQuery,
        promised=False,
        permission=TICKETS,
    ),
    Call("GET", "/v1/deliveries/{id}", deliveries.DeliveryDetail, promised=False, permission=TICKETS),
    Call(
        "POST",
        "/v1/deliveries/{id}/replay",
        deliveries.DeliveriesReplayed,
        status=202,
        promised=False,
        permission=ADMINISTER,
    ),
    Call(
        "POST",
        "/v1/deliveries/replay",
        deliveries.DeliveriesReplayed,
        request=deliveries.DeliveriesReplay,
        status=202,
        promised=False,
        permission=ADMINISTER,
    ),
    Call(
        "GET", "/v1/feedback", Page[feedback.FeedbackItem], query=feedback.FeedbackQuery, permission=TICKETS
    ),
    Call("GET", "/v1/feedback/{id}", feedback.FeedbackDetail, promised=False, permission=TICKETS),
    Call("GET", "/v1/feedback/{id}/why", why.FeedbackWhy, promised=False, permission=TICKETS),
    Call(
        "PUT",
        "/v1/exposure/{series}",
        denominators.ExposureWritten,
        request=denominators.ExposurePut,
        permission=PLAN,
    ),
    Call(
        "PUT", "/v1/accounts", denominators.AccountsWritten, request=denominators.AccountsPut, permission=PLAN
    ),
    Call("GET", "/v1/themes", Page[themes.ThemeSummary], query=themes.ThemesQuery),
    Call("GET", "/v1/themes/{id}", themes.ThemeDetail),
    Call("GET", "/v1/themes/{id}/trend", themes.ThemeTrend, query=themes.TrendQuery),
    Call("GET", "/v1/themes/{id}/quotes", themes.ThemeQuotes, query=Paging, permission=TICKETS),
    Call("GET", "/v1/themes/{id}/lineage", themes.ThemeLineage),
    Call("GET", "/v1/themes/{id}/accounts", Page[themes.ThemeAccount], query=Paging, permission=TICKETS),
    Call("GET", "/v1/trends", movements.Trends, query=movements.TrendsQuery, promised=False),
    *_theme_acts(),
    *_theme_suggestions(),
    *_encoder(),
    *_listed("/v1/features", products.FeatureAnswer, products.FeaturePut, products.FeaturesQuery),
    *_listed("/v1/releases", products.ReleaseAnswer, products.ReleasePut, products.ReleasesQuery),
    Call("GET", "/v1/features/{id}", products.FeatureAnswer, promised=False),
    Call("GET", "/v1/releases/{id}", products.ReleaseAnswer, promised=False),
    *_listed("/v1/links", links.LinkAnswer, links.LinkPut, links.LinksQuery, write=CURATE),
    Call("GET", "/v1/releases/{id}/link-suggestions", links.LinkSuggestions, query=Paging),
    Call("POST", "/v1/links/{id}/confirm", links.LinkAnswer, request=links.LinkDecision, permission=CURATE),
    Call("POST", "/v1/links/{id}/reject", links.LinkAnswer, request=links.LinkDecision, permission=CURATE),
    Call("GET", "/v1/releases/{id}/impact", impact.ImpactAnswer, query=impact.ImpactQuery),
    Call("POST", "/v1/impact/analyze", impact.AnalyzeAnswer, request=impact.AnalyzeRequest),
    Call("POST", "/v1/impact/plan", impact.PlanAnswer, request=impact.PlanRequest),
    # Counts around any day that is asked for: with READ_NUMBERS alone, single days would follow by subtraction.
    Call("POST", "/v1/impact/what-if", impact.WhatIfAnswer, request=impact.WhatIfRequest, permission=TICKETS),
    *_listed("/v1/teams", goals.TeamAnswer, goals.TeamPut),
    *_listed("/v1/objectives", goals.ObjectiveAnswer, goals.ObjectivePut),
    *_listed("/v1/key-results", goals.KeyResultAnswer, goals.KeyResultPut),
    Call("GET", "/v1/key-results/{id}/progress", goals.KeyResultProgress),
    Call("POST", "/v1/key-results/lint", goals.LintAnswer, request=goals.LintRequest),
    *_listed("/v1/metrics", goals.MetricAnswer, goals.MetricPut),
    Call(
        "GET",
        "/v1/metrics/{id}/observations",
        Page[goals.ObservationAnswer],
        query=goals.ObservationsQuery,
        promised=False,
    ),
    Call(
        "PUT",
        "/v1/metrics/{id}/observations",
        goals.ObservationsWritten,
        request=goals.ObservationsPut,
        permission=PLAN,
        promised=False,
    ),
    *_listed("/v1/bets", bets.BetAnswer, bets.BetPut, bets.BetsQuery),
    *_listed("/v1/assumptions", bets.AssumptionAnswer, bets.AssumptionPut, bets.BetQuery),
    *_listed("/v1/decisions", bets.DecisionAnswer, bets.DecisionPut, bets.BetQuery),
    *_listed("/v1/events", bets.EventAnswer, bets.EventPut, bets.EventsQuery),
    Call("GET", "/v1/reports/weekly", reports.Report, query=reports.ReportQuery),
    Call("GET", "/v1/reports/monthly", reports.Report, query=reports.ReportQuery),
    Call("GET", "/v1/reports/quarterly", reports.Report, query=reports.ReportQuery),
    Call(
        "POST",
        "/v1/reports/snapshots",
        reports.SnapshotAnswer,
        request=reports.SnapshotCreate,
        status=201,
        permission=PLAN,
    ),
    Call("GET", "/v1/keys", Page[admin.KeyAnswer], query=Paging, permission=ADMINISTER),
    Call("POST", "/v1/keys", admin.KeyCreated, request=admin.KeyCreate, status=201, permission=ADMINISTER),
    Call("DELETE", "/v1/keys/{id}", None, status=204, permission=ADMINISTER, promised=False),
    Call(
        "POST",
        "/v1/keys/{id}/rotate",
        admin.KeyCreated,
        request=admin.KeyRotate,
        status=201,
        permission=ADMINISTER,
        promised=False,
    ),
    Call("GET", "/v1/users", Page[users.UserAnswer], query=Paging, permission=ADMINISTER, promised=False),
    Call(
        "POST",
        "/v1/users",
        users.UserAnswer,
        request=users.UserPut,
        status=201,
        permission=ADMINISTER,
        promised=False,
    ),
    Call("DELETE", "/v1/users/{id}", None, status=204, permission=ADMINISTER, promised=False),
    Call(
        "POST",
        "/v1/users/{id}/sign-in",
        users.SignInCreated,
        status=201,
        permission=ADMINISTER,
        promised=False,
    ),
    Call("GET", "/v1/audit", Page[admin.AuditEntry], query=admin.AuditQuery, permission=ADMINISTER),
    Call(
        "GET",
        "/v1/erasures",
        Page[admin.ErasureAnswer],
        query=Paging,
        permission=ADMINISTER,
        promised=False,
    ),
    Call(
        "POST",
        "/v1/erasures",
        admin.ErasureAnswer,
        request=admin.ErasureCreate,
        status=201,
        permission=ADMINISTER,
    ),
    Call("GET", "/v1/export", admin.ExportLine, query=admin.ExportQuery, permission=ADMINISTER, media=NDJSON),
    Call("GET", "/healthz", admin.Health, permission=None),
    Call("GET", "/readyz", admin.Readiness, permission=None),
    Call("GET", "/metrics", None, permission=None, media=TEXT),
)
