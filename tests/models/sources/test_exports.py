"""Exports of known tools: told by their columns, read with their own words; JSON records with their messages."""

import io
import json
import tracemalloc

import pytest

from models.errors import Invalid
from models.sources.exports import EXPORTS, export_of, recognise
from models.sources.lines import json_lines
from models.sources.mapping import ColumnMap
from models.sources.rows import FileFormat, RejectedRow, Row, read_rows
from tests.models.sources.examples import NOW

CSV: dict[str, tuple[str, dict[str, object]]] = {
    "zendesk": (
        "Summation column,Id,Requester,Requester id,Requester email,Subject,Tags,Status,Via,Created at,Updated at,"
        "Organization,Area [list],Brand,Group,Ticket form\n"
        "1,41,Ann,8801,ann@example.com,Export stops,export plan_business,Solved,Mail,2026-02-01 09:14:58,"
        "2026-02-02 09:14:58,Acme,Exports,Acme Pro,Billing,Bugs\n",
        {
            "external_id": "41",
            "subject": "Export stops",
            "tags": ["export", "plan_business"],
            "customer_email": "ann@example.com",
            "account_id": "Acme",
            "created_at": "2026-02-01T09:14:58Z",
            "brand": "Acme Pro",
            "group": "Billing",
            "form": "Bugs",
        },
    ),
    "intercom": (
        "Conversation ID,Conversation started at (UTC),Conversation rating,Channel,User ID,Email,Company,Team assigned,"
        "Brand,Ticket type,Language\n"
        "2154,2026-02-01 09:14,2,Chat,u1,ann@example.com,Acme,Billing,Acme Pro,Bug,en\n",
        {
            "external_id": "2154", "rating": "2", "rating_max": 5, "rating_kind": "csat", "customer_id": "u1",
            "group": "Billing", "brand": "Acme Pro", "form": "Bug", "language": "en",
        },
    ),
    "freshdesk": (
        "Ticket ID,Subject,Status,Priority,Source,Created time,Last update time,Agent interactions,Tags,Product,"
        "Full name,Email,Company Name,Group,Type\n"
        '8841,Wrong VAT,Closed,High,Email,2026-02-01 09:14:58,2026-02-01 10:00:00,2,"vat,invoice",Billing,Ann,'
        "ann@example.com,Acme,Tier 2,Problem\n",
        {
            "external_id": "8841", "product_area": "Billing", "tags": "vat,invoice", "channel": "Email",
            "brand": "Billing", "group": "Tier 2", "form": "Problem",
        },
    ),
    "front": (
        "Message ID,Conversation ID,Date,Direction,Status,Inbox,From,To,Subject,Tags,Extract\n"
        "msg_1,cnv_1,2026-02-01T09:14:58Z,Inbound,archived,Billing,ann@example.com,us@example.com,Refund,,No refund\n",
        {
            "external_id": "cnv_1", "message_id": "msg_1", "author_role": "customer", "text": "No refund",
            "group": "Billing",
        },
    ),
    "helpscout": (
        "Number,Subject,Status,Mailbox,Customer Name,Customer Email,Tags,Created At,Closed At\n"
        "5120,Cannot invite,closed,Support,Ann,ann@example.com,,2026-02-01T09:14:58Z,\n",
        {"external_id": "5120", "subject": "Cannot invite", "group": "Support"},
    ),
    "jira": (
        "Summary,Issue key,Issue id,Project key,Issue Type,Status,Reporter,Created,Updated,Labels,Labels,Description,"
        "Comment,Comment\n"
        "Import fails,SUP-1,10471,SUP,Bug,Open,Ann,02/Mar/26 9:14 AM,02/Mar/26 9:15 AM,import,big,It stops,a;b;c,d;e;f\n",
        {
            "external_id": "10471",
            "created_at": "2026-03-02T09:14:00Z",
            "tags": ["import", "big"],
            "text": "It stops",
            "channel": "jira",
            "group": "SUP",
            "form": "Bug",
        },
    ),
    "linear": (
        "ID,Team,Title,Description,Status,Project,Creator,Labels,Cycle Number,Created,Updated,UUID\n"
        'SUP-8,Support,Slow,Very slow,Done,Web,ann@example.com,"bug, web",3,2026-02-01T09:14:58.000Z,'
        "2026-02-01T10:14:58.000Z,5555-88\n",
        {
            "external_id": "5555-88", "subject": "Slow", "product_area": "Web", "tags": "bug, web",
            "group": "Support",
        },
    ),
    "typeform": (
        "#,How likely are you to recommend us?,What is missing?,user_id,product_area,lang,brand,team,Response Type,"
        "Start Date (UTC),Submit Date (UTC),Network ID,Tags\n"
        "a3a1,4,Dark mode please,usr_1,Charts,en,Acme,Billing,completed,2026-02-01 09:13:02,2026-02-01 09:14:58,n1,\n",
        {
            "external_id": "a3a1", "text": "Dark mode please", "customer_id": "usr_1", "channel": "survey",
            "product_area": "Charts", "language": "en", "brand": "Acme", "group": "Billing",
        },
    ),
    "discourse": (
        "id,topic_id,post_number,user_id,created_at,raw,title,category_slug\n"
        "4101,901,2,333,2026-02-01T09:14:58Z,Dark mode is unreadable,Dark mode,ui\n",
        {
            "external_id": "901", "message_id": "4101", "text": "Dark mode is unreadable", "channel": "forum",
            "product_area": "ui", "group": "ui",
        },
    ),
}  # fmt: skip


def read(
    raw: str, kind: FileFormat = FileFormat.CSV, mapping: ColumnMap | None = None, after: int = 0
) -> list[Row | RejectedRow]:
    return list(
        read_rows(
            io.BytesIO(raw.encode()), file_format=kind, received_at=NOW, mapping=mapping, after_line=after
        )
    )


def good(raw: str, kind: FileFormat = FileFormat.CSV) -> list[dict[str, object]]:
    found = read(raw, kind)
    assert all(isinstance(row, Row) for row in found), found
    return [dict(row.values) for row in found if isinstance(row, Row)]


@pytest.mark.parametrize("name", CSV)
def test_an_export_is_told_by_its_columns_and_read_with_its_words(name: str) -> None:
    text, wanted = CSV[name]
    header = text.split("\n", 1)[0].split(",")
    found = recognise(header)
    assert found is not None and found.name == name
    (row,) = good(text)
    assert {key: row[key] for key in wanted} == wanted


def test_every_export_has_an_example_and_no_two_are_confused() -> None:
    assert {export.name for export in EXPORTS} == set(CSV)
    for text, _ in CSV.values():
        header = text.split("\n", 1)[0].split(",")
        assert len([export for export in EXPORTS if recognise(header) is export]) == 1


def test_a_file_of_ones_own_and_a_map_of_ones_own_are_left_alone() -> None:
    assert recognise(["id", "created_at", "text", "subject", "via"]) is None
    text, _ = CSV["freshdesk"]
    mapping = ColumnMap(columns={"external_id": ("Full name",), "created_at": ("Created time",)})
    (row,) = read(text, mapping=mapping)
    assert isinstance(row, Row) and row.values["external_id"] == "Ann"


def test_an_unknown_name_of_a_map_names_those_there_are() -> None:
    assert export_of("jira").name == "jira"
    with pytest.raises(Invalid, match="known export: zendesk"):
        export_of("zendisk")


def test_staff_in_an_export_of_messages_are_staff() -> None:
    text, _ = CSV["front"]
    (row,) = good(text.replace("Inbound", "Outbound"))
    assert row["author_role"] == "agent"


# --- JSON ---------------------------------------------------------------------------------------------------

TICKET = {
    "id": 41,
    "requester_id": 8801,
    "submitter_id": 8801,
    "subject": "Export stops",
    "description": "It stops at 1,000 rows.",
    "created_at": "2026-02-01T09:14:58Z",
    "updated_at": "2026-02-02T09:14:58Z",
    "status": "open",
    "tags": ["export"],
    "requester": {"id": 8801, "role": "end-user", "email": "ann@example.com"},
    "comments": [
        {"id": 1, "author_id": 8801, "body": "It stops at 1,000 rows.", "public": True},
        {"id": 2, "author_id": 9, "body": "We look.", "public": True, "created_at": "2026-02-01T10:00:00Z"},
        {"id": 3, "author_id": 8801, "body": "Again!", "public": True, "created_at": "2026-02-02T09:14:58Z"},
    ],
}
ISSUE = {
    "number": 41,
    "title": "Import fails",
    "body": "Import a 60 MB file",
    "labels": [{"name": "bug"}],
    "createdAt": "2026-02-01T09:14:58Z",
    "updatedAt": "2026-02-01T09:14:58Z",
    "state": "OPEN",
    "author": {"login": "ex-customer", "is_bot": False},
    "comments": [
        {
            "id": "IC_1",
            "author": {"login": "ex-maintainer"},
            "authorAssociation": "MEMBER",
            "body": "Fixed",
            "createdAt": "2026-02-01T10:00:00Z",
        },
        {
            "id": "IC_2",
            "author": {"login": "ex-other"},
            "authorAssociation": "NONE",
            "body": "Me too",
            "createdAt": "2026-02-01T11:00:00Z",
        },
    ],
}
CONVERSATION = {
    "type": "conversation",
    "id": "2154",
    "created_at": 1772442898,
    "updated_at": 1772442899,
    "state": "closed",
    "source": {
        "type": "conversation",
        "body": "<p>It logs me out</p>",
        "author": {"type": "user", "id": "u1"},
    },
    "conversation_parts": {"conversation_parts": []},
}


def test_tickets_with_their_comments_become_a_row_for_each_message_of_the_customer() -> None:
    for raw, kind in (
        (json.dumps(TICKET) + "\n", FileFormat.JSONL),
        (json.dumps([TICKET], indent=2), FileFormat.JSON),
        (json.dumps(TICKET) + "\n", FileFormat.JSON),
    ):
        found = good(raw, kind)
        assert [(row["external_id"], row.get("message_id"), row["text"]) for row in found] == [
            ("41", None, "It stops at 1,000 rows."),
            ("41", "3", "Again!"),
        ]
        assert found[0]["customer_email"] == "ann@example.com"
        assert found[1]["occurred_at"] == "2026-02-02T09:14:58Z"


def test_issues_as_gh_lists_them() -> None:
    found = good(json.dumps([ISSUE]), FileFormat.JSON)
    assert [(row["external_id"], row.get("message_id"), row["customer_id"]) for row in found] == [
        ("41", None, "ex-customer"),
        ("41", "IC_2", "ex-other"),
    ]


def test_conversations_keep_their_html_for_cleaning() -> None:
    (row,) = good(json.dumps([CONVERSATION]), FileFormat.JSON)
    assert (row["text"], row["html"], row["status"]) == ("<p>It logs me out</p>", True, "closed")


def test_a_record_that_cannot_be_understood_is_set_aside_with_its_number() -> None:
    broken = {**TICKET, "created_at": "someday"}
    first, second = read(json.dumps([broken, ISSUE]), FileFormat.JSON)[:2]
    assert isinstance(first, RejectedRow) and first.line_number == 1 and "created_at" in first.reason
    assert isinstance(second, Row) and second.line_number == 2


@pytest.mark.parametrize("chunk", [3, 7, 64])
def test_a_list_is_split_wherever_it_is_cut(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.sources.lines.CHUNK_BYTES", chunk)
    told = [{"a": "ü]["}, [1, [2]], "x,y", 12345, True, None, {"b": {"c": []}}]
    raw = b"\n [" + json.dumps(told, ensure_ascii=False, indent=1).encode()[1:]
    assert [json.loads(line.text) for line in json_lines(io.BytesIO(raw))] == told


def test_a_list_that_breaks_off_gives_what_was_whole() -> None:
    found = list(json_lines(io.BytesIO(b'[{"a": 1}, {"a": 2}, {"a": ')))
    assert [line.text for line in found] == ['{"a": 1}', '{"a": 2}', '{"a": ']
    (_, broken) = read('[{"id": "1", "created_at": "2026-02-01", "text": "x"}, {"id"', FileFormat.JSON)
    assert isinstance(broken, RejectedRow) and broken.line_number == 2


def test_a_long_list_is_read_in_constant_memory() -> None:
    def peak(count: int) -> int:
        raw = b"[" + b",".join(b'{"id": "%d", "text": "%s"}' % (at, b"x" * 200) for at in range(count)) + b"]"
        file = io.BytesIO(raw)
        tracemalloc.start()
        assert sum(1 for _ in json_lines(file)) == count
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(20_000) < peak(2_000) + 500_000


def test_rows_before_the_mark_are_passed_over() -> None:
    text = "id,created_at,text\n" + "".join(f"{at},2026-02-01,x\n" for at in range(1, 6))
    assert [row.line_number for row in read(text, after=4)] == [5, 6]
    lines = "".join(
        json.dumps({"id": str(at), "created_at": "2026-02-01", "text": "x"}) + "\n" for at in range(4)
    )
    assert [row.line_number for row in read(lines, FileFormat.JSONL, after=2)] == [3, 4]
