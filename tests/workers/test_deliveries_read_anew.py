"""Large deliveries that are read otherwise, replayed or written twice while their parts are written."""

import json

import pytest
from sqlalchemy import select

from models.records import DeliveryState, FeedbackItem
from tests import rows
from tests.steps import walk
from tests.workers.parts import Parts, die, entries, names
from tests.workers.tickets import entry, items


def plans(parts: Parts) -> set[str | None]:
    return {item.plan for item in items(parts.database)}


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_delivery_is_begun_anew_where_it_is_read_otherwise_between_two_parts(
    parts: Parts, is_killed: bool
) -> None:
    parts.change_settings({"plan_tag_prefix": "old_"})
    parts.deliver(entries())

    def act() -> None:
        assert plans(parts) == {"basic"}
        parts.change_settings({"plan_tag_prefix": "tier_"})
        if is_killed:
            die()

    parts.before_part(1, act)
    if is_killed:
        parts.work_and_die()
    else:
        parts.work()
    assert parts.written == names(0, 10), "nothing is mixed"
    parts.work()
    assert parts.written == [*names(0, 10), *names(0, 25)]
    assert plans(parts) == {"pro"}
    parts.assert_whole()


def test_a_setting_that_reads_the_delivery_alike_begins_nothing_anew(parts: Parts) -> None:
    parts.deliver(entries())
    parts.before_part(1, lambda: parts.change_settings({"count_relayed": True}))
    walk(parts.context)
    assert parts.written == names(0, 25)
    parts.assert_whole()


def test_a_delivery_that_is_read_as_nothing_any_more_is_closed(parts: Parts) -> None:
    parts.deliver(entries())
    parts.before_part(1, die)
    parts.work_and_die()
    parts.change_settings({"no such setting": True})
    parts.work()
    row = parts.delivery()
    assert (row.state, row.done_changes, row.changes_digest) == (DeliveryState.INVALID, 0, None)


def test_a_replay_in_the_middle_reads_the_delivery_from_its_first_change(parts: Parts) -> None:
    parts.deliver(entries())
    parts.before_part(1, parts.replay)
    walk(parts.context)
    assert parts.written == [*names(0, 10), *names(0, 25)]
    parts.assert_whole()


def test_what_is_written_twice_is_stored_once(parts: Parts) -> None:
    """Whatever a body can say: applying all of it once more changes no row but those of the work itself."""
    person = {"customer_email": "ann@example.com", "customer_id": "7"}
    stamp = "2026-05-21T10:00:00Z"
    body: list[dict[str, object]] = [
        *entries(8, **person),
        *(entry(1, message_id=f"m{number}", **person, occurred_at=stamp) for number in range(6)),
        entry(2, action="update_status", status="solved", tags=["b"], occurred_at=stamp),
        entry(3, action="merge", merged_into="T-4", occurred_at=stamp),
        entry(1, action="redact", message_id="m2", occurred_at=stamp),
        entry(5, action="delete", occurred_at=stamp),
        entry(6, rating=2, occurred_at=stamp),
        {"type": "release", "id": "v2", "name": "Two", "released_at": "2026-05-01T00:00:00Z"},
        {"type": "metric", "metric": "activation", "value": 0.4, "at": "2026-05-01T00:00:00Z"},
    ]
    parts.deliver(body)
    walk(parts.context)
    with parts.database.engine.connect() as connection:
        once = rows.read(connection)
    assert json.dumps(once["feedback_item"], default=str).count("ann@") == 0
    parts.replay()
    walk(parts.context)
    with parts.database.engine.connect() as connection:
        twice = rows.read(connection)
    assert len(once["feedback_item"]) == 8 + 6 + 1
    # The steps of a release are written anew as they were.
    for found in (once, twice):
        steps = found["rollout_step"].values()
        found["rollout_step"] = {place: {**step, "id": 0} for place, step in enumerate(steps)}
    assert {table for table in once if once[table] != twice[table]} <= {"work", "delivery"}
    with parts.database.read(workspace=None) as session:
        assert len(session.scalars(select(FeedbackItem.id)).all()) == len(once["feedback_item"])
