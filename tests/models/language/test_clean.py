import re
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mailparser_reply import EmailReplyParser

from models.language.clean import MAX_TEXT, Cleaned, CleanNote, clean, normalise
from models.language.markup import is_html
from models.values.text import RemovedKind

QUOTE, SIGNATURE, MACRO = RemovedKind.QUOTE, RemovedKind.SIGNATURE, RemovedKind.MACRO

# name, input, the customer's own words, kinds of the removed spans in order
MAILS: tuple[tuple[str, str, str, tuple[RemovedKind, ...]], ...] = (
    ("plain", "It crashes.", "It crashes.", ()),
    (
        "gmail reply",
        "Still broken.\n\nOn Mon, Jan 5, 2026 at 10:00 AM Help <a@b.io> wrote:\n> Try again\n> please\n",
        "Still broken.",
        (QUOTE,),
    ),
    (
        "attribution wrapped over two lines",
        "Still broken.\n\nOn Mon, Jan 5, 2026 at 10:00 AM The Customer Support Team\n"
        "<help@example.com> wrote:\n\n> Try\n",
        "Still broken.",
        (QUOTE,),
    ),
    (
        "answers between the quoted lines",
        "On Mon, Jan 5, 2026 X <a@b.io> wrote:\n> Which browser?\nFirefox 120\n> Which system?\nLinux\n",
        "Firefox 120\n\nLinux",
        (QUOTE, QUOTE),
    ),
    (
        "outlook header block",
        "Wrong invoice.\n\nFrom: Help <s@x.io>\nSent: Monday, 5 January 2026 10:00\nTo: Maria\n"
        "Subject: RE: invoice\n\nDear M.",
        "Wrong invoice.",
        (QUOTE,),
    ),
    (
        "outlook in German, below a rule",
        "Rechnung falsch.\n\n________________________________\nVon: Hilfe <s@x.de>\n"
        "Gesendet: Montag\nAn: Maria\nBetreff: AW\n\nHallo",
        "Rechnung falsch.",
        (QUOTE,),
    ),
    ("original message", "No.\n\n-----Original Message-----\nFrom: a\nTo: b\n\nOld text", "No.", (QUOTE,)),
    (
        "German",
        "Der Export geht nicht.\n\nMit freundlichen Grüßen\nJörg Müller\n\n"
        "Am 05.01.2026 um 10:00 schrieb Hilfe <a@b.de>:\n> Hallo",
        "Der Export geht nicht.",
        (SIGNATURE, QUOTE),
    ),
    (
        "French",
        "Ça plante.\n\nCordialement,\nJean\n\n"
        "Le lun. 5 janv. 2026 à 10:00, Aide <a@b.fr> a écrit :\n> Bonjour",
        "Ça plante.",
        (SIGNATURE, QUOTE),
    ),
    (
        "Spanish",
        "No funciona.\n\nUn saludo,\nLucía\n\n"
        "El lun, 5 ene 2026 a las 10:00, Ayuda (<a@b.es>) escribió:\n> Hola",
        "No funciona.",
        (SIGNATURE, QUOTE),
    ),
    (
        "Italian and Dutch attributions",
        "Non va.\n\nIl giorno lun 5 gen 2026 alle 10:00 Aiuto <a@b.it> ha scritto:\n> Ciao",
        "Non va.",
        (QUOTE,),
    ),
    (
        "forwarded with a remark",
        "see below please\n\n---------- Forwarded message ---------\nFrom: T <t@x.io>\nDate: Mon\n"
        "Subject: help\n\nIt crashes.",
        "see below please",
        (QUOTE,),
    ),
    (
        "forwarded without a remark keeps the message",
        "---------- Forwarded message ---------\nFrom: T <t@x.io>\nDate: Mon\nSubject: help\n\n"
        "It crashes on start.",
        "It crashes on start.",
        (QUOTE,),
    ),
    ("a quoted comparison is no quotation", "It fails for\n> 50 users", "It fails for\n> 50 users", ()),
    (
        "telling what somebody wrote is no attribution",
        "On Monday my boss wrote:\nstop using this.",
        "On Monday my boss wrote:\nstop using this.",
        (),
    ),
    ("signature delimiter", "It crashes.\n-- \nTom\nCEO, ACME", "It crashes.", (SIGNATURE,)),
    ("phone", "It crashes.\n\nSent from my iPhone", "It crashes.", (SIGNATURE,)),
    ("phone in German", "Geht nicht.\n\nVon meinem iPhone gesendet", "Geht nicht.", (SIGNATURE,)),
    (
        "closing and job",
        "It crashes.\n\nBest regards,\nTom Miller\nHead of Sales\nTel: +1 415 555 2671",
        "It crashes.",
        (SIGNATURE,),
    ),
    ("closing on one line", "Please cancel.\nThanks, Tom", "Please cancel.", (SIGNATURE,)),
    ("dashed name", "It crashes\n-Tom", "It crashes", (SIGNATURE,)),
    ("a list is no signature", "Steps:\n- Open\n- Export", "Steps:\n- Open\n- Export", ()),
    (
        "job title block without closing words",
        "Export fails.\n\nTom Miller\nHead of Operations\nACME Inc.\n+1 415 555 2671",
        "Export fails.",
        (SIGNATURE,),
    ),
    (
        "a postscript stays",
        "Export is broken.\n\nThanks,\nTom\n\nPS: the import fails too since Monday.",
        "Export is broken.\n\nPS: the import fails too since Monday.",
        (SIGNATURE,),
    ),
    (
        "thanks for something is no closing",
        "It works now.\nThanks for fixing this so quickly!",
        "It works now.\nThanks for fixing this so quickly!",
        (),
    ),
    (
        "two dashes as a divider",
        "Two problems:\n--\nThe first one is that the export is broken.\n"
        "The second is the import, since Monday.",
        "Two problems:\n--\nThe first one is that the export is broken.\n"
        "The second is the import, since Monday.",
        (),
    ),
    ("thanks and nothing below", "The export is slow.\nThanks,", "The export is slow.", (SIGNATURE,)),
    ("thanks behind the last sentence", "It crashes. Thanks, Tom", "It crashes.", (SIGNATURE,)),
    ("thanks within the sentence", "it works again, thanks!", "it works again, thanks!", ()),
    (
        "help appreciated and a name",
        "It is slow.\n\nAny help appreciated.\n\nSally",
        "It is slow.",
        (SIGNATURE,),
    ),
    ("small letters", "app is slow\n\nlg sabine", "app is slow", (SIGNATURE,)),
    ("a name over a company", "No refund yet.\n\nIris Wong\nWong & Sons", "No refund yet.", (SIGNATURE,)),
    ("a name alone under a letter", "Hi Ann,\n\nIt is slow.\n\nIris", "Hi Ann,\n\nIt is slow.", (SIGNATURE,)),
    ("a name over a device", "It is slow\n\nMarek\n\nSent from my phone", "It is slow", (SIGNATURE,)),
    ("what is wanted is no name", "Bring it back.\n\nDark Theme", "Bring it back.\n\nDark Theme", ()),
    (
        "a list is no name over a company",
        "Cannot log in:\n\nIris Wong\nWong & Sons",
        "Cannot log in:\n\nIris Wong\nWong & Sons",
        (),
    ),
    (
        "words below a signature stay",
        "It is slow.\n\nRegards\nIris\nCEO of it all\n\nOne more thing: the font is too small.",
        "It is slow.\n\nOne more thing: the font is too small.",
        (SIGNATURE,),
    ),
    (
        "two closings on top of each other",
        "It is slow.\nThanks!\n\nMit freundlichen Grüßen / Best regards\nIris Wong",
        "It is slow.",
        (SIGNATURE,),
    ),
    (
        "a session of an interpreter",
        "It fails:\n>>> import frob\n>>> frob.go()\nError 3",
        "It fails:\n>>> import frob\n>>> frob.go()\nError 3",
        (),
    ),
    (
        "what stands between fences",
        "Log:\n```\nFrom: a\nTo: b\n> x\nThanks,\n```\nPlease fix it.",
        "Log:\n```\nFrom: a\nTo: b\n> x\nThanks,\n```\nPlease fix it.",
        (),
    ),
    (
        "the only quoted block is shown as evidence",
        "Your manual says:\n\n> press Save\n\nbut there is no such button.",
        "Your manual says:\n\n> press Save\n\nbut there is no such button.",
        (),
    ),
    (
        "a canned answer below the words",
        "No refund yet.\n\nThank you for contacting us! We will get back to you within 24 hours.",
        "No refund yet.",
        (MACRO,),
    ),
    (
        "a holiday is no absence note",
        "I am on holiday and the app does not load.",
        "I am on holiday and the app does not load.",
        (),
    ),
    (
        "legal notice",
        "It is late.\n\n"
        "This email and any attachments are confidential and intended solely for the addressee.",
        "It is late.",
        (SIGNATURE,),
    ),
    (
        "legal notice in German",
        "Zu spät.\n\n"
        "Diese E-Mail enthält vertrauliche Informationen. Sollten Sie nicht der Empfänger sein, löschen Sie sie.",
        "Zu spät.",
        (SIGNATURE,),
    ),
    (
        "survey",
        "It is broken.\n\nHow would you rate the support you received?\n\nGood, I'm satisfied\n"
        "Bad, I'm unsatisfied",
        "It is broken.",
        (MACRO,),
    ),
    (
        "reply marker below the words",
        "Yes, still.\n\n##- Please type your reply above this line -##\n\nAnna\nDid it help?",
        "Yes, still.",
        (QUOTE,),
    ),
    (
        "reply marker above the words",
        "##- Please type your reply above this line -##\n\nThe app crashes.",
        "The app crashes.",
        (MACRO,),
    ),
    (
        "warning banner",
        "CAUTION: This email originated from outside of the organization.\n\nExport fails.",
        "Export fails.",
        (MACRO,),
    ),
    (
        "html reply",
        "<div>Still <b>broken</b> &amp; slow</div><br>"
        '<div class="gmail_quote">On Mon wrote:<blockquote>Hi</blockquote></div>',
        "Still broken & slow",
        (QUOTE,),
    ),
    ("html signature", '<p>Slow.</p><div class="gmail_signature">Tom<br>CEO</div>', "Slow.", (SIGNATURE,)),
    (
        "thunderbird",
        '<p>No.</p><div class="moz-cite-prefix">Am 5.1. schrieb X:</div><blockquote type="cite">Hallo</blockquote>',
        "No.",
        (QUOTE,),
    ),
    (
        "hidden and styled parts",
        "<style>p{}</style><p style='display: none'>Preview</p><p>Shown</p>",
        "Shown",
        (),
    ),
    ("layout table", "<table><tr><td>A</td><td>B</td></tr><tr><td>1</td></tr></table>", "A B\n1", ()),
)


@pytest.mark.parametrize(
    ("text", "words", "kinds"), [mail[1:] for mail in MAILS], ids=[mail[0] for mail in MAILS]
)
def test_keeps_the_customers_own_words(text: str, words: str, kinds: tuple[RemovedKind, ...]) -> None:
    cleaned = clean(text)

    assert cleaned.text == words
    assert tuple(span.kind for span in cleaned.removed) == kinds


@pytest.mark.parametrize("text", [mail[1] for mail in MAILS if "<" not in mail[1][:1] and mail[3]])
def test_removed_spans_lie_in_the_plain_text(text: str) -> None:
    cleaned = clean(text, html=False)
    kept = _without(text, cleaned)

    assert kept.split() == cleaned.text.split()
    assert all(span.text_length > 0 for span in cleaned.removed)


@pytest.mark.parametrize("text", [mail[1] for mail in MAILS if not is_html(mail[1])])
def test_every_kept_word_leads_back_to_its_place(text: str) -> None:
    cleaned = clean(text)

    for word in re.finditer(r"\S+", cleaned.text):
        start = cleaned.plain_offset(word.start())
        assert text[start : start + len(word.group())] == word.group()


def test_keeps_the_first_paragraph_where_nothing_else_would_be_left() -> None:
    quoted = clean("> The export fails.\n> Please help.\n\n> Old text")
    away = clean("I am out of the office until Monday.\n\nFor urgent matters call my colleague.")

    assert quoted.text == "> The export fails.\n> Please help."
    assert quoted.notes == (CleanNote.KEPT_FIRST_PARAGRAPH,)
    assert away.text == "I am out of the office until Monday."
    assert away.notes == (CleanNote.KEPT_FIRST_PARAGRAPH, CleanNote.ONLY_AUTOMATIC_TEXT)


def test_a_message_that_is_all_marked_as_quote_keeps_its_words() -> None:
    assert clean("<blockquote>The app crashes</blockquote>").text == "The app crashes"


@pytest.mark.parametrize("text", ["", " \n\t ", "<div></div>", "\u200b\u200b", "-- \n", "<style>p{}</style>"])
def test_nothing_stays_nothing(text: str) -> None:
    assert clean(text).text.strip("- \n") == ""


def test_cuts_at_the_longest_text_and_says_so() -> None:
    cleaned = clean("word " * 10_000)

    assert len(cleaned.text) <= MAX_TEXT
    assert cleaned.text.endswith("word")
    assert cleaned.notes == (CleanNote.TRUNCATED,)
    assert [span.kind for span in cleaned.removed] == [RemovedKind.OVERFLOW]
    assert len(clean("x" * 50_000).text) == MAX_TEXT


def test_normalises_characters_but_keeps_variation_selectors() -> None:
    assert normalise("cafe\u0301\r\nb\u200bc\x00d\ufeff") == "café\nbcd"
    assert clean("I ❤\ufe0f this, a\ufe0f b").text == "I ❤\ufe0f this, a\ufe0f b"
    assert clean("<p>a\ufe0f<br>b</p>").text == "a\ufe0f\nb"
    family = "👩\u200d👩\u200d👧"
    assert clean(family).text == family


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>Hi</p>", True),
        ("a<br>b", True),
        ("<!DOCTYPE html><html>", True),
        ("x < y and y > z", False),
        ("write to <tom@example.com>", False),
        ("generic List<String> fails", False),
        ("</p> alone", False),
    ],
)
def test_tells_html(text: str, expected: bool) -> None:
    assert is_html(text) is expected


PEER_MAILS = [
    "It crashes.\nEvery time.\n\nOn Mon, Jan 5, 2026 at 10:00 AM Help <a@b.io> wrote:\n> Try again\n",
    "Der Export geht nicht.\n\nAm Mo., 5. Jan. 2026 um 10:00 Uhr schrieb Hilfe <a@b.de>:\n> Hallo\n",
    "Wrong VAT.\n\nBest regards,\nTom\n\nFrom: Help <a@b.io>\nSent: Monday\nTo: Tom\nSubject: VAT\n\nHello",
    "It crashes.\n\nSent from my iPhone",
]


@pytest.mark.parametrize("text", PEER_MAILS)
def test_agrees_with_mail_parser_reply_on_ordinary_mails(text: str) -> None:
    peer = EmailReplyParser(languages=["en", "de", "fr", "es"]).read(text).replies[0].body

    assert clean(text).text.split() == peer.split()


MILLION = 1_000_000
HOSTILE = {
    "one word": "a" * MILLION,
    "quoted lines": ">\n" * (MILLION // 2),
    "blank lines": "\n" * MILLION,
    "half attributions": ("On 1/2 " + "x" * 300 + "\n") * (MILLION // 308),
    "header fields": "From:\n\n" * (MILLION // 7),
    "closings": "Thanks,\nTom\n" * (MILLION // 12),
    "combining marks": "e" + "\u0323\u0307" * (MILLION // 2),
    "open brackets": "<" * MILLION + "<br>",
    "references": "&nbsp;" * (MILLION // 6) + "<br>",
    "nested blocks": "<div>" * 10_000 + "x" + "</div>" * 10_000,
    "nested tables": "<table><tr><td>" * 10_000 + "x",
    "wide table": "<table><tr><td>"
    + "x" * 400_000
    + "</td></tr>"
    + "<tr><td>y</td></tr>" * 20_000
    + "</table>",
    "style": "<p style='" + "padding-left: 9999999em;" * 20_000 + "'>x</p>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_takes_seconds_at_most(name: str) -> None:
    started = time.process_time()
    cleaned = clean(HOSTILE[name])
    seconds = time.process_time() - started

    assert len(cleaned.text) <= MAX_TEXT
    assert seconds < 10  # 0.1 to 3 s; a quadratic rule would take hours


def test_time_grows_linearly() -> None:
    def seconds(lines: int) -> float:
        text = "On 1/2 a\nThanks,\n> b\n\n" * lines
        started = time.process_time()
        clean(text)
        return time.process_time() - started

    small = min(seconds(4_000) for _ in range(3))
    assert seconds(32_000) < 8 * small * 3  # eight times the lines; quadratic would be sixty-four


def test_text_under_ten_thousand_levels_is_kept() -> None:
    nested = "<div>" * 10_000 + "deep words" + "</div>" * 10_000 + "after"

    assert clean(nested).text.split() == ["deep", "words", "after"]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400), st.sampled_from([None, True, False]))
def test_never_raises_and_never_invents(text: str, html: bool | None) -> None:
    cleaned = clean(text, html=html)

    assert len(cleaned.text) <= MAX_TEXT
    assert unicodedata.is_normalized("NFC", cleaned.text)
    assert cleaned.text == cleaned.text.strip()
    starts = [span.start for span in cleaned.removed]
    assert starts == sorted(starts)
    assert all(a.end <= b.start for a, b in zip(cleaned.removed, cleaned.removed[1:], strict=False))


PARTS = [line for mail in MAILS for line in mail[1].split("\n")]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=25))
def test_words_are_kept_or_accounted_for(lines: list[str]) -> None:
    text = "\n".join(lines)
    cleaned = clean(text, html=False)

    assert _without(normalise(text), cleaned).split() == cleaned.text.split()
    if any(character.isalnum() for character in text):
        assert cleaned.text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=25), st.sampled_from(["\n", "\n", " ", "\n\n"]))
def test_cleaning_what_is_clean_changes_nothing(lines: list[str], between: str) -> None:
    cleaned = clean(between.join(lines))

    assert clean(cleaned.text, html=False).text == cleaned.text


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400), st.sampled_from([None, True, False]))
def test_cleaning_any_text_twice_changes_nothing_more(text: str, html: bool | None) -> None:
    cleaned = clean(text, html=html)

    assert clean(cleaned.text, html=False).text == cleaned.text


@pytest.mark.parametrize("name", ["closings", "nested tables"])
def test_hostile_input_is_settled_too(name: str) -> None:
    cleaned = clean(HOSTILE[name])

    assert clean(cleaned.text, html=False).text == cleaned.text


def test_what_a_second_look_cuts_leads_back_to_its_place_too() -> None:
    text = "It is slow.\n\nThanks,\n\n    > quoted\n\nIris"
    cleaned = clean(text, html=False)

    assert cleaned.text == "It is slow."
    assert _without(text, cleaned).split() == ["It", "is", "slow."]


def _without(plain: str, cleaned: Cleaned) -> str:
    """Take the removed spans out of a plain text."""
    kept, last = [], 0
    for span in cleaned.removed:
        kept.append(plain[last : span.start])
        last = span.end
    return " ".join((*kept, plain[last:]))
