"""Rules of scope: which records of a source are about the product at all.

A record is in scope if no `exclude` rule matches it and, where there are `include` rules, one of those does. So the
order of rules never matters: exclusion wins. Words are compared without regard to case; a record of which nothing is
known in a field matches no rule on that field. E-mail domains are compared as keyed hashes, exactly: a subdomain is
another domain. What the tool itself calls spam is left out, unless a rule on spam says what is to become of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from models.errors import Invalid
from models.sources.payload import JsonObject, flag_of, list_of, require_object, short_of

W = TypeVar("W", bound=StrEnum)

MAX_RULES = 100
MAX_NAME_CHARS = 60
NOT_INCLUDED = "not_included"
"""What leaves a record out that no include rule matches."""
CALLED_SPAM = "called_spam"
"""What leaves out what the tool calls spam, where no rule is on spam."""
_TAKEN = (NOT_INCLUDED, CALLED_SPAM)


class Act(StrEnum):
    """What a rule does with records that it matches."""

    INCLUDE = "include"
    EXCLUDE = "exclude"


class Fact(StrEnum):
    """What a rule can ask of a record."""

    BRAND = "brand"
    """Whose face the customer saw: a brand, a product's portal, a repository, a workspace."""
    GROUP = "group"
    """Where it lies with those who answer: a team, an inbox, a mailbox, a project, a channel."""
    FORM = "form"
    """What kind of request the customer chose, or which form was filled in."""
    TAG = "tag"
    CHANNEL = "channel"
    LANGUAGE = "language"
    PRODUCT_AREA = "product_area"
    PLAN = "plan"
    ACCOUNT = "account"
    """The customer's company, as the tool names it."""
    SPAM = "spam"
    DOMAIN = "domain"
    """The domain of the customer's e-mail address: one's own staff."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `name` is unique in its source; `values` in lower case (of `spam`: true or false)."""

    name: str
    act: Act
    fact: Fact
    values: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """Write the rule as it is stored and sent."""
        return {
            "name": self.name,
            "action": str(self.act),
            "field": str(self.fact),
            "values": list(self.values),
        }


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a record; None: nothing. `domain` is a keyed hash, as in the rules given to `decide`."""

    brand: str | None = None
    group: str | None = None
    form: str | None = None
    tags: tuple[str, ...] = ()
    channel: str | None = None
    language: str | None = None
    product_area: str | None = None
    plan: str | None = None
    account: str | None = None
    spam: bool | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a record is in scope, by which rule, and why in words."""

    is_kept: bool
    by: str | None
    why: str


def rules_of(value: object, *, field: str = "rules") -> tuple[Rule, ...]:
    """Read rules as a person sent them; raise Invalid naming the one that is wrong, and the fix."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise Invalid(f"{field} must be a list of rules", field=field)
    if len(value) > MAX_RULES:
        raise Invalid(
            f"{field} may hold at most {MAX_RULES} rules: give one rule several values", field=field
        )
    rules = tuple(_rule(each, place, f"{field}.{place}") for place, each in enumerate(value))
    names = [rule.name for rule in rules]
    for place, name in enumerate(names):
        if name in names[:place] or name in _TAKEN:
            raise Invalid(
                f"{field}.{place}.name {name!r} is taken: names are unique", field=f"{field}.{place}.name"
            )
    return rules


def _rule(value: object, place: int, field: str) -> Rule:
    given = require_object(value, field=field)
    act, fact = _word(Act, given, "action", field), _word(Fact, given, "field", field)
    name = short_of(given.get("name"), field=f"{field}.name", limit=MAX_NAME_CHARS)
    if fact is Fact.SPAM:
        flags = given.get("values") or [True]
        first = flags[0] if isinstance(flags, list) else flags
        values: tuple[str, ...] = (str(flag_of(first, field=f"{field}.values") is not False).lower(),)
    else:
        found = list_of(given.get("values"), field=f"{field}.values", separator=",") or ()
        values = tuple(dict.fromkeys(each.lower().removeprefix("@") for each in found))
    if not values:
        raise Invalid(f"{field}.values must name at least one {fact}", field=f"{field}.values")
    return Rule(name or f"{act}-{fact}-{place + 1}", act, fact, values)


def _word(kind: type[W], given: JsonObject, name: str, field: str) -> W:
    try:
        return kind(str(given.get(name)))
    except ValueError:
        raise Invalid(f"{field}.{name} must be one of {', '.join(kind)}", field=f"{field}.{name}") from None


def hashed(rules: Sequence[Rule], digest: Callable[[str], str]) -> tuple[Rule, ...]:
    """Replace the domains in rules by their keyed hashes, as `Facts` hold them."""
    return tuple(
        Rule(rule.name, rule.act, rule.fact, tuple(map(digest, rule.values)))
        if rule.fact is Fact.DOMAIN
        else rule
        for rule in rules
    )


def domain_of(email: str | None) -> str | None:
    """Return the domain of an e-mail address in lower case, None where it is none."""
    head, sign, tail = (email or "").strip().rpartition("@")
    return tail.lower().rstrip(".>") or None if sign and head else None


def decide(rules: Sequence[Rule], facts: Facts) -> Decision:
    """Say whether a record is in scope."""
    known = _values(facts)
    for rule in rules:
        if rule.act is Act.EXCLUDE and _matches(rule, known):
            return Decision(False, rule.name, f"left out by rule {rule.name}: {_say(rule, known)}")
    if facts.spam and not any(rule.fact is Fact.SPAM for rule in rules):
        return Decision(False, CALLED_SPAM, "the tool calls it spam, and no rule is on spam")
    including = [rule for rule in rules if rule.act is Act.INCLUDE]
    if not including:
        return Decision(True, None, "no rule leaves it out")
    for rule in including:
        if _matches(rule, known):
            return Decision(True, rule.name, f"let in by rule {rule.name}: {_say(rule, known)}")
    wanted = ", ".join(dict.fromkeys(str(rule.fact) for rule in including))
    return Decision(False, NOT_INCLUDED, f"no include rule matches its {wanted}")


def _values(facts: Facts) -> Mapping[Fact, frozenset[str]]:
    one = {
        Fact.BRAND: facts.brand,
        Fact.GROUP: facts.group,
        Fact.FORM: facts.form,
        Fact.CHANNEL: facts.channel,
        Fact.LANGUAGE: facts.language,
        Fact.PRODUCT_AREA: facts.product_area,
        Fact.PLAN: facts.plan,
        Fact.ACCOUNT: facts.account,
        Fact.SPAM: None if facts.spam is None else str(facts.spam),
        Fact.DOMAIN: facts.domain,
    }
    found = {fact: frozenset({value.lower()}) if value else frozenset() for fact, value in one.items()}
    return {**found, Fact.TAG: frozenset(tag.lower() for tag in facts.tags)}


def _matches(rule: Rule, known: Mapping[Fact, frozenset[str]]) -> bool:
    return not known[rule.fact].isdisjoint(rule.values)


def _say(rule: Rule, known: Mapping[Fact, frozenset[str]]) -> str:
    if rule.fact is Fact.DOMAIN:
        return "the e-mail domain is on its list"
    if rule.fact is Fact.SPAM:
        return "the tool calls it spam" if "true" in rule.values else "the tool says that it is no spam"
    found = sorted(known[rule.fact].intersection(rule.values))
    return f"{str(rule.fact).replace('_', ' ')} {found[0][:100]}"
