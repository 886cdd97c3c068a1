import pytest

from models.language.clean import clean

TIMED = (
    "[10:01] Ann (Support): Hello, how can I help?\n[10:02] Visitor 77: the map is blank\nsince Monday\n"
    "[10:03] Ann (Support): Which browser?\n[10:04] Visitor 77: Firefox"
)
BOT = "Bot: What is it about?\nLena: my vouchers are gone\nBot: I did not get that.\nLena: all of them"


def test_turns_of_staff_and_bots_go_and_the_customers_stay() -> None:
    cleaned = clean(TIMED)

    assert cleaned.text == "[10:02] Visitor 77: the map is blank\nsince Monday\n\n[10:04] Visitor 77: Firefox"
    assert [str(span.kind) for span in cleaned.removed] == ["quote", "quote"]
    assert clean(BOT).text == "Lena: my vouchers are gone\n\nLena: all of them"
    assert {str(span.kind) for span in clean(BOT).removed} == {"macro"}


def test_the_frame_of_a_transcript_goes_with_it() -> None:
    text = f"Chat started: 2026-01-16\n\n{TIMED}\n\nAnn has left the conversation"

    assert clean(text).text == clean(TIMED).text


@pytest.mark.parametrize(
    "text",
    [
        "Browser: Chrome 121\nAgent: Mozilla/5.0\nUser: anna\nProblem: it crashes",
        "12:00:01 ERROR: connection refused\n12:00:02 INFO: retry\n12:00:03 ERROR: connection refused",
        "Expected: the card is back\nActual: the card is gone",
        "Monday: fine\nTuesday: broken\nMonday again: fine",
        "Bot: it never answers",
        "Support: you told me to wait\nI waited, and support: nothing",
    ],
)
def test_forms_logs_and_lists_are_no_transcript(text: str) -> None:
    assert clean(text).text == text
