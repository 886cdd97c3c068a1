import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.sources import generic_json
from models.sources.lines import CHUNK_BYTES, MAX_LINE_CHARS, read_lines
from models.sources.mapping import ColumnMap, load_map
from models.sources.rows import FileFormat, RejectedRow, Row, body_of, format_of, read_rows
from models.values.feedback import FeedbackChange, Rating, RatingKind
from tests.models.sources.examples import NOW, PLAIN

HEAD = "id,created_at,text\n"


def rows(text: str | bytes, yaml: str = "", kind: FileFormat = FileFormat.CSV) -> list[Row | RejectedRow]:
    raw = text if isinstance(text, bytes) else text.encode()
    return list(read_rows(io.BytesIO(raw), file_format=kind, received_at=NOW, mapping=load_map(yaml)))


def good(text: str | bytes, yaml: str = "", kind: FileFormat = FileFormat.CSV) -> list[dict]:
    found = rows(text, yaml, kind)
    assert all(isinstance(row, Row) for row in found), found
    return [dict(row.values) for row in found if isinstance(row, Row)]


def rejected(text: str | bytes, yaml: str = "", kind: FileFormat = FileFormat.CSV) -> list[tuple[int, str]]:
    return [(row.line_number, row.reason) for row in rows(text, yaml, kind) if isinstance(row, RejectedRow)]


def change(row: Row) -> FeedbackChange:
    (found,) = generic_json.parse(body_of(row), headers={}, settings=PLAIN, received_at=NOW)
    assert isinstance(found, FeedbackChange)
    return found


def test_a_row_goes_the_way_of_a_webhook() -> None:
    text = 'Ticket ID,Created At,Message,Rating,Tags\nT-1,2026-03-01 08:00,"It ""fails""\nagain",4,"a,b"\n'
    (row,) = rows(text)
    assert isinstance(row, Row)
    found = change(row)
    assert (found.external_id, found.body, found.tags) == ("T-1", 'It "fails"\nagain', ("a", "b"))
    assert found.created_at == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert found.rating == Rating(4, 1, 5, RatingKind.STARS)


def test_equal_rows_make_equal_bodies_whatever_the_order_of_columns() -> None:
    first, second = (
        rows("id,created_at,text\n1,2026-03-01,ü\n"),
        rows("text,id,created_at\nü,1,2026-03-01T00:00Z\n"),
    )
    assert isinstance(first[0], Row)
    assert isinstance(second[0], Row)
    assert body_of(first[0]) == body_of(second[0])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_dialects(delimiter: str, ending: str, mark: bytes) -> None:
    text = "id,created_at,text\n1,2026-03-01,Hello\n\n2,2026-03-02,World".replace(",", delimiter)
    found = good(mark + text.replace("\n", ending).encode())
    assert [row["text"] for row in found] == ["Hello", "World"]


def test_utf_16_and_a_named_encoding() -> None:
    text = HEAD + "1,2026-03-01,Größe\n"
    assert good(text.encode("utf-16"))[0]["text"] == "Größe"
    assert good(text.encode("cp1252"), "encoding: cp1252")[0]["text"] == "Größe"


def test_every_kind_of_broken_row_has_its_own_reason_and_line() -> None:
    lines = [
        b"id,created_at,text",
        b'1,2026-03-01,"two',
        b'lines"',
        b"2,2026-03-01",
        b"3,2026-03-01,a,b",
        b",2026-03-01,no id",
        b"5,,no date",
        b"6,31.02.2026,bad date",
        b"7,2026-03-01,",
        b",,",
        b"9,2026-03-01,caf\xe9",
        b"10,2026-03-01,a\x00b",
        b"11,2026-03-01,fine",
        b"12,2027-03-01,ahead",
        b'13,2026-03-01,"never closed',
        b"14,2026-03-01,after it",
        b'15,2026-03-01,"say "no" twice"',
        b"16,2026-03-01,last",
    ]
    found = rows(b"\n".join(lines))
    assert [row.values["external_id"] for row in found if isinstance(row, Row)] == ["1", "11", "14", "16"]
    reasons = dict(rejected(b"\n".join(lines)))
    expected = {
        4: "2 cells where the header has 3",
        5: "4 cells where the header has 3",
        6: "external_id is missing",
        7: "created_at is missing",
        8: "created_at is not a time",
        9: "all empty",
        10: "every cell is empty",
        11: "not UTF-8 (byte 0xe9)",
        12: "a NUL byte",
        14: "in the future",
        15: "quote is not closed",
        17: "quote is not closed",
    }
    assert reasons.keys() == expected.keys()
    assert all(part in reasons[line] for line, part in expected.items()), reasons


def test_a_quote_that_is_never_closed_costs_one_line_even_in_a_long_file() -> None:
    tail = [f"{number},2026-03-01,fine {'x' * 90}" for number in range(3000)]
    found = rows(HEAD + '0,2026-03-01,"open\n' + "\n".join(tail))
    assert [row.line_number for row in found if isinstance(row, RejectedRow)] == [2]
    assert len(found) == 3001
    assert "never closed" in rejected(HEAD + '0,2026-03-01,"open\n' + "\n".join(tail))[0][1]


def test_a_line_without_end_is_cut_and_skipped() -> None:
    long = "1,2026-03-01," + "x" * (3 * MAX_LINE_CHARS)
    text = HEAD + long + "\n2,2026-03-01,fine\n"
    found = rows(text)
    assert [row.line_number for row in found] == [2, 3]
    assert isinstance(found[0], RejectedRow)
    assert "longer than" in found[0].reason
    assert len(found[0].raw) == 2000
    assert rejected(json.dumps({"id": long}), kind=FileFormat.JSONL)[0][1].startswith("the line is longer")


def test_json_lines() -> None:
    lines = [
        '{"id": 1, "created_at": 1772442898, "message": "It fails", "tags": ["a"], "customer_id": 7}',
        "",
        '{"id": 2, "created_at": "2026-03-01", "rating": {"value": 3, "scale_max": 5}}',
        "[1]",
        "{broken",
        "[" * 100_000,
        '{"id": 3, "created_at": true, "text": "x"}',
        '{"created_at": "2026-03-01", "text": "x"}',
        '{"id": 4, "text": "x"}',
        '{"id": 5, "created_at": "2026-03-01", "text": "a\\u0000\\ud800"}',
        '{"id": 6, "created_at": "2026-03-01", "text": "same columns"}',
    ]
    found = rows("\n".join(lines), kind=FileFormat.JSONL)
    first, second, last, _ = (change(row) for row in found if isinstance(row, Row))
    assert (first.external_id, first.customer_id, first.tags) == ("1", "7", ("a",))
    assert second.rating == Rating(3, 1, 5, RatingKind.STARS)
    assert last.body == "a��"
    reasons = dict(rejected("\n".join(lines), kind=FileFormat.JSONL))
    assert list(reasons) == [4, 5, 6, 7, 8, 9]
    assert "not a JSON object" in reasons[4]
    assert reasons[5].startswith("not JSON")
    assert reasons[6].startswith("not JSON")
    assert "must be a time" in reasons[7]
    assert rejected(b'{"id":"\xff"}', kind=FileFormat.JSONL)[0][1].startswith("not UTF-8")


MAP = """
columns:
  external_id: Vorgang
  text: [Beschreibung, Betreff]
  created_at: Angelegt
  tags: Marken
  rating: Note
constants: {channel: Mail, author_role: agent}
rating: {min: 0, max: 10, kind: nps}
date_format: "%d.%m.%Y %H:%M"
time_zone: Europe/Berlin
tag_separator: " "
delimiter: ";"
"""


def test_a_map_says_what_names_do_not() -> None:
    text = "Vorgang;Angelegt;Betreff;Beschreibung;Marken;Note\n7;01.03.2026 10:30;Kurz;;a b  c;9\n"
    (row,) = rows(text, MAP)
    assert isinstance(row, Row)
    found = change(row)
    assert found.created_at == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert (found.body, found.tags, found.channel) == ("Kurz", ("a", "b", "c"), "email")
    assert found.rating == Rating(9, 0, 10, RatingKind.NPS)
    assert found.relayed
    assert rejected(text.replace("01.03.2026 10:30", "2026-03-01"), MAP)[0][1].startswith(
        "created_at is not written"
    )


def test_a_mapped_column_is_not_read_twice() -> None:
    (row,) = good("id,created_at,body,comment\n1,2026-03-01,a,b\n", "columns: {subject: body}")
    assert (row["subject"], row["text"]) == ("a", "b")


def test_action_counts_only_where_the_map_names_it() -> None:
    text = HEAD.replace("text", "text,action") + "1,2026-03-01,x,closed by rule\n"
    assert "action" not in good(text)[0]
    assert "action must be one of" in rejected(text, "columns: {action: action}")[0][1]


def test_a_time_that_is_blank_is_missing_not_now() -> None:
    assert rejected('{"id":1,"text":"x","created_at":" "}', kind=FileFormat.JSONL) == [
        (1, "created_at is missing: a complaint is dated by it")
    ]
    assert rejected(HEAD + "1,2026-03-01,x\n", "constants: {updated_at: ''}") == [
        (2, "updated_at is missing")
    ]


@pytest.mark.parametrize(
    ("text", "yaml", "reason"),
    [
        ("", "", "the file is empty"),
        ("a,b\n1,2\n", "", "no column for external_id among a, b"),
        ("id,text\n1,2\n", "", "no column for created_at"),
        ("id,ID,created_at\n", "", "same name"),
        (HEAD, "columns: {text: Body}", "the map names column Body"),
        ('"id,created_at', "", "cannot be read as column names"),
        (b"id,\xff\n", "", "cannot be read as column names"),
        ("\n\n", "", "cannot be read as column names"),
        ("x" * 200_000, "", "cannot be read as column names"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_refused(text: str | bytes, yaml: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        rows(text, yaml)


@pytest.mark.parametrize(
    ("yaml", "reason"),
    [
        ("a: [", "not YAML"),
        ("[1]", "map must be an object"),
        ("colums: {}", "no member colums"),
        ("columns: {colour: x}", "columns names colour"),
        ("columns: {text: []}", "must name a column"),
        ("columns: {text: [a, '']}", "must name a column"),
        ("constants: {3: x}", "constants names 3"),
        ("rating: 5", "rating must be an object"),
        ("delimiter: '::'", "delimiter must be one character"),
        ("tag_separator: 5", "tag_separator must be one character"),
        ("encoding: base64", "encoding base64 is not known"),
        ("time_zone: Mars", "time_zone must be a zone"),
    ],
)
def test_a_wrong_map_is_refused_by_name(yaml: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        load_map(yaml)


def test_an_empty_map_is_the_default() -> None:
    assert load_map("") == ColumnMap()


def test_formats_by_name() -> None:
    assert format_of("Tickets.CSV") is FileFormat.CSV
    assert format_of("a/b.tsv") is FileFormat.CSV
    assert format_of("b.ndjson") is FileFormat.JSONL
    with pytest.raises(Invalid, match="must end in"):
        format_of("b.xlsx")


@given(st.lists(st.text(alphabet="ab\r\n", max_size=30), max_size=8), st.integers(0, 40))
def test_lines_are_those_of_the_text_wherever_a_chunk_ends(parts: list[str], pad: int) -> None:
    text = "x" * (CHUNK_BYTES - pad) + "".join(parts)
    found = list(read_lines(io.BytesIO(text.encode())))
    assert [line.text for line in found] == list(io.StringIO(text, newline=""))
    assert [line.number for line in found] == list(range(1, len(found) + 1))


class Endless(io.RawIOBase):
    """A file of many rows that is never whole in memory."""

    def __init__(self, count: int) -> None:
        self.rows = self._rows(count)

    def _rows(self, count: int) -> Iterator[bytes]:
        yield HEAD.encode()
        for start in range(0, count, 100):
            yield b"".join(
                b"%d,2026-03-01,It fails in place %d\n" % (n, n) for n in range(start, start + 100)
            )

    def read(self, size: int = -1) -> bytes:
        return next(self.rows, b"")


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        found = read_rows(Endless(count), file_format=FileFormat.CSV, received_at=NOW)
        assert sum(1 for _ in found) == count
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(4000) < peak(400) + 100_000
