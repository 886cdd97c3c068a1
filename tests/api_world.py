"""A workspace with one thing of every kind, and a valid request for every call of the API, read from its document."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from models.database import Database
from models.queries import access, counts, deliveries, delivery_log, goals, impact, links, pulls, theme_marks
from models.queries.links import ProposalDraft
from models.queries.pulls import PullDraft
from models.queries.theme_log import Author
from models.records import LinkState, Metric, Objective, Team
from models.sealing import Keyring
from models.values.roles import Role
from tests import factories
from tests.clock import NOON
from tests.verdicts import verdict_row

Ids = Mapping[str, str]
"""A public id by its prefix."""
PEOPLE = 6
AT = "2026-06-01T00:00:00Z"
SECRET = factories.SECRET


def build(database: Database, *, name: str) -> tuple[int, Ids]:
    """Make a workspace in which every id of the API leads to something."""
    workspace = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace, kind="zendesk")
        pull = PullDraft("acme", None, None, "t0ken", 300, NOON)
        pulls.put_pull(session, workspace=workspace, source=source, draft=pull, keys=Keyring(), now=NOON)
        deliveries.record(session, drafts=[factories.delivery(workspace, source, b"{}", name=name)])
        sent = delivery_log.latest_delivery(session, workspace=workspace)
        made = [
            factories.item(
                session,
                workspace,
                source,
                external_id=f"T{at}",
                person=f"{source}:p{at}",
                at=NOON - timedelta(days=9),
            )
            for at in range(PEOPLE)
        ]
        theme = factories.theme(session, workspace, 1, label=f"export fails for {name}")
        factories.assign(session, workspace, made, theme)
        days = {(NOON - timedelta(days=9)).date()}
        counts.recompute(session, workspace=workspace, theme=theme, days=days, zone=ZoneInfo("UTC"))
        release = factories.release(session, workspace)
        feature = factories.feature(session, workspace, of="1.0")
        evidence = {"item": made[0], "start": 4, "end": 10}
        draft = ProposalDraft(theme, feature, 0.8, "Shared words: export.", [evidence])
        links.propose(session, workspace=workspace, feature=feature, drafts=[draft], now=NOON)
        (link,) = links.list_links(session, workspace=workspace)
        row = verdict_row(release, theme, link_id=link.id, link_state=LinkState.PROPOSED, quotes=[evidence])
        impact.write_verdict(session, workspace=workspace, row=row)
        team = goals.put(session, Team, workspace=workspace, row={"key": "t", "name": name})
        metric = goals.put(
            session,
            Metric,
            workspace=workspace,
            row={"key": "m", "name": name, "definition": "", "leading": False},
        )
        objective = goals.put(session, Objective, workspace=workspace, row={"key": "o", "title": name})
        other = factories.theme(session, workspace, 2, label=f"mail is late for {name}")
        loose = factories.item(session, workspace, source, external_id="T-loose", at=NOON - timedelta(days=9))
        renamed = theme_marks.rename(
            session,
            workspace=workspace,
            theme=theme,
            label=f"export fails for {name}",
            author=Author("mira", "key_1"),
            now=NOON,
        )
        suggestion = factories.suggestion(session, workspace, theme=theme, other=other, items=made[1:2])
        factories.shadow(session, workspace)
        key, _ = access.create_key(session, workspace=workspace, name="bot", role=Role.VIEWER, now=NOON)
        ids = {
            "src": source, "dlv": sent, "th": theme, "rel": release, "feat": feature, "lnk": link.id,
            "team": team.id, "met": metric.id, "obj": objective.id, "key": key.id, "fb": made[0],
            "act": renamed.act.id, "sug": suggestion,
        }  # fmt: skip
    ids["usr"] = factories.user(database, workspace, role=Role.VIEWER)
    named = {prefix: f"{prefix}_{number}" for prefix, number in ids.items()}
    return workspace, {**named, "other th": f"th_{other}", "other fb": f"fb_{loose}"}


BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/sources": {"kind": "zendesk", "name": "another desk"},
    "PUT /v1/sources/{source_id}/secret": {"secret": "the-new-one-of-the-tool"},
    "PUT /v1/sources/{source_id}/retirement": {"at": AT},
    "PUT /v1/sources/{source_id}/rules": {
        "rules": [{"action": "exclude", "field": "tag", "values": ["internal"]}]
    },
    "POST /v1/sources/{source_id}/rules/preview": {
        "rules": [{"action": "exclude", "field": "tag", "values": ["internal"]}],
        "fields": {"plan": "tier"},
    },
    "PUT /v1/sources/{source_id}/pull": {
        "subdomain": "acme",
        "account": "mira@example.com",
        "token": "t0ken",
    },
    "PUT /v1/exposure/{series}": {"points": [{"day": "2026-06-01", "value": 9}]},
    "PUT /v1/accounts": {"accounts": [{"key": "acme"}]},
    "POST /v1/features": {"title": "Faster exports"},
    "POST /v1/releases": {"name": "Two", "released_at": AT, "features": [{"title": "Faster exports"}]},
    "POST /v1/links": {"feature": "feat", "theme": "th"},
    "POST /v1/links/{link_id}/confirm": {"note": "yes"},
    "POST /v1/links/{link_id}/reject": {"note": "no"},
    "POST /v1/themes": {"label": "Refunds", "examples": ["Please refund me."]},
    "POST /v1/themes/{theme_id}/merge": {"themes": ["other th"]},
    "POST /v1/themes/{theme_id}/split": {"items": ["fb"], "label": "Small exports"},
    "POST /v1/themes/{theme_id}/rename": {"label": "Exports"},
    "POST /v1/themes/{theme_id}/pin": {"pinned": True},
    "POST /v1/themes/{theme_id}/undo": {"act": "act"},
    "POST /v1/themes/{theme_id}/move": {"items": ["other fb"]},
    "POST /v1/themes/{theme_id}/dismiss": {},
    "POST /v1/impact/plan": {"rate": 8.0, "exposure": 900, "drop": 0.6},
    "POST /v1/teams": {"name": "Mail"},
    "POST /v1/objectives": {"title": "Fewer complaints"},
    "POST /v1/key-results": {"text": "From 4 to 3"},
    "POST /v1/metrics": {"key": "nps", "name": "NPS"},
    "PUT /v1/metrics/{metric_id}/observations": {"observations": [{"at": AT, "value": 1}]},
    "POST /v1/events": {"kind": "incident", "title": "Down", "starts_at": AT},
    "POST /v1/deliveries/replay": {"state": "dead"},
    "POST /v1/keys": {"name": "bot", "role": "integration"},
    "POST /v1/keys/{key_id}/rotate": {"overlap_hours": 1},
    # The one that is tried already.
    "POST /v1/encoder/shadow": {"dtype": "bfloat16"},
    "POST /v1/encoder/shadow/switch": {"accept_moved": 0.5},
    "POST /v1/erasures": {"customer_id": "p0", "source": "src"},
    "POST /v1/users": {"email": "mira@example.com", "name": "Mira", "role": "viewer"},
}
"""A valid body for every call that takes one; where an id belongs stands its prefix, or "other" and its prefix."""

OTHER_PARTS = {"series": "active_accounts"}
"""Parts of paths that are no ids."""

NOT_STORED = {("POST /v1/links", ("key_result",))}
"""Ids that a call knows and does not take yet."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request names something by id: in its path, its query, or at a place of its body."""

    kind: str
    prefix: str
    name: str = ""
    steps: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the OpenAPI document."""

    method: str
    path: str
    places: tuple[Place, ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, ready to be sent."""

    method: str
    url: str
    params: dict[str, str]
    json: Any

    def arguments(self) -> dict[str, Any]:
        return {"method": self.method, "url": self.url, "params": self.params, "json": self.json}


PREFIX_OF = {
    "source_id": "src", "theme_id": "th", "feature_id": "feat", "release_id": "rel", "link_id": "lnk",
    "metric_id": "met", "delivery_id": "dlv", "key_id": "key", "user_id": "usr", "item_id": "fb",
    "suggestion_id": "sug",
}  # fmt: skip


def routes_of(document: Mapping[str, Any]) -> list[Route]:
    """List every call of the document with the places in which it names things."""
    return [
        Route(method.upper(), path, tuple(_places(document, f"{method.upper()} {path}", operation)))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def _places(document: Mapping[str, Any], name: str, operation: Mapping[str, Any]) -> Iterator[Place]:
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path" and parameter["name"] not in OTHER_PARTS:
            # A new kind of path parameter must be named in one of the two tables.
            yield Place("path", PREFIX_OF[parameter["name"]], parameter["name"])
        elif parameter["in"] == "query" and (prefix := _prefix(parameter["schema"])):
            yield Place("query", prefix, parameter["name"])
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        yield from _in_body(document, schema, BODIES[name], ())


def _variants(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what a schema may be, references and choices resolved."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return [each for part in schema.get("anyOf", []) for each in _variants(document, part)] or [schema]


def _prefix(schema: Mapping[str, Any]) -> str | None:
    """Return the prefix of the public ids that a schema takes."""
    for part in (schema, *schema.get("anyOf", [])):
        found = re.match(r"\^([a-z]+)_\[0-9\]", part.get("pattern", ""))
        if found:
            return found[1]
    return None


def _in_body(
    document: Mapping[str, Any], schema: Mapping[str, Any], example: Any, steps: tuple[str | int, ...]
) -> Iterator[Place]:
    for part in _variants(document, schema):
        prefix = _prefix(part)
        if prefix is not None:
            yield Place("body", prefix, steps=steps)
        for name, inner in part.get("properties", {}).items():
            given = example.get(name) if isinstance(example, dict) else None
            yield from _in_body(document, inner, given, (*steps, name))
        if "items" in part:
            first = example[0] if example else None
            inside = list(_in_body(document, part["items"], first, (*steps, 0)))
            assert not inside or example, f"give an example of {steps}: it may hold ids"
            yield from inside


def request(route: Route, ids: Ids) -> Sent:
    """Build a valid request: its path and body name things of `ids`."""
    url = route.path
    for name, value in OTHER_PARTS.items():
        url = url.replace(f"{{{name}}}", value)
    for place in route.places:
        if place.kind == "path":
            url = url.replace(f"{{{place.name}}}", ids[place.prefix])
    body = copy.deepcopy(BODIES.get(route.name))
    for place in route.places:
        if place.kind == "body" and (named := _at(body, place.steps)) in (
            place.prefix,
            f"other {place.prefix}",
        ):
            _put(body, place.steps, ids[str(named)])
    return Sent(route.method, url, {}, body)


def with_id(route: Route, sent: Sent, place: Place, ids: Ids) -> Sent:
    """Return the request with the id at one place taken from `ids`."""
    number = ids[place.prefix]
    if place.kind == "query":
        return replace(sent, params={**sent.params, place.name: number})
    if place.kind == "path":
        own = re.sub(r"\{[^}]+\}", "([^/]+)", route.path)
        found = re.fullmatch(own, sent.url)
        assert found is not None
        names = re.findall(r"\{([^}]+)\}", route.path)
        start, end = found.span(names.index(place.name) + 1)
        return replace(sent, url=sent.url[:start] + number + sent.url[end:])
    body = copy.deepcopy(sent.json)
    named = str(_at(BODIES[route.name], place.steps))
    _put(body, place.steps, ids.get(named, number))
    return replace(sent, json=body)


def _at(body: Any, steps: tuple[str | int, ...]) -> object:
    for step in steps:
        if body is None or (isinstance(step, str) and step not in body):
            return None
        body = body[step]
    return body


def _put(body: Any, steps: tuple[str | int, ...], value: str) -> None:
    for step in steps[:-1]:
        body = body[step]
    body[steps[-1]] = value
