import json

from typer.testing import CliRunner

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
    assert json.loads(done.stdout) == {"text": "", "removed": [], "language": "und", "notes": []}
