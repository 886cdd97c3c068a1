"""Slack's export: what of it becomes a row, whose words these are, and that webhooks name the same."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from models.errors import Invalid
from models.sources.archive import opened
from models.sources.reading import read_changes
from models.sources.registry import SOURCES
from models.sources.rows import RejectedRow, Row, body_of
from models.sources.slack_export import Export, open_export, read_messages
from models.sources.source import settings_from
from models.values.feedback import FeedbackChange
from tests.models.sources.examples import NOW, payload_of

OWN, THEIRS = "T0EXAMPLE", "T0THEIRS"
CHANNELS = [{"id": "C0FEEDBACK", "name": "feedback"}, {"id": "C0RANDOM", "name": "random"}]
PEOPLE = [
    {"id": "U0CSM", "team_id": OWN, "profile": {"email": "mira@us.example"}},
    {"id": "U0CSM2", "team_id": OWN},
    {"id": "U0ANN", "team_id": THEIRS, "profile": {"email": "ann@them.example"}},
]
POSTED = payload_of("slack.message_channel")["event"]
REPLY = payload_of("slack.thread_reply")["event"]
THEIR_REPLY = {**REPLY, "user": "U0ANN", "ts": "1772442899.000900", "user_team": THEIRS, "text": "Same here."}
THEIR_POST = {**POSTED, "user": "U0ANN", "ts": "1772442000.000100", "team": THEIRS, "text": "It is *gone*"}
NOISE = [
    {
        "type": "message",
        "subtype": "channel_join",
        "user": "U0CSM",
        "ts": "1772442001.000100",
        "text": "joined",
    },
    payload_of("slack.bot_message")["event"],
    {**POSTED, "subtype": "tombstone", "ts": "1772442002.000100", "text": "This message was deleted."},
    {**POSTED, "text": "", "blocks": [], "ts": "1772442003.000100"},
    {"type": "canvas", "ts": "1772442004.000100"},
]
DAYS = {
    "feedback/2026-03-02.json": [POSTED, *NOISE, REPLY, THEIR_REPLY],
    "feedback/2026-03-01.json": [THEIR_POST],
    "random/2026-03-02.json": [{**POSTED, "text": "Lunch?"}],
    "D0DIRECT/2026-03-02.json": [{**POSTED, "text": "between us"}],
}
FILES: dict[str, object] = {
    "channels.json": CHANNELS,
    "users.json": PEOPLE,
    "dms.json": [{"id": "D0DIRECT", "members": ["U0CSM", "U0CSM2"]}],
    "integration_logs.json": [{"not": "read"}],
    **DAYS,
}
SETTINGS = settings_from(SOURCES["generic_json"].schemes, {})


def written(path: Path, files: Mapping[str, object] = FILES, *, root: str = "") -> Path:
    """Write an export, as a ZIP where the name ends so, else as a folder."""
    texts = {root + name: held if isinstance(held, str) else json.dumps(held) for name, held in files.items()}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in texts.items():
                file.writestr(name, text)
        return path
    for name, text in texts.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


def rows_of(path: Path, *channels: str, after: int = 0) -> list[Row | RejectedRow]:
    with opened(path) as archive:
        export = open_export(archive, channels=channels)
        return list(read_messages(export, settings=SETTINGS, received_at=NOW, after=after))


def entries(path: Path, *channels: str) -> list[dict[str, object]]:
    found = rows_of(path, *channels)
    assert all(isinstance(row, Row) for row in found)
    return [dict(row.values) for row in found if isinstance(row, Row)]


def test_posts_of_colleagues_are_relayed_and_those_of_customers_theirs(tmp_path: Path) -> None:
    found = entries(written(tmp_path / "export.zip"), "#feedback")
    assert [(each["external_id"], each.get("message_id"), each["author_role"]) for each in found] == [
        ("C0FEEDBACK:1772442000.000100", None, "customer"),
        ("C0FEEDBACK:1772442898.000200", None, "agent"),
        ("C0FEEDBACK:1772442898.000200", "1772442899.000900", "customer"),
    ]
    theirs, relayed, reply = found
    assert (theirs["account_id"], theirs["customer_id"]) == (THEIRS, "U0ANN")
    assert reply["customer_email"] == "ann@them.example"
    assert not {"customer_id", "customer_email", "account_id"} & set(relayed)
    assert {each["group"] for each in found} == {"C0FEEDBACK"}
    assert {each["brand"] for each in found} == {OWN}
    assert (reply["created_at"], reply["occurred_at"]) == (
        relayed["created_at"],
        "2026-03-02T09:14:59.000900Z",
    )


@pytest.mark.parametrize("name", ["export.zip", "export"])
@pytest.mark.parametrize("root", ["", "Acme Slack export/"])
def test_a_zip_and_a_folder_with_or_without_a_folder_around_it(tmp_path: Path, name: str, root: str) -> None:
    path = written(tmp_path / name, root=root)
    assert len(entries(path)) == 4
    assert not any("between us" in str(each["text"]) for each in entries(path))


def changes_of(row: Row) -> FeedbackChange:
    (change,) = read_changes("generic_json", body_of(row), headers={}, settings={}, received_at=NOW)
    assert isinstance(change, FeedbackChange)
    return change


SAME = (
    "external_id", "message_id", "author_role", "relayed", "makes_item", "body", "channel", "brand", "group",
    "account_id", "customer_id",
)  # fmt: skip


@pytest.mark.parametrize("message", [POSTED, THEIR_POST, THEIR_REPLY], ids=["relayed", "theirs", "reply"])
def test_a_message_is_the_same_by_webhook_and_from_the_export(tmp_path: Path, message: dict) -> None:
    sent = {**payload_of("slack.message_channel"), "event": message, "is_ext_shared_channel": True}
    sent["event_time"] = int(float(message["ts"]))
    (webhook,) = read_changes("slack", json.dumps(sent).encode(), headers={}, settings={}, received_at=NOW)
    (row,) = rows_of(
        written(tmp_path / "one.zip", {**FILES, "feedback/2026-03-02.json": [message]}), "feedback"
    )[-1:]
    assert isinstance(row, Row)
    change = changes_of(row)
    assert {name: getattr(change, name) for name in SAME} == {name: getattr(webhook, name) for name in SAME}


def test_an_edited_post_is_as_new_as_its_edit(tmp_path: Path) -> None:
    edited = {**POSTED, "edited": {"user": "U0CSM", "ts": "1772442950.000000"}}
    (entry,) = entries(
        written(tmp_path / "e.zip", {**FILES, "feedback/2026-03-02.json": [edited]}), "feedback"
    )[-1:]
    assert (entry["created_at"], entry["occurred_at"]) == (
        "2026-03-02T09:14:58.000200Z", "2026-03-02T09:15:50Z",
    )  # fmt: skip


def test_colleagues_of_one_organisation_are_colleagues(tmp_path: Path) -> None:
    sister = {"id": "U0SIS", "team_id": THEIRS, "enterprise_user": {"teams": [OWN, THEIRS]}}
    files = {**FILES, "org_users.json": [*PEOPLE, sister]}
    assert {each["author_role"] for each in entries(written(tmp_path / "grid.zip", files))} == {"agent"}


def test_without_people_nobody_is_told_apart(tmp_path: Path) -> None:
    files = {name: held for name, held in FILES.items() if name != "users.json"}
    found = entries(written(tmp_path / "bare.zip", files), "feedback")
    assert {each["author_role"] for each in found} == {"agent"}
    assert not any("brand" in each for each in found)


def test_private_channels_are_read_and_a_channel_that_is_not_there_is_named(tmp_path: Path) -> None:
    files = {**FILES, "groups.json": [{"id": "G0VIP", "name": "vip"}], "vip/2026-03-02.json": [POSTED]}
    path = written(tmp_path / "all.zip", files)
    assert [each["group"] for each in entries(path, "G0VIP")] == ["G0VIP"]
    with pytest.raises(Invalid, match=r"no channel lounge in it: there are feedback, random, vip"):
        entries(path, "lounge")


def test_a_message_that_cannot_be_read_is_set_aside_with_its_place(tmp_path: Path) -> None:
    broken = [{**POSTED, "ts": 1772442898.0002}, 5, {**POSTED, "ts": "soon"}, POSTED]
    files = {
        **FILES,
        "feedback/2026-03-02.json": broken,
        "feedback/2026-03-01.json": '[{"type": "message", "te',
    }
    found = rows_of(written(tmp_path / "b.zip", files), "feedback")
    reasons = [row.reason for row in found if isinstance(row, RejectedRow)]
    assert reasons[0] == "feedback/2026-03-01.json, message 1: no JSON"
    assert reasons[1].startswith("feedback/2026-03-02.json, message 1: ts must be a text")
    assert "message 2: no JSON object" in reasons[2]
    assert "message 3: " in reasons[3]
    assert [row.line_number for row in found] == [1, 2, 3, 4, 5]
    assert isinstance(found[-1], Row)


def test_reading_goes_on_after_a_number_and_says_how_far_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "export.zip")
    whole = rows_of(path)
    assert rows_of(path, after=whole[1].line_number) == whole[2:]
    heard: list[int] = []
    with opened(path) as archive:
        export: Export = open_export(archive)
        list(read_messages(export, settings=SETTINGS, received_at=NOW, seen=heard.append))
        assert heard == sorted(heard) and heard[-1] == export.size


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"tickets.json": []}, "no export of Slack's"),
        ({**FILES, "channels.json": "{"}, "channels.json: no JSON"),
        ({**FILES, "users.json": "{}"}, "users.json: no list"),
    ],
)
def test_what_is_no_export_is_told_in_one_line(tmp_path: Path, files: dict[str, object], why: str) -> None:
    for name in ("bad.zip", "bad"):
        with pytest.raises(Invalid, match=why):
            rows_of(written(tmp_path / name, files))
