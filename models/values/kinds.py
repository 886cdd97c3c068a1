"""What a customer's message is."""

from enum import StrEnum


class Kind(StrEnum):
    """Only complaints are counted in verdicts."""

    COMPLAINT = "complaint"
    REQUEST = "request"
    PRAISE = "praise"
    QUESTION = "question"
