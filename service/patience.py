"""Questions that may go unanswered: each is given a time, and the asker goes on without it."""

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import TypeVar

from models.logs import type_name

T = TypeVar("T")


class Unanswered(Exception):
    """A question failed, or was not answered in time; `kind` is the failure's type, never its message."""

    def __init__(self, reason: str, *, kind: str = "TimeoutError") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


class Patience:
    """Ask questions that could hang, each in a thread of its own; those that still hang block later ones."""

    def __init__(self, seconds: float, *, most: int = 4) -> None:
        self.seconds = seconds
        # Questions that hang must not pile up: with `most` of them under way, others fail at once or in time.
        self._places = threading.BoundedSemaphore(most)

    def ask(self, question: Callable[[], T]) -> T:
        """Return the answer; raise `Unanswered` after `seconds`, or when the question fails.

        The thread of a question that hangs goes on until that ends; it holds nobody up at exit.
        """
        until = time.monotonic() + self.seconds
        if not self._places.acquire(timeout=self.seconds):
            raise Unanswered(f"earlier questions still hang after {self.seconds:g} s")
        answer: Future[T] = Future()
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._work, question, answer), daemon=True).start()
        try:
            return answer.result(max(until - time.monotonic(), 0.01))
        except Late:
            raise Unanswered(f"no answer within {self.seconds:g} s") from None
        except Exception as error:
            raise Unanswered(type_name(error), kind=type_name(error)) from error

    def _work(self, question: Callable[[], T], answer: "Future[T]") -> None:
        try:
            answer.set_result(question())
        except BaseException as error:  # noqa: BLE001 - whatever it was, it belongs to who asked
            answer.set_exception(error)
        finally:
            self._places.release()
