"""What the doctor says of one thing it looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says what a person should do, empty where nobody needs to."""

    name: str
    value: str
    advice: str = ""
