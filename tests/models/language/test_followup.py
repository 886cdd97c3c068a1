"""Follow-ups that say something new, and those that lean on what was said before."""

import pytest

from models.language.followup import JOINING_WORDS, says_something

EMPTY = (
    "Any news?",
    "any update on this? we have been waiting for two weeks now and nobody answers",
    "Thanks so much, that solved it and works perfectly now!",
    "Still the same problem here, please fix it soon, it has been three weeks",
    "I restarted everything as you asked. Still the same.",
    "OK, I will wait for the update then.",
    "Here are the screenshots you asked for, please let me know if you need anything else from us.",
    "Adding to the above: it happened again at 7:15.",
    "Just to add to my last message: it happens again at 9:40 and 11:20 and 16:05.",
    "",
)
TELLING = (
    "Also, the invoice PDF shows the wrong VAT number since Monday and our accountant refuses it.",
    "I cleared the cache as you suggested; now the calendar loads, but colours of shared events are gone.",
    "By the way, exporting contacts to Outlook drops every phone number that has an extension.",
)


@pytest.mark.parametrize("text", EMPTY)
def test_asking_waiting_and_thanking_say_nothing_new(text: str) -> None:
    assert not says_something(text)


@pytest.mark.parametrize("text", TELLING)
def test_another_problem_says_something(text: str) -> None:
    assert says_something(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("We see it too on three laptops", True), ("Same here", False)]
)
def test_a_further_person_may_be_brief(text: str, expected: bool) -> None:
    assert says_something(text, least=JOINING_WORDS) is expected


def test_a_very_long_text_is_read_at_its_beginning_only() -> None:
    assert not says_something("any news " * 300_000 + TELLING[0])
