"""What a verdict says, in plain words. Pure: values in, sentences out.

Two rules stand above style: nothing here says that a release is the reason of a change, and `inconclusive` is
never told as an absence of an effect.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from models.values.verdicts import BLOCKING, REASON_TEXT, Grade, Reason, Word
from service.console.wording import (
    say_change,
    say_day,
    say_falls,
    say_more_or_fewer,
    say_percent,
    say_range,
    say_rise,
    say_rises,
)

WORD_LABEL: Final[dict[Word, str]] = {
    Word.FELL: "Fell",
    Word.ROSE: "Rose",
    Word.UNCHANGED: "Unchanged",
    Word.INCONCLUSIVE: "Inconclusive",
    Word.TOO_EARLY: "Too early",
    Word.CANNOT_TELL: "Cannot tell",
}

WORD_MEANING: Final[dict[Word, str]] = {
    Word.FELL: "Fewer complaints than expected, more clearly than chance explains.",
    Word.ROSE: "More complaints than expected, more clearly than chance explains.",
    Word.UNCHANGED: "Any change is smaller than the margin agreed beforehand.",
    Word.INCONCLUSIVE: "The data are complete, and fit both a change and none.",
    Word.TOO_EARLY: "An agreed reading date is still to come.",
    Word.CANNOT_TELL: "Something makes these weeks incomparable, whatever the numbers say.",
}

GRADE_MEANING: Final[dict[Grade, str]] = {
    Grade.A: "Accounts got the release at random and are compared as assigned.",
    Grade.B: "Accounts with the release are compared with accounts that did not have it.",
    Grade.C: "Before is compared with after, beside a control series that was registered beforehand.",
    Grade.D: "Before is compared with after; no control series was registered beforehand.",
}

CAVEAT: Final[dict[Grade, str]] = {
    Grade.A: "Accounts got the release at random, which rules out most other causes.",
    Grade.B: "Compared with accounts that did not have it: other causes are possible.",
    Grade.C: "Before/after with a control series: other causes are possible.",
    Grade.D: "Before/after only: other causes are possible.",
}

_BRIEF_REASON: Final[dict[Reason, str]] = {
    Reason.SOURCE_GAP: "data are missing",
    Reason.OVERLAPPING_RELEASE: "another release in the same weeks",
    Reason.THEME_CHANGED: "the theme itself changed",
    Reason.ROUTING_CHANGED: "routing changed",
    Reason.LANGUAGE_MIX_CHANGED: "the mix of languages changed",
    Reason.DEFINITION_CHANGED: "the rules of what is counted changed",
    Reason.KIND_CHANGED: "kinds were decided differently",
    Reason.HISTORY_TOO_SHORT: "too little history before",
    Reason.TOO_FEW_COMPLAINTS: "too few complaints before",
    Reason.CONTROLS_DISAGREE: "the control series disagrees",
    Reason.PRE_TRENDS: "accounts moved apart before",
    Reason.TOO_FEW_ACCOUNTS: "too few accounts",
}
_WITH_CAVEAT: Final = frozenset({Word.FELL, Word.ROSE, Word.UNCHANGED})
_ALL: Final = 0.995
_DETECTED: Final = "would have been noticed four times in five"


@dataclass(frozen=True, slots=True)
class Said:
    """What the sentences need of a verdict.

    subject: what was counted, as it stands inside a sentence (`complaints about “export stops”`); release: how
    people name the release; the numbers as models.values.verdicts defines them.
    """

    word: Word
    grade: Grade
    subject: str
    release: str
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    decision_low: float | None = None
    decision_high: float | None = None
    bound: float | None = None
    mde: float | None = None
    judgeable_on: date | None = None
    reasons: tuple[Reason, ...] = ()


def about(theme: str | None) -> str:
    """Write the subject of sentences: a theme by its label, or all complaints (None)."""
    return "all complaints together" if theme is None else f"complaints about “{theme}”"


def headline(said: Said) -> str:
    """Say the verdict in one or two honest sentences, with the caveat of its grade where it answers."""
    return f"{claim(said)} {caveat(said)}".strip()


def claim(said: Said) -> str:
    """Say the verdict without the caveat; never show it without `caveat` beside it."""
    text = _CLAIM[said.word](said)
    return text[0].upper() + text[1:]


def caveat(said: Said) -> str:
    """Say what the grade leaves open; empty where the verdict answers nothing that could be misread."""
    return CAVEAT[said.grade] if said.word in _WITH_CAVEAT else ""


def _fell(said: Said) -> str:
    if said.effect is None or said.low is None or said.high is None:
        return f"{said.subject} fell after {said.release}."
    share, interval = say_percent(1 - said.effect), say_falls(said.low, said.high)
    return f"{said.subject} fell {share} after {said.release} (95%: {interval})."


def _rose(said: Said) -> str:
    if said.effect is None or said.low is None or said.high is None:
        return f"{said.subject} rose after {said.release}."
    rise, interval = say_rise(said.effect), say_rises(said.effect, said.low, said.high)
    return f"{said.subject} rose {rise} after {said.release} (95%: {interval})."


def _unchanged(said: Said) -> str:
    low = said.low if said.decision_low is None else said.decision_low
    high = said.high if said.decision_high is None else said.decision_high
    if low is None or high is None:
        return f"{said.subject} stayed level after {said.release}."
    span = f"between {say_more_or_fewer(low)} and {say_more_or_fewer(high)}"
    return f"{said.subject} stayed level after {said.release}: {span}."


def _inconclusive(said: Said) -> str:
    opening = f"it is not clear whether {said.subject} changed after {said.release}."
    return " ".join(part for part in (opening, ruled_out(said), detectable(said)) if part)


def _too_early(said: Said) -> str:
    opening = f"it is too early to say whether {said.subject} changed after {said.release}."
    when = "No reading date is planned yet." if said.judgeable_on is None else ""
    return f"{opening} {when or f'A clear answer can exist from {say_day(said.judgeable_on)}.'}"  # type: ignore[arg-type]


def _cannot_tell(said: Said) -> str:
    opening = f"Ebb cannot tell whether {said.subject} changed after {said.release}"
    why = blocking_reasons(said.reasons)
    if not why:
        return f"{opening}."
    clauses = [REASON_TEXT[reason].rstrip(".") for reason in why]
    return f"{opening}: {'; '.join(clause[0].lower() + clause[1:] for clause in clauses)}."


_CLAIM: Final = {
    Word.FELL: _fell,
    Word.ROSE: _rose,
    Word.UNCHANGED: _unchanged,
    Word.INCONCLUSIVE: _inconclusive,
    Word.TOO_EARLY: _too_early,
    Word.CANNOT_TELL: _cannot_tell,
}


def ruled_out(said: Said) -> str:
    """Say which changes the data exclude; empty where no interval was estimated."""
    if said.bound is None:
        return ""
    rise = ""
    if said.decision_high is not None and said.decision_high > 1:
        rise = f" and a rise of more than {say_percent(said.decision_high - 1)}"
    if said.bound >= _ALL:
        return "No fall is ruled out."
    if said.bound <= 0:
        return "Every fall is ruled out."
    verb = "are" if rise else "is"
    return f"A fall of more than {say_percent(said.bound)}{rise} {verb} ruled out."


def detectable(said: Said) -> str:
    """Say how large a fall had to be to be seen here; empty where nothing was estimated."""
    if said.bound is None:
        return ""
    if said.mde is None:
        return "Complaints are so few or so unsteady that even a fall by 95% could have been missed."
    return f"A fall by {say_percent(said.mde)} or more {_DETECTED}."


def limits(said: Said) -> str:
    """Say what these data could have shown beside `unchanged`; other words say it themselves, or need not."""
    if said.word is not Word.UNCHANGED:
        return ""
    return " ".join(part for part in (ruled_out(said), detectable(said)) if part)


def blocking_reasons(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Pick the reasons that make an answer impossible; contradicting controls are one of them."""
    return tuple(r for r in reasons if r in BLOCKING or r is Reason.CONTROLS_DISAGREE)


def brief(said: Said) -> str:
    """Say a verdict's number in a table cell: `−40% (−55% to −20%)`, a bound, a date, or a reason."""
    if said.word in (Word.FELL, Word.ROSE, Word.UNCHANGED) and said.effect is not None:
        span = "" if said.low is None or said.high is None else f" ({say_range(said.low, said.high)})"
        return f"{say_change(said.effect)}{span}"
    if said.word is Word.INCONCLUSIVE:
        return _brief_bound(said.bound)
    if said.word is Word.TOO_EARLY:
        return f"from {say_day(said.judgeable_on)}" if said.judgeable_on else "no date planned"
    why = blocking_reasons(said.reasons)
    return _BRIEF_REASON[why[0]] if why else WORD_MEANING[said.word]


def _brief_bound(bound: float | None) -> str:
    if bound is None:
        return "no interval"
    if bound >= _ALL:
        return "no fall ruled out"
    return f"fall over {say_percent(bound)} ruled out" if bound > 0 else "every fall ruled out"
