"""What connectors tell rules of scope: each field that one claims is filled, and rules on it include and exclude."""

import json
from collections.abc import Iterator

import pytest

from models.sources.pull import PULL_HEADER
from models.sources.pullers import IMPORT_HEADER, PULLERS
from models.sources.reading import read_changes
from models.sources.records import entries_of
from models.sources.registry import SOURCES
from models.sources.scope import Act, Fact, Facts, Rule, decide, domain_of
from models.sources.source import settings_from
from models.values.feedback import Action, FeedbackChange
from tests.models.sources.examples import NOW, examples
from tests.models.sources.scope_cases import Case, body_of, cases, pulled

CASES, PULLED = cases(), pulled()
CLAIMS = [(case, fact) for case in CASES for fact in case.says]


def facts_of(change: FeedbackChange) -> Facts:
    return Facts(
        brand=change.brand,
        group=change.group,
        form=change.form,
        tags=change.tags or (),
        channel=change.channel,
        language=change.language,
        product_area=change.product_area,
        plan=change.plan,
        account=change.account_id,
        spam=change.spam,
        domain=domain_of(change.customer_email) or change.customer_domain,
    )


def said(facts: Facts) -> dict[Fact, object]:
    found = {
        Fact.BRAND: facts.brand,
        Fact.GROUP: facts.group,
        Fact.FORM: facts.form,
        Fact.TAG: facts.tags or None,
        Fact.CHANNEL: facts.channel,
        Fact.LANGUAGE: facts.language,
        Fact.PRODUCT_AREA: facts.product_area,
        Fact.PLAN: facts.plan,
        Fact.ACCOUNT: facts.account,
        Fact.SPAM: facts.spam,
        Fact.DOMAIN: facts.domain,
    }
    return {fact: value for fact, value in found.items() if value is not None}


def read(case: Case, **headers: str) -> FeedbackChange:
    found = read_changes(
        case.kind,
        body_of(case),
        headers={**case.headers, **headers},
        settings=case.settings,
        received_at=NOW,
    )
    # A pulled record begins with the word that it stands, which tells nothing else of it.
    told = next(change for change in found if getattr(change, "action", None) is not Action.STANDS)
    assert isinstance(told, FeedbackChange)
    return told


def name(value: object) -> str:
    return value.kind if isinstance(value, Case) else str(value)


def test_every_kind_claims_what_its_cases_say_and_nothing_else() -> None:
    shown = {kind: {fact for case in CASES if case.kind == kind for fact in case.says} for kind in SOURCES}
    assert shown == {kind: set(source.tells) for kind, source in SOURCES.items()}


def check(facts: Facts, case: Case) -> None:
    """Hold what is known of a record to what its case says."""
    found = said(facts)
    wanted: dict[Fact, object] = {**case.says}
    for fact in {Fact.TAG, Fact.SPAM} & set(wanted):
        held = found[fact]
        found[fact] = wanted[fact] if isinstance(held, tuple) and wanted[fact] in held else str(held).lower()
    assert {fact: found.get(fact) for fact in wanted} == wanted


@pytest.mark.parametrize("case", CASES, ids=name)
def test_a_payload_says_what_it_should(case: Case) -> None:
    check(facts_of(read(case)), case)


@pytest.mark.parametrize("case", PULLED, ids=name)
def test_a_pulled_record_says_the_same(case: Case) -> None:
    check(facts_of(read(case, **{PULL_HEADER: case.kind})), case)


def test_of_what_webhooks_tell_pulling_leaves_out_little() -> None:
    lacking = {case.kind: set(SOURCES[case.kind].tells) - set(case.says) for case in PULLED}
    # Zendesk's API lists no spam; Intercom's tickets, which alone have a type, are not pulled.
    assert lacking == {"zendesk": {Fact.SPAM}, "intercom": {Fact.FORM}, "github": set()}
    assert {case.kind for case in PULLED} == set(PULLERS)


@pytest.mark.parametrize("case", PULLED, ids=name)
def test_a_record_of_an_export_says_the_same(case: Case) -> None:
    record = {"github": case.payload.get("issue"), "zendesk": case.payload.get("ticket")}.get(case.kind)
    given = {**(record or case.payload)}
    if case.kind == "zendesk":
        given["requester"] = case.payload["users"][0]
    settings = settings_from(SOURCES[case.kind].schemes, case.settings)
    entries = entries_of(given, settings=settings, received_at=NOW)
    assert entries is not None
    read_back = read(Case(case.kind, next(iter(entries)), {}), **{IMPORT_HEADER: "yes"})
    check(facts_of(read_back), case)


PATHS = {
    "zendesk": ("custom_fields.36000", {"custom_fields": [{"id": 36000, "value": "payroll"}]}),
    "intercom": ("custom_attributes.Module", {"custom_attributes": {"Module": "payroll"}}),
}


@pytest.mark.parametrize("kind", PATHS)
def test_a_mapped_field_is_found_by_one_path_in_webhooks_and_pulled_records(kind: str) -> None:
    path, held = PATHS[kind]
    sent = next(case for case in CASES if case.kind == kind)
    settings = {"fields": {"product_area": path}}
    record = {"zendesk": ("detail",), "intercom": ("data", "item")}[kind]
    payload = json.loads(body_of(sent))
    inner = payload
    for step in record:
        inner = inner[step]
    inner |= held
    assert read(Case(kind, payload, {}, sent.headers, settings)).product_area == "payroll"
    listed = next(case for case in PULLED if case.kind == kind).payload
    whole = {**listed, "ticket": {**listed["ticket"], **held}} if kind == "zendesk" else {**listed, **held}
    assert read(Case(kind, whole, {}, {}, settings), **{PULL_HEADER: kind}).product_area == "payroll"


@pytest.mark.parametrize(("case", "fact"), CLAIMS, ids=name)
def test_a_rule_on_a_claimed_field_includes_and_excludes(case: Case, fact: Fact) -> None:
    facts = facts_of(read(case))
    value = case.says[fact].lower()
    other = "true" if fact is Fact.SPAM else f"not {value}"
    for act, values, is_kept in (
        (Act.INCLUDE, (value,), True),
        (Act.INCLUDE, (other,), False),
        (Act.EXCLUDE, (value,), False),
        (Act.EXCLUDE, (other,), True),
    ):
        assert decide((Rule("r", act, fact, values),), facts).is_kept is is_kept, (act, values)


def changes() -> Iterator[tuple[str, FeedbackChange]]:
    for each in examples():
        if each.data["source"] in SOURCES:
            found = read_changes(
                each.data["source"], each.body, headers=each.headers, settings={}, received_at=NOW
            )
            yield from (
                (each.data["source"], change) for change in found if isinstance(change, FeedbackChange)
            )


def test_no_recorded_example_says_more_than_its_kind_claims() -> None:
    told = {(kind, fact) for kind, change in changes() for fact in said(facts_of(change))}
    assert {(kind, fact) for kind, fact in told if fact not in SOURCES[kind].tells} == set()
    assert len(told) > 40


SPAM: dict[str, tuple[dict, dict]] = {
    "front": ({"conversation": {"status": "spam"}}, {"conversation": {"status": "archived"}}),
    "helpscout": ({"status": "spam"}, {"status": "active"}),
    "freshdesk": ({"event": "spam"}, {"event": "unmarked_as_spam"}),
}


@pytest.mark.parametrize("kind", SPAM)
def test_what_the_tool_calls_spam_is_told_and_taken_back(kind: str) -> None:
    case = next(case for case in CASES if case.kind == kind)
    for changed, is_spam in zip(SPAM[kind], (True, False), strict=True):
        payload = {**case.payload, **{key: value for key, value in changed.items() if key != "conversation"}}
        if "conversation" in changed:
            payload["conversation"] = {**case.payload["conversation"], **changed["conversation"]}
        if kind == "freshdesk":
            payload = {**case.payload["freshdesk_webhook"], **changed}
        facts = facts_of(read(Case(kind, payload, {}, case.headers)))
        assert facts.spam is is_spam
        assert decide((), facts).is_kept is not is_spam
