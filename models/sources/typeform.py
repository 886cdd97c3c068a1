"""Typeform: answers to a form.

A response is a record with one message: its long texts, or where there is none its short ones. Which question asks
what is told by the question's type and reference (`field.ref`), never by its position. Hidden fields say who the
respondent is. The scale of a question is taken from the form's definition where it says so; a scale that nothing
tells is not guessed at, except for a question that asks whether one would recommend (0 to 10).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models.errors import Invalid
from models.sources.payload import (
    JsonObject,
    first,
    flag_of,
    id_of,
    language_of,
    number_of,
    object_or_empty,
    plan_of,
    rating_of,
    read_object,
    require_id,
    short_of,
    tags_of,
    text_of,
)
from models.sources.scope import Fact
from models.sources.source import STARS, Source, SourceSettings, body_key, bounded_key
from models.sources.times import past_instant_of
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    Rating,
    RatingKind,
)

MAX_QUESTIONS = 1000
NPS = Rating(value=0, scale_min=0, scale_max=10, kind=RatingKind.NPS)

_HIDDEN: Mapping[str, tuple[str, ...]] = {
    "customer": ("userid", "customerid", "uid", "contactid"),
    "email": ("email", "useremail", "customeremail"),
    "account": ("accountid", "account", "companyid", "company", "organizationid", "orgid", "workspaceid"),
    "plan": ("plan", "tier", "subscription"),
    "language": ("lang", "language", "locale"),
    "area": ("productarea", "area", "component", "feature"),
    "brand": ("brand", "product"),
    "group": ("group", "team"),
    "tags": ("tags", "tag"),
}
"""Our field -> the hidden fields (letters and digits only) it is read from, the first that says anything wins."""

_RECOMMENDS = re.compile(
    r"\bnps\b|recommend|empfehl|recommand|recomend|raccomand|aanbevel|polec", re.IGNORECASE
)
_PERSONAL = re.compile(
    r"name\b|\bnom\b|nombre|company|organi[sz]ation|firma|phone|telefon|e-?mail|address|\bcity\b|country|\brole\b|job",
    re.IGNORECASE,
)


def delivery_key(headers: Mapping[str, str], body: bytes) -> str:
    """Return the kind of event and the response's token: nothing says that `event_id` stays on a retry."""
    try:
        payload = read_object(body)
        token = id_of(
            object_or_empty(payload.get("form_response"), field="form_response").get("token"), field="token"
        )
        kind = short_of(payload.get("event_type"), field="event_type")
    except Invalid:
        return body_key(body)
    return bounded_key(f"{kind}:{token}") if token else body_key(body)


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn a response into a change; raise Invalid where it cannot be understood."""
    payload = read_object(body)
    event_id = id_of(payload.get("event_id"), field="event_id")
    if require_id(payload.get("event_type"), field="event_type") != "form_response":
        return (FeedbackChange(action=Action.IGNORE, event_id=event_id),)
    response = object_or_empty(payload.get("form_response"), field="form_response")
    form = object_or_empty(response.get("definition"), field="form_response.definition")
    title = text_of(form.get("title"), field="form_response.definition.title")
    answers = _answers(response, _questions(form))
    change = FeedbackChange(
        action=Action.UPSERT,
        external_id=require_id(response.get("token"), field="form_response.token"),
        message_id=FIRST_MESSAGE,
        event_id=event_id,
        created_at=past_instant_of(
            response.get("submitted_at"), field="form_response.submitted_at", received_at=received_at
        ),
        subject=title,
        body=_text(answers),
        author_role=AuthorRole.CUSTOMER,
        channel="survey",
        form=id_of(response.get("form_id"), field="form_response.form_id"),
        rating=_rating(answers, title or "", settings),
    )
    if not change.body and change.rating is None:
        return (FeedbackChange(action=Action.IGNORE, event_id=event_id),)
    return (_respondent(change, response, answers),)


@dataclass(frozen=True, slots=True)
class _Answered:
    """One answer with its question: `wording` is the question's reference and title."""

    type: str
    value: object
    ref: str
    question: str
    wording: str
    properties: JsonObject


def _questions(form: JsonObject) -> dict[str, JsonObject]:
    """Return the form's questions by id; those of a group stand in its properties."""
    found: dict[str, JsonObject] = {}
    waiting: list[object] = [form.get("fields")]
    while waiting and len(found) < MAX_QUESTIONS:
        fields = waiting.pop()
        for each in fields if isinstance(fields, list) else []:
            if not isinstance(each, dict):
                continue
            found[str(each.get("id"))] = each
            properties = each.get("properties")
            waiting.append(properties.get("fields") if isinstance(properties, dict) else None)
    return found


def _answers(response: JsonObject, questions: Mapping[str, JsonObject]) -> list[_Answered]:
    given = response.get("answers")
    answers = given if isinstance(given, list) else []
    return [_answered(each, questions) for each in answers[:MAX_QUESTIONS] if isinstance(each, dict)]


def _answered(answer: JsonObject, questions: Mapping[str, JsonObject]) -> _Answered:
    field = object_or_empty(answer.get("field"), field="answers.field")
    question = questions.get(str(field.get("id")), {})
    kind = short_of(answer.get("type"), field="answers.type") or ""
    ref = text_of(first(field, ("ref",))[1] or question.get("ref"), field="answers.field.ref") or ""
    title = text_of(question.get("title"), field="definition.fields.title") or ""
    properties = question.get("properties")
    return _Answered(
        type=kind,
        value=answer.get(kind),
        ref=_bare(ref),
        question=short_of(field.get("type") or question.get("type"), field="answers.field.type") or "",
        wording=f"{ref[:200]} {title[:1000]}".replace("_", " "),
        properties=properties if isinstance(properties, dict) else {},
    )


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _text(answers: list[_Answered]) -> str:
    """Return the respondent's own words; a short text that asks for a name or an address is none."""
    texts = [each for each in answers if each.type == "text"]
    long = [each.value for each in texts if each.question == "long_text"]
    short = [each.value for each in texts if not _PERSONAL.search(each.wording)]
    other = [each.value.get("other") for each in answers if isinstance(each.value, dict)]
    for found in (long, short, other):
        written = [text_of(each, field="answers.text") or "" for each in found]
        joined = "\n\n".join(each for each in written if each.strip())
        if joined:
            return joined
    return ""


def _rating(answers: list[_Answered], title: str, settings: SourceSettings) -> Rating | None:
    """Return the response's rating: whether one would recommend goes before any other scale."""
    scales = [each for each in answers if each.question in ("nps", "opinion_scale", "rating")]
    named = title if len(scales) == 1 else ""
    found = []
    for each in scales:
        scale = _scale(each, f"{each.wording} {named}", settings)
        rating = None if scale is None else rating_of(each.value, field=f"answers.{each.type}", scale=scale)
        if rating is not None:
            found.append(rating)
    return next((each for each in found if each.kind is RatingKind.NPS), next(iter(found), None))


def _scale(answer: _Answered, wording: str, settings: SourceSettings) -> Rating | None:
    """Return the scale of a question, None where nothing tells it."""
    recommends = answer.question == "nps" or _RECOMMENDS.search(wording) is not None
    steps = number_of(answer.properties.get("steps"), field="definition.fields.properties.steps")
    if answer.question == "nps":
        return NPS
    if steps is None:
        if answer.question == "rating" or settings.rating_scale != STARS:
            return settings.rating_scale
        return NPS if recommends else None
    from_one = flag_of(
        answer.properties.get("start_at_one"), field="definition.fields.properties.start_at_one"
    )
    low = 1 if answer.question == "rating" or from_one else 0
    kind = RatingKind.STARS if answer.question == "rating" else RatingKind.CSAT
    scale = Rating(value=low, scale_min=low, scale_max=low + steps - 1, kind=kind)
    return NPS if recommends and (low, scale.scale_max) == (0, 10) else scale


def _respondent(change: FeedbackChange, response: JsonObject, answers: list[_Answered]) -> FeedbackChange:
    """Add who answered, from hidden fields and an e-mail question, and the area that a choice names."""
    given = object_or_empty(response.get("hidden"), field="form_response.hidden")
    hidden: JsonObject = {_bare(name): value for name, value in given.items()}

    def named(field: str) -> tuple[str, object]:
        name, value = first(hidden, _HIDDEN[field])
        return f"form_response.hidden.{name}", value

    email_name, email = named("email")
    asked = next((each.value for each in answers if each.type == "email"), None)
    address = short_of(email or asked, field=email_name)
    customer_name, customer = named("customer")
    account_name, account = named("account")
    plan_name, plan = named("plan")
    language_name, language = named("language")
    area_name, area = named("area")
    brand_name, brand = named("brand")
    group_name, group = named("group")
    tags_name, tags = named("tags")
    return replace(
        change,
        customer_id=id_of(customer, field=customer_name) or address,
        customer_email=address,
        account_id=id_of(account, field=account_name),
        plan=plan_of(plan, field=plan_name),
        language=language_of(language, field=language_name),
        product_area=short_of(area, field=area_name) or _chosen_area(answers),
        brand=short_of(brand, field=brand_name),
        group=short_of(group, field=group_name),
        tags=tags_of(tags, field=tags_name),
    )


def _chosen_area(answers: list[_Answered]) -> str | None:
    """Return the choice of the question whose reference names a product area."""
    for each in answers:
        if each.ref in _HIDDEN["area"] and isinstance(each.value, dict):
            labels = each.value.get("labels")
            label = each.value.get("label") or (labels[0] if isinstance(labels, list) and labels else None)
            return short_of(label, field="answers.choice.label")
    return None


_TELLS: Mapping[Fact, str] = {
    Fact.BRAND: "hidden field `brand` or `product`",
    Fact.GROUP: "hidden field `group` or `team`",
    Fact.FORM: "`form_id`",
    Fact.TAG: "hidden field `tags`",
    Fact.CHANNEL: "always `survey`",
    Fact.LANGUAGE: "hidden field `lang`, `language` or `locale`",
    Fact.PRODUCT_AREA: "hidden field `product_area`, `area`, `component` or `feature`; the question `area`",
    Fact.PLAN: "hidden field `plan`, `tier` or `subscription`",
    Fact.ACCOUNT: "hidden field `account_id`, `company_id`, `organization_id` or `workspace_id`",
    Fact.DOMAIN: "hidden field `email`; an answer that is an e-mail address",
}

SOURCE = Source(
    kind="typeform",
    title="Typeform",
    schemes=("typeform",),
    delivery_key=delivery_key,
    parse=parse,
    tells=_TELLS,
)
