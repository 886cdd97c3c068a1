"""Large deliveries: written part by part, each change once and in order, whoever dies or comes in between."""

import pytest
from sqlalchemy import select

from models.jobs import WorkState
from models.records import Delivery, DeliveryState
from tests.steps import walk
from tests.workers.parts import OWN_PART, Killed, Parts, die, entries, inserted, names, transactions
from tests.workers.tickets import entry
from workers import intake


def test_no_transaction_is_longer_for_a_larger_delivery(parts: Parts) -> None:
    parts.monkeypatch.setattr(intake, "CHANGES_AT_ONCE", OWN_PART)
    parts.deliver(entries(OWN_PART))
    with transactions(parts.context.database) as of_one_part:
        parts.work()
    parts.deliver([entry(number, id=f"more {number}") for number in range(2 * OWN_PART + 7)])
    with transactions(parts.context.database) as of_several:
        parts.work()
    assert [count for count in map(inserted, of_several) if count] == [OWN_PART, OWN_PART, 7]
    # The part's own few: what it was read under, and how far it came.
    assert max(map(len, of_several)) <= max(map(len, of_one_part)) + 5


def test_small_deliveries_share_a_transaction_of_no_more_changes(parts: Parts) -> None:
    parts.deliver(*([entry(number, id=f"{name} {number}") for number in range(4)] for name in "abc"))
    with transactions(parts.context.database) as found:
        parts.work()
    assert [count for count in map(inserted, found) if count] == [8, 4]
    with parts.database.read(workspace=None) as session:
        assert set(session.scalars(select(Delivery.state))) == {DeliveryState.PARSED}


def test_what_was_written_before_a_kill_in_a_part_is_not_written_again(parts: Parts) -> None:
    parts.deliver(entries())
    parts.fail_at("T-14", Killed())
    with pytest.raises(Killed):
        parts.work()
    assert parts.stored() == names(0, 10)
    assert (parts.delivery().state, parts.delivery().done_changes) == (DeliveryState.OPEN, 10)
    assert parts.lease() == []
    parts.run_out()
    del parts.written[:]
    parts.work()
    assert parts.written == names(10, 25)
    parts.assert_whole()


def test_a_kill_between_two_parts_loses_nothing(parts: Parts) -> None:
    parts.deliver(entries())
    parts.before_part(2, die)
    parts.work_and_die()
    assert parts.written == names(0, 20)
    parts.work()
    assert parts.written == names(0, 25)
    parts.assert_whole()


def test_attempts_count_from_the_last_part_that_was_written(parts: Parts) -> None:
    """A delivery whose workers die again and again, each behind a part more, is given up by nobody."""
    parts.deliver(entries())
    for _ in range(2):
        parts.before_part(1, die)
        parts.work_and_die(max_attempts=2)
        parts.forget_before_part()
    parts.work(max_attempts=2)
    parts.assert_whole()


def test_a_part_that_no_worker_survives_is_given_up(parts: Parts) -> None:
    parts.deliver(entries())
    for part in (1, 0):
        parts.before_part(part, die)
        parts.work_and_die(max_attempts=2)
        parts.forget_before_part()
    assert parts.lease(max_attempts=2) == []
    assert parts.states() == [WorkState.DEAD]
    assert parts.stored() == names(0, 10)


def test_a_part_that_fails_is_tried_again_without_those_before_it(parts: Parts) -> None:
    parts.deliver(entries(), entry(99))
    parts.fail_at("T-14", RuntimeError("a bug"))
    walk(parts.context)
    # What was written before the error was undone with its part.
    assert parts.written == [*names(0, 15), *names(10, 25), "T-99"]
    assert parts.stored() == [*names(0, 25), "T-99"]


def test_a_worker_that_lost_its_lease_writes_no_part_more(parts: Parts) -> None:
    parts.deliver(entries())

    def overtake() -> None:
        """Somebody else takes the delivery over, and writes the next part of it alone."""
        parts.run_out()
        parts.before_part(1, die)
        with pytest.raises(Killed):
            parts.work()

    parts.before_part(1, overtake)
    parts.work()
    assert parts.written == names(0, 20)
    assert parts.delivery().done_changes == 20
    parts.run_out()
    parts.work()
    assert parts.written == names(0, 25)
    parts.assert_whole()


def test_a_worker_that_comes_back_after_the_end_changes_nothing(parts: Parts) -> None:
    parts.deliver(entries())

    def overtake() -> None:
        parts.run_out()
        parts.work()

    parts.before_part(1, overtake)
    parts.work()
    assert parts.written == names(0, 25)
    parts.assert_whole()
