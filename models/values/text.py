"""What was cut from a customer's message, and where: shared by cleaning, redaction and whoever shows it."""

from dataclasses import dataclass
from enum import StrEnum


class RemovedKind(StrEnum):
    """Why a span is not part of the customer's own words."""

    QUOTE = "quote"
    SIGNATURE = "signature"
    MACRO = "macro"
    PERSONAL_DATA = "personal_data"
    OVERFLOW = "overflow"


REASONS = {
    RemovedKind.QUOTE: "quoted from an earlier message or its header",
    RemovedKind.SIGNATURE: "a greeting's end, a signature, or a legal notice",
    RemovedKind.MACRO: "automatic text: a macro, an auto-reply, a footer or a survey",
    RemovedKind.PERSONAL_DATA: "personal data",
    RemovedKind.OVERFLOW: "beyond the length that is kept",
}
"""Why a span was cut, in words."""


WHAT = {
    "card": "a payment card's number",
    "iban": "an IBAN",
    "ip": "an IP address",
    "secret": "a key, a token, a password or a code",
    "query": "the query of an address",
    "login": "the login or the owner in an address",
    "email": "an e-mail address",
    "phone": "a phone number",
    "name": "a person's name",
    "address": "a street address",
    "account": "a bank account",
    "document": "the number of an identity paper",
}
"""What personal data was cut, in words."""


def reason_of(kind: RemovedKind, what: str = "") -> str:
    """Say in words why a span was cut."""
    return f"{REASONS[kind]}: {WHAT.get(what, what)}" if what else REASONS[kind]


@dataclass(frozen=True, slots=True)
class Removed:
    """One removed span, half-open `[start, end)` in characters; never the removed text itself.

    What the offsets count in is said by the function that returns it. `what` narrows the kind where that
    helps a reader (`email`, `phone`, ... for personal data) and is empty otherwise.
    """

    kind: RemovedKind
    start: int
    end: int
    what: str = ""

    @property
    def text_length(self) -> int:
        """Count the removed characters."""
        return self.end - self.start
