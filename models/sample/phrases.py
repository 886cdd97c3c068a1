"""From a hand-written phrasing to the words of one person: choose, fill in, join, and make human slips."""

import re
from collections.abc import Mapping
from random import Random

from models.sample.plan import load_shared

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"n(\d+)-(\d+)\Z")
# Not in addresses: a typo there could name a domain that exists.
_WORD = re.compile(r"(?<![@.\w-])[a-z]{5,}\b(?!@|[.-]\w)")


def fill(template: str, rng: Random, words: Mapping[str, str]) -> str:
    """Turn a phrasing into text.

    `{a|b}` picks one side, `{n3-9}` a whole number, `{slot}` an entry of `words` or of the shared slot list;
    braces may nest. Raises ValueError for an unknown slot.
    """
    done = template
    while (match := _BRACES.search(done)) is not None:
        done = done[: match.start()] + _value(match[1], rng, words) + done[match.end() :]
    return done


def join(parts: list[str]) -> str:
    """Join sentences with spaces, ending those that lack a stop where another one follows."""
    parts = [part for part in parts if part]
    ended = [part if part[-1] in ".!?,:)\"'" else part + "." for part in parts[:-1]]
    return " ".join(ended + parts[-1:])


def roughen(text: str, rng: Random, *, haste: float) -> str:
    """Make the slips of a person in a hurry: lower case, lost apostrophes, a typo or two.

    haste: 0 to 1, the chance that anything happens at all.
    """
    if rng.random() >= haste:
        return text
    slip = rng.random()
    if slip < 0.28:
        text = text.lower()
    if slip > 0.75:
        text = text.replace("'", "")
    if rng.random() < 0.06:
        text = text.upper()
    if rng.random() < 0.12:
        text = text.rstrip(".") + rng.choice(("!!", "!!!", "...", "??" if "?" in text else "!"))
    for _ in range(rng.choice((0, 0, 1, 2) if len(text) > 160 else (0, 0, 1))):
        text = _typo(text, rng)
    return text


def _value(inside: str, rng: Random, words: Mapping[str, str]) -> str:
    if "|" in inside:
        return rng.choice(inside.split("|"))
    if inside in words:
        return words[inside]
    if (span := _RANGE.match(inside)) is not None:
        return str(rng.randint(int(span[1]), int(span[2])))
    if inside in _MADE:
        return _MADE[inside](rng)
    choices = load_shared().get(f"slot.{inside}")
    if choices is not None:
        return rng.choice(choices)
    if " " in inside or not inside.islower():
        raise ValueError(f"phrasing: {{{inside}}} has a single side; give two sides or drop the braces")
    raise ValueError(f"phrasing: unknown slot {{{inside}}}")


def _amount(rng: Random) -> str:
    value = round(40 * 10 ** (2.2 * rng.random()), 2)
    sign = rng.choice(("£", "£", "£", "€"))
    return f"{sign}{value:,.0f}" if rng.random() < 0.5 else f"{sign}{value:,.2f}"


def _code(rng: Random) -> str:
    return rng.choice(("500", "502", "504", "403", "E-17", "E-204", "0x80", "1009", "SYNC_41"))


def _job_number(rng: Random) -> str:
    return f"{rng.randint(11_000, 48_999)}"


def _invoice_number(rng: Random) -> str:
    return rng.choice(("INV-{}", "RE{}", "{}")).format(rng.randint(2_100, 9_899))


_MADE = {
    "amount": _amount,
    "code": _code,
    "jobno": _job_number,
    "invno": _invoice_number,
}


def _typo(text: str, rng: Random) -> str:
    words = list(_WORD.finditer(text))
    if not words:
        return text
    word = rng.choice(words)
    at = rng.randrange(word.start() + 1, word.end() - 2)
    pair = text[at : at + 2]
    wrong = rng.choice((pair[::-1], pair[0], pair[0] * 2 + pair[1]))
    return text[:at] + wrong + text[at + 2 :]
