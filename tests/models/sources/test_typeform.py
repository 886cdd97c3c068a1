import json

import pytest

from models.errors import Invalid
from models.sources.typeform import SOURCE
from models.values.feedback import Action, FeedbackChange, Rating, RatingKind
from tests.models.sources.examples import Example, assert_meant, examples, payload_of, read_all

EXAMPLES = [each for each in examples() if each.data["source"] == "typeform"]
PAYLOAD = payload_of("typeform.form_response_nps")
RESPONSE = PAYLOAD["form_response"]


def question(number: str, kind: str, title: str = "?", **properties: object) -> dict:
    return {"id": number, "ref": f"ref_{number}", "type": kind, "title": title, "properties": properties}


def form(
    *asked: tuple[dict, dict], hidden: dict | None = None, title: str = "Survey", **more: object
) -> dict:
    """Build a response to a form of (question, answer) pairs."""
    fields = [field for field, _ in asked]
    answers = [
        {**answer, "field": {name: field[name] for name in ("id", "type", "ref")}} for field, answer in asked
    ]
    definition = {"title": title, "fields": fields}
    response = {**RESPONSE, "hidden": hidden or {}, "definition": definition, "answers": answers, **more}
    return {**PAYLOAD, "form_response": response}


def one(payload: object, **settings: object) -> FeedbackChange:
    (change,) = read_all(SOURCE, payload, **settings)
    return change


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def number(value: object) -> dict:
    return {"type": "number", "number": value}


WHY = (question("w", "long_text", "Why?"), text("Too slow"))


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_examples_mean_what_they_should(each: Example) -> None:
    assert_meant(SOURCE, each)


def test_there_is_one_example() -> None:
    assert len(EXAMPLES) == 1


def test_the_long_texts_are_what_was_said() -> None:
    name = (question("n", "short_text", "What is your name?"), text("Ada Example"))
    topic = (question("t", "short_text", "In one word?"), text("Speed"))
    more = (question("m", "long_text", "Anything else?"), text("No dark mode"))
    assert one(form(name, topic, WHY, more)).body == "Too slow\n\nNo dark mode"
    assert one(form(name, topic)).body == "Speed"
    assert one(form(name)).action is Action.IGNORE


@pytest.mark.parametrize("title", ["Your first name", "Company", "Wie ist Ihre Telefonnummer?", "E-mail"])
def test_a_question_for_the_person_is_no_text(title: str) -> None:
    change = one(form((question("n", "short_text", title), text("x")), (question("r", "nps"), number(3))))
    assert change.body == ""


def test_a_choice_of_ones_own_is_a_text_where_there_is_no_other() -> None:
    choice = (question("c", "multiple_choice"), {"type": "choice", "choice": {"other": "The export"}})
    assert one(form(choice)).body == "The export"
    assert one(form(choice, WHY)).body == "Too slow"


@pytest.mark.parametrize(
    ("asked", "value", "rating"),
    [
        (question("r", "nps"), 9, Rating(9, 0, 10, RatingKind.NPS)),
        (question("r", "opinion_scale", "Would you recommend us?"), 0, Rating(0, 0, 10, RatingKind.NPS)),
        (
            question("r", "opinion_scale", "Würden Sie uns weiterempfehlen?"),
            7,
            Rating(7, 0, 10, RatingKind.NPS),
        ),
        (question("r", "opinion_scale", "Recommend?", steps=11), 7, Rating(7, 0, 10, RatingKind.NPS)),
        (question("r", "opinion_scale", "Recommend?", steps=5), 4, Rating(4, 0, 4, RatingKind.CSAT)),
        (question("r", "opinion_scale", "How easy was it?"), 4, None),
        (
            question("r", "opinion_scale", "Easy?", steps=7, start_at_one=True),
            7,
            Rating(7, 1, 7, RatingKind.CSAT),
        ),
        (question("r", "rating", "How was it?"), 4, Rating(4, 1, 5, RatingKind.STARS)),
        (question("r", "rating", "How was it?", steps=10), 8, Rating(8, 1, 10, RatingKind.STARS)),
        (question("r", "number", "How old are you?"), 40, None),
    ],
)
def test_scales(asked: dict, value: float, rating: Rating | None) -> None:
    assert one(form((asked, number(value)), WHY)).rating == rating


def test_the_forms_title_tells_the_scale_of_its_only_question() -> None:
    easy, fast = (question(name, "opinion_scale", f"How {name}?") for name in ("easy", "fast"))
    assert one(form((easy, number(9)), title="NPS Q1")).rating == Rating(9, 0, 10, RatingKind.NPS)
    two = one(form((easy, number(9)), (fast, number(2)), WHY, title="NPS Q1"))
    assert two.rating is None


def test_whether_one_would_recommend_goes_first() -> None:
    stars, nps = (question("s", "rating"), number(2)), (question("n", "nps"), number(10))
    rating = one(form(stars, nps)).rating
    assert rating is not None
    assert rating.kind is RatingKind.NPS


def test_a_scale_in_the_settings() -> None:
    easy = (question("r", "opinion_scale", "How easy was it?"), number(4))
    change = one(form(easy), rating_scale={"min": 1, "max": 7, "kind": "csat"})
    assert change.rating == Rating(4, 1, 7, RatingKind.CSAT)
    with pytest.raises(Invalid, match="outside its scale"):
        one(form((question("r", "rating"), number(8))))


def test_calculated_scores_are_not_ratings() -> None:
    assert one(form(WHY, calculated={"score": 9})).rating is None


def test_hidden_fields_say_who_it_is() -> None:
    change = one(form(WHY, hidden={"User-ID": "u1", "company_id": "a1", "tier": "pro", "Locale": "de-AT"}))
    assert (change.customer_id, change.account_id, change.plan, change.language) == ("u1", "a1", "pro", "de")
    area = one(form(WHY, hidden={"product_area": "Billing"}))
    assert area.product_area == "Billing"


def test_an_address_may_be_asked_for() -> None:
    email = (question("e", "email"), {"type": "email", "email": "ada@example.com"})
    change = one(form(WHY, email))
    assert (change.customer_email, change.customer_id) == ("ada@example.com", "ada@example.com")
    known = one(form(WHY, email, hidden={"email": "other@example.com", "uid": 5}))
    assert (known.customer_email, known.customer_id) == ("other@example.com", "5")


def test_questions_of_a_group_are_found() -> None:
    inner = question("i", "opinion_scale", "Would you recommend us?")
    payload = form((inner, number(3)), WHY)
    payload["form_response"]["definition"]["fields"] = [question("g", "group", fields=[inner]), 5]
    rating = one(payload).rating
    assert rating is not None
    assert rating.value == 3


@pytest.mark.parametrize(
    ("answer", "area"),
    [
        ({"type": "choices", "choices": {"labels": ["Billing", "Other"]}}, "Billing"),
        ({"type": "choice", "choice": {"label": "Search"}}, "Search"),
        ({"type": "choice", "choice": {"other": "x"}}, None),
        ({"type": "choices", "choices": {"labels": []}}, None),
        ({"type": "choices", "choices": {"labels": "Billing"}}, None),
    ],
)
def test_the_area_is_the_choice_of_its_question(answer: dict, area: str | None) -> None:
    asked = {**question("a", "multiple_choice"), "ref": "product_area"}
    assert one(form((asked, answer), WHY)).product_area == area


def test_a_partial_response_is_ignored_and_does_not_hide_the_whole_one() -> None:
    partial = {**PAYLOAD, "event_type": "form_response_partial"}
    assert one(partial).action is Action.IGNORE
    keys = {SOURCE.delivery_key({}, json.dumps(each).encode()) for each in (partial, PAYLOAD)}
    assert len(keys) == 2


def test_the_response_is_the_key_whatever_the_attempt() -> None:
    again = {**PAYLOAD, "event_id": "another"}
    assert SOURCE.delivery_key({}, json.dumps(again).encode()) == SOURCE.delivery_key({}, EXAMPLES[0].body)
    assert SOURCE.delivery_key({}, b"broken").startswith("sha256:")
    assert SOURCE.delivery_key({}, b"{}").startswith("sha256:")
    assert SOURCE.handshake({}, b"{}") is None


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, "event_type is missing"),
        ({"event_type": "form_response", "form_response": []}, "form_response must be an object"),
        (form(WHY, token=None), "form_response.token is missing"),
        (form((question("r", "nps"), number("often"))), "answers.number must be a number"),
        (form(WHY, submitted_at="2031-01-01T00:00:00Z"), "in the future"),
    ],
)
def test_what_cannot_be_understood_says_why(payload: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        one(payload)
