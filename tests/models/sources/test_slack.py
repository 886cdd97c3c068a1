import json
from typing import Any

import pytest

from models.errors import Invalid
from models.sources.slack import SOURCE, parse
from models.sources.slack_text import MAX_NODES, plain, text_in
from models.sources.source import settings_from
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, FeedbackChange
from tests.models.sources.examples import NOW, example

POSTED = json.loads(example("slack.message_channel").data["body"])
REPLIED = json.loads(example("slack.thread_reply").data["body"])
ROOT = "C0FEEDBACK:1772442898.000200"
OUTSIDER = {"user": "U9", "team": "T0CUSTOMER", "user_team": "T0CUSTOMER"}


def event(
    posted: dict[str, Any] = POSTED, outer: dict[str, Any] | None = None, **changed: object
) -> dict[str, Any]:
    return {**posted, **(outer or {}), "event": {**posted["event"], **changed}}


def edited(**message: object) -> dict[str, Any]:
    held = {**POSTED["event"], "text": "Edited", **message}
    del held["channel"]
    return event(
        subtype="message_changed",
        message=held,
        text=None,
        ts="1772442905.000100",
        event_ts="1772442905.000100",
    )


def deleted(previous: object, ts: str = "1772442898.000200") -> dict[str, Any]:
    return event(
        subtype="message_deleted",
        deleted_ts=ts,
        previous_message=previous,
        ts="1772442906.000100",
        event_ts="1772442906.000100",
    )


def read(payload: object) -> FeedbackChange:
    (found,) = parse(
        json.dumps(payload).encode(), headers={}, settings=settings_from(SOURCE.schemes, {}), received_at=NOW
    )
    assert isinstance(found, FeedbackChange)
    return found


def test_a_colleagues_post_is_relayed_feedback() -> None:
    change = read(POSTED)
    assert (change.author_role, change.relayed, change.makes_item) == (AuthorRole.AGENT, True, True)
    assert (change.external_id, change.message_id, change.customer_id) == (ROOT, FIRST_MESSAGE, None)


def test_a_colleagues_reply_is_talk_about_the_report() -> None:
    change = read(REPLIED)
    assert (change.external_id, change.message_id) == (ROOT, "1772442899.000300")
    assert (change.author_role, change.makes_item) == (AuthorRole.AGENT, False)


def test_in_a_shared_channel_people_of_the_other_company_are_customers() -> None:
    shared = {"is_ext_shared_channel": True}
    change = read(event(outer=shared, **OUTSIDER))
    assert (change.author_role, change.relayed, change.makes_item) == (AuthorRole.CUSTOMER, False, True)
    assert (change.customer_id, change.account_id) == ("U9", "T0CUSTOMER")
    assert read(event(REPLIED, shared, **OUTSIDER)).makes_item
    assert read(event(outer=shared)).author_role is AuthorRole.AGENT
    assert read(event(**OUTSIDER)).author_role is AuthorRole.AGENT
    alone = {**shared, "authorizations": []}
    assert read(event(outer=alone, **OUTSIDER)).account_id == "T0CUSTOMER"
    assert read(event(outer=alone)).account_id is None


def test_a_post_announced_by_a_mention_as_well_is_one_message() -> None:
    assert (read(event(type="app_mention")).external_id, read(event(type="app_mention")).message_id) == (
        ROOT,
        FIRST_MESSAGE,
    )


@pytest.mark.parametrize("subtype", ["thread_broadcast", "file_share", "me_message"])
def test_people_write_under_some_subtypes(subtype: str) -> None:
    assert read(event(subtype=subtype)).action is Action.UPSERT


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "bot_message", "huddle_thread", "x"])
def test_notices_are_ignored(subtype: str) -> None:
    change = read(event(subtype=subtype))
    assert (change.action, change.event_id, change.body) == (Action.IGNORE, "Ev0EXAMPLE01", None)


def test_a_bot_is_ignored_by_its_id_alone() -> None:
    for payload in (event(bot_id="B1"), edited(bot_id="B1"), deleted({**POSTED["event"], "bot_id": "B1"})):
        assert read(payload).action is Action.IGNORE


def test_an_edit_replaces_the_text_and_is_newer_to_the_microsecond() -> None:
    change = read(edited())
    assert (change.action, change.external_id, change.message_id) == (Action.UPSERT, ROOT, FIRST_MESSAGE)
    assert change.body == "Edited"
    assert change.occurred_at is not None
    assert change.occurred_at.microsecond == 100
    assert change.created_at == read(POSTED).created_at
    reply = read(edited(thread_ts="1772442890.000100"))
    assert (reply.external_id, reply.message_id) == ("C0FEEDBACK:1772442890.000100", "1772442898.000200")


def test_a_tombstone_is_a_deletion_of_the_post_and_not_of_its_replies() -> None:
    change = read(
        edited(subtype="tombstone", text="This message was deleted.", thread_ts="1772442898.000200")
    )
    assert (change.action, change.external_id, change.message_id) == (Action.DELETE, ROOT, FIRST_MESSAGE)
    assert change.body is None


def test_a_deleted_post_takes_its_record_along_and_a_reply_goes_alone() -> None:
    whole = read(deleted(POSTED["event"]))
    assert (whole.action, whole.external_id, whole.message_id, whole.body) == (
        Action.DELETE,
        ROOT,
        None,
        None,
    )
    assert read(deleted(None)).external_id == ROOT
    reply = read(deleted(REPLIED["event"], ts="1772442899.000300"))
    assert (reply.external_id, reply.message_id) == (ROOT, "1772442899.000300")


@pytest.mark.parametrize("ts", [1772442898.0002, "", None, {}])
def test_a_time_stamp_that_is_no_text_is_refused(ts: object) -> None:
    with pytest.raises(Invalid) as caught:
        read(event(ts=ts))
    assert caught.value.field == "event.ts"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("<@U123> and <@U123|ann> say", "@user and @user say"),
        ("<#C1|general> <#C1>", "#general #channel"),
        ("<!here> <!channel> <!subteam^S1> <!subteam^S1|@team>", "@here @channel @group @team"),
        ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
        ("<https://x.example/a?b=1&amp;c=2>", "https://x.example/a?b=1&c=2"),
        ("<https://x.example|the page>", "the page"),
        ("<mailto:a@example.com|a@example.com> <mailto:b@example.com>", "a@example.com b@example.com"),
        ("<tel:+4930123>", "+4930123"),
        ("&gt; The export fails\n&gt;It stops\nsays Acme", "The export fails\nIt stops\nsays Acme"),
        ("&gt;&gt;&gt;all of it", "all of it"),
        ("3 &lt; 5", "3 < 5"),
        ("<", "<"),
    ],
)
def test_mrkdwn_becomes_text(written: str, text: str) -> None:
    assert plain(written) == text


def test_blocks_are_read_where_there_is_no_text() -> None:
    blocks = [
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "user", "user_id": "U1"},
                        {"type": "text", "text": " the export "},
                        {"type": "link", "url": "https://x.example", "text": "fails"},
                        {"type": "emoji", "name": "cry"},
                    ],
                },
                {"type": "rich_text_quote", "elements": [{"type": "text", "text": "It stops"}]},
            ],
        },
        {"type": "section", "text": {"type": "mrkdwn", "text": "at <https://y.example|50>"}},
        {"type": "section", "fields": [{"type": "plain_text", "text": "rows"}]},
        {"type": "rich_text", "elements": [{"type": "channel"}, {"type": "broadcast", "range": "here"}]},
        {"type": "actions", "elements": [{"type": "link", "url": "https://z.example"}]},
    ]
    text = text_in({"text": "", "blocks": blocks})
    assert text == "@user the export fails\nIt stops\nat 50\nrows\n#channel@herehttps://z.example"


@pytest.mark.parametrize("blocks", [None, "x", 5, [None, 5, {"type": 5}], [{"elements": {"elements": [{}]}}]])
def test_blocks_of_any_shape_are_no_error(blocks: object) -> None:
    assert isinstance(text_in({"blocks": blocks}), str)


def test_blocks_may_be_nested_deeply_or_be_many() -> None:
    nested: object = {"type": "text", "text": "deep"}
    for _ in range(5_000):
        nested = {"type": "rich_text", "elements": [nested]}
    assert text_in({"blocks": [nested]}) == "deep"
    assert text_in({"blocks": ["x"] * (MAX_NODES + 100)}) == "x" * (MAX_NODES - 1)


def test_a_shared_message_is_read_where_nothing_else_is_said() -> None:
    shared = [{"text": "<https://x|It> fails"}, {"fallback": "and stops"}, {"text": 5}, None]
    assert text_in({"text": "", "attachments": shared}) == "It fails\nand stops"
    assert text_in({"text": "mine", "attachments": shared}) == "mine"


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "app_rate_limited"},
        {"type": "event_callback", "event": {"type": "reaction_added"}},
    ],
)
def test_other_events_are_ignored(payload: dict[str, Any]) -> None:
    assert read(payload).action is Action.IGNORE


def test_the_handshake_is_answered_and_no_other_request() -> None:
    answer = SOURCE.handshake({}, example("slack.url_verification").body)
    assert answer is not None
    assert json.loads(answer.body) == {"challenge": "3eZexampleChallenge0000"}
    assert read(json.loads(example("slack.url_verification").data["body"])).action is Action.HANDSHAKE
    for body in (json.dumps(POSTED).encode(), b"[", b'{"type":"url_verification","challenge":{}}'):
        assert SOURCE.handshake({}, body) is None


def test_the_key_is_the_events_id() -> None:
    assert SOURCE.delivery_key({}, json.dumps(POSTED).encode()) == "Ev0EXAMPLE01"
    assert SOURCE.delivery_key({}, b'{"event_id": 1.5}').startswith("sha256:")
    assert SOURCE.delivery_key({}, b"{}").startswith("sha256:")
