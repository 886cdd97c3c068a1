"""Questions that hang: the asker goes on in time, and they do not pile up."""

import threading
import time
from collections.abc import Iterator

import pytest

from models.logs import bound, get_logger
from service.patience import Patience, Unanswered


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Questions of the test wait for this; it comes at the end at the latest."""
    event = threading.Event()
    yield event
    event.set()


def test_an_answer_comes_back() -> None:
    assert Patience(5).ask(lambda: 42) == 42


def test_a_failure_is_told_by_its_type() -> None:
    with pytest.raises(Unanswered) as caught:
        Patience(5).ask(lambda: int("our invoice"))
    assert (caught.value.reason, caught.value.kind) == ("ValueError", "ValueError")


def test_a_question_that_hangs_is_left_in_time(released: threading.Event) -> None:
    with pytest.raises(Unanswered, match=r"no answer within 0\.1 s"):
        Patience(0.1).ask(released.wait)
    assert not released.is_set(), "left while the question still hung"


def test_questions_that_hang_do_not_pile_up(released: threading.Event) -> None:
    patience = Patience(0.05, most=2)
    before = threading.active_count()
    for _ in range(6):
        with pytest.raises(Unanswered):
            patience.ask(released.wait)
    assert threading.active_count() <= before + 2
    released.set()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            assert patience.ask(lambda: "again") == "again"
            return
        except Unanswered:
            time.sleep(0.01)
    pytest.fail("the places of ended questions stay taken")


def test_many_quick_questions_at_once_are_all_answered() -> None:
    patience, answers = Patience(10, most=2), []

    def ask(number: int) -> None:
        answers.append(patience.ask(lambda: number))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(20))


def test_what_the_question_logs_has_the_ids_of_who_asks(caplog: pytest.LogCaptureFixture) -> None:
    with bound(work=7):
        Patience(5).ask(lambda: get_logger("ebb.x").warning("asked"))
    assert "'work': 7" in caplog.text
