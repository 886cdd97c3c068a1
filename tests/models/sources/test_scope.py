"""Rules of scope: exclusion wins, include rules ask for one match, words without regard to case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.sources.scope import (
    CALLED_SPAM,
    NOT_INCLUDED,
    Act,
    Fact,
    Facts,
    Rule,
    decide,
    domain_of,
    hashed,
    rules_of,
)

FACTS = Facts(
    brand="Acme", group="Billing", form="Web form", tags=("VIP", "beta"), channel="email", language="en",
    product_area="exports", plan="Team", account="acct_7", spam=False, domain="acme.test",
)  # fmt: skip


def rule(act: str, fact: str, *values: str, name: str = "r") -> Rule:
    return Rule(name, Act(act), Fact(fact), values)


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("brand", "acme"), ("group", "billing"), ("form", "web form"), ("tag", "vip"), ("channel", "email"),
        ("language", "en"), ("product_area", "exports"), ("plan", "team"), ("account", "acct_7"), ("spam", "false"), ("domain", "acme.test"),
    ],
)  # fmt: skip
def test_each_fact_can_be_asked_for(fact: str, value: str) -> None:
    assert not decide([rule("exclude", fact, "x", value)], FACTS).is_kept
    assert decide([rule("exclude", fact, "x")], FACTS).is_kept
    assert decide([rule("include", fact, value)], FACTS).is_kept
    assert decide([rule("include", fact, "x")], FACTS).by == "not_included"


@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize("value", ["true", "false"])
def test_what_the_tool_calls_spam_is_left_out_unless_a_rule_is_on_spam(act: str, value: str) -> None:
    spam = Facts(spam=True, brand="acme")
    for rules in ([], [rule("include", "brand", "acme")], [rule("exclude", "brand", "other")]):
        decision = decide(rules, spam)
        assert (decision.is_kept, decision.by) == (False, CALLED_SPAM)
        assert decide(rules, Facts(spam=False, brand="acme")).is_kept
    asked = decide([rule(act, "spam", value)], spam)
    assert asked.by != CALLED_SPAM
    assert asked.is_kept is ((act == "include") is (value == "true"))


def test_names_of_what_decides_without_a_rule_are_taken() -> None:
    for name in (CALLED_SPAM, NOT_INCLUDED):
        with pytest.raises(Invalid, match="is taken"):
            rules_of([{"name": name, "action": "exclude", "field": "spam"}])


def test_what_is_not_known_matches_nothing() -> None:
    for fact in Fact:
        assert decide([rule("exclude", fact, "true", "none", "")], Facts()).is_kept
        assert not decide([rule("include", fact, "true", "none", "")], Facts()).is_kept


RULES = st.lists(
    st.builds(
        rule,
        st.sampled_from(["include", "exclude"]),
        st.sampled_from(["brand", "tag"]),
        st.sampled_from(["acme", "vip", "other"]),
        name=st.text("abc", min_size=1, max_size=3),
    ),
    max_size=6,
)


@given(RULES, st.randoms(use_true_random=False))
def test_the_order_of_rules_never_matters_and_exclusion_wins(rules: list[Rule], random: object) -> None:
    kept = decide(rules, FACTS).is_kept
    shuffled = sorted(rules, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert decide(shuffled, FACTS).is_kept is kept
    matching = {each.act for each in rules if set(each.values) & {"acme", "vip"} and _own(each)}
    wants_one = any(each.act is Act.INCLUDE for each in rules)
    assert kept is (Act.EXCLUDE not in matching and (not wants_one or Act.INCLUDE in matching))


def _own(each: Rule) -> bool:
    return each.values == ({"brand": "acme", "tag": "vip"}[each.fact],)


def test_the_reason_names_the_rule_and_what_it_found() -> None:
    found = decide([rule("exclude", "tag", "x", "vip", name="no vips")], FACTS)
    assert (found.by, found.why) == ("no vips", "left out by rule no vips: tag vip")
    assert "acme" not in decide([rule("exclude", "domain", "acme.test")], FACTS).why


def test_rules_are_read_as_sent_and_written_the_same() -> None:
    sent = [
        {"name": "ours", "action": "exclude", "field": "domain", "values": ["@Acme.test", "acme.test"]},
        {"action": "exclude", "field": "spam"},
        {"action": "include", "field": "brand", "values": ["Acme"]},
    ]
    rules = rules_of(sent)
    assert [each.values for each in rules] == [("acme.test",), ("true",), ("acme",)]
    assert [each.name for each in rules] == ["ours", "exclude-spam-2", "include-brand-3"]
    assert rules_of([each.to_json() for each in rules]) == rules


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ("x", "rules"),
        ([{}] * 101, "rules"),
        ([{"action": "drop", "field": "tag", "values": ["a"]}], "rules.0.action"),
        ([{"action": "exclude", "field": "colour", "values": ["a"]}], "rules.0.field"),
        ([{"action": "exclude", "field": "tag", "values": []}], "rules.0.values"),
        ([{"action": "exclude", "field": "tag", "values": ["a"], "name": "not_included"}], "rules.0.name"),
        ([{"name": "a", "action": "exclude", "field": "tag", "values": ["a"]}] * 2, "rules.1.name"),
        (["x"], "rules.0"),
    ],
)
def test_a_wrong_rule_is_named(sent: object, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        rules_of(sent)
    assert caught.value.field == field


def test_domains_are_compared_as_hashes() -> None:
    (made,) = hashed([rule("exclude", "domain", "acme.test")], lambda domain: domain[::-1])
    assert made.values == ("tset.emca",)
    assert not decide([made], Facts(domain="tset.emca")).is_kept
    (same,) = hashed([rule("exclude", "tag", "vip")], lambda domain: domain[::-1])
    assert same.values == ("vip",)


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("Mira@Acme.Test", "acme.test"),
        ("Mira <m@a.test>", "a.test"),
        ("nobody", None),
        (None, None),
        ("@x", None),
    ],
)
def test_the_domain_of_an_address(email: str | None, domain: str | None) -> None:
    assert domain_of(email) == domain
