import json
from email.message import EmailMessage
from email.policy import SMTP

from typer.testing import CliRunner

from models.language.own_words import TEXT_VERSION
from service.commands.text import app

MAIL = (
    "Hi Anna,\nmy card 4111 1111 1111 1111 fails since monday, please help me with it.\n\nBest regards,\nTom\n\n"
    "On Mon, Jan 5, 2026 at 10:00 AM Help <help@x.io> wrote:\n> Hello\n"
)


def test_prints_the_customers_own_words() -> None:
    done = CliRunner().invoke(app, ["clean"], input=MAIL)

    assert done.exit_code == 0
    assert done.stdout == "Hi <name>,\nmy card <card> fails since monday, please help me with it.\n"


def test_prints_what_was_removed_and_where() -> None:
    answer = json.loads(CliRunner().invoke(app, ["clean", "--json"], input=MAIL).stdout)
    spans = [(span["kind"], MAIL[span["start"] : span["end"]]) for span in answer["removed"]]

    assert answer["language"] == "en"
    assert spans[:3] == [
        ("personal_data", "Anna"),
        ("personal_data", "4111 1111 1111 1111"),
        ("signature", "Best regards,\nTom"),
    ]
    assert spans[3][0] == "quote"
    assert spans[3][1].startswith("On Mon")


def test_reads_html_and_raw_mail() -> None:
    html = "<p>Export <b>fails</b></p><blockquote>Old</blockquote>"
    raw = f"From: a@x.io\nMIME-Version: 1.0\nContent-Type: text/html\n\n{html}"
    answers = [
        json.loads(CliRunner().invoke(app, ["clean", "--json"], input=text).stdout) for text in (html, raw)
    ]

    assert [answer["text"] for answer in answers] == ["Export fails", "Export fails"]
    assert [[span["kind"] for span in answer["removed"]] for answer in answers] == [["quote"], ["quote"]]


def test_empty_input_is_no_error() -> None:
    done = CliRunner().invoke(app, ["clean", "--json"], input="")

    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "text": "",
        "removed": [],
        "language": "und",
        "notes": [],
        "text_version": TEXT_VERSION,
    }


def eml() -> bytes:
    """Write a mail as programs send it: both bodies, a picture, an attachment, encodings, folded and coded headers."""
    mail = EmailMessage()
    mail["From"] = "Jörg Müller <joerg@kunde.example>"
    mail["To"] = "help@acme.example"
    mail["Subject"] = (
        "Rückfrage zur Rechnung, die seit Montag nicht mehr aufgeht und deren Betreff sehr lang ist"
    )
    mail["Message-ID"] = "<1@kunde.example>"
    text = (
        "Hallo Frau Köhler,\n\ndie Übersicht bleibt leer, Rückruf bitte: +49 30 12345678.\n\n"
        "Viele Grüße\nJörg Müller\nLeiter Einkauf\n\nAm 05.01.2026 um 10:00 schrieb Hilfe <help@acme.example>:\n> Hallo\n"
    )
    mail.set_content(text, charset="iso-8859-1", cte="quoted-printable")
    mail.add_alternative("<p>Anders</p>", subtype="html", charset="utf-8", cte="base64")
    mail.add_attachment(b"GIF89a", maintype="image", subtype="gif", filename="logo.gif")
    mail.add_attachment("a log\n", filename="log.txt")
    return mail.as_bytes(policy=SMTP)


def test_reads_a_mail_with_headers_parts_encodings_and_attachments() -> None:
    mail = eml()
    assert b"quoted-printable" in mail
    assert b"base64" in mail

    answer = json.loads(CliRunner().invoke(app, ["clean", "--json"], input=mail).stdout)

    assert answer["text"] == "Hallo Frau <name>,\n\ndie Übersicht bleibt leer, Rückruf bitte: <phone>."
    assert [(span["kind"], span.get("what")) for span in answer["removed"]] == [
        ("personal_data", "name"),
        ("personal_data", "phone"),
        ("signature", None),
        ("quote", None),
    ]
    assert [span["reason"] for span in answer["removed"]] == [
        "personal data: a person's name",
        "personal data: a phone number",
        "a greeting's end, a signature, or a legal notice",
        "quoted from an earlier message or its header",
    ]
    assert "log" not in answer["text"]


def test_reads_a_mail_whose_only_body_is_html_in_base64() -> None:
    mail = EmailMessage()
    mail["From"], mail["Date"], mail["Subject"] = "a@x.example", "Mon, 5 Jan 2026 10:00:00 +0100", "Größe"
    html = "<style>p{}</style><table><tr><td><p>Die Größe fehlt.</p></td></tr></table><p>Gruß<br>Tom</p>"
    mail.set_content(html, subtype="html", charset="iso-8859-1", cte="base64")

    answer = json.loads(CliRunner().invoke(app, ["clean", "--json"], input=mail.as_bytes()).stdout)

    assert answer["text"] == "Die Größe fehlt."


def test_a_mail_without_mime_keeps_its_body_only() -> None:
    mail = b"From: Tom <t@x.example>\nDate: Mon, 5 Jan 2026 10:00:00 +0100\nSubject: Export\n\nThe export fails.\n"

    assert CliRunner().invoke(app, ["clean"], input=mail).stdout == "The export fails.\n"
