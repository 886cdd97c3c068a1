"""What is said about a release and a theme: word, estimate, reasons, and what a chart of it needs."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final


class Word(StrEnum):
    """The six answers to "did complaints fall after this release?"."""

    FELL = "fell"
    ROSE = "rose"
    UNCHANGED = "unchanged"
    INCONCLUSIVE = "inconclusive"
    TOO_EARLY = "too_early"
    CANNOT_TELL = "cannot_tell"


class Grade(StrEnum):
    """Strength of evidence: A randomised, B unexposed accounts, C registered control, D before and after."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class Reason(StrEnum):
    """Why the word is what it is, or what a reader must know beside it; codes never change their meaning."""

    EXPOSURE_MISSING = "exposure_missing"
    HISTORY_TOO_SHORT = "history_too_short"
    TOO_FEW_COMPLAINTS = "too_few_complaints"
    AFTER_TOO_SHORT = "after_too_short"
    LOOK_NOT_DUE = "look_not_due"
    LOOKS_REMAIN = "looks_remain"
    SOURCE_GAP = "source_gap"
    OVERLAPPING_RELEASE = "overlapping_release"
    THEME_CHANGED = "theme_changed"
    ROUTING_CHANGED = "routing_changed"
    LANGUAGE_MIX_CHANGED = "language_mix_changed"
    KIND_CHANGED = "kind_changed"
    CONTEXT_EVENT = "context_event"
    CONTROLS_DISAGREE = "controls_disagree"
    CONTROL_MOVED = "control_moved"
    CONTROL_MISSING = "control_missing"
    SMALL = "small"
    LEANING = "leaning"
    LOW_POWER = "low_power"
    AFTER_SPIKE = "after_spike"
    CHOSEN_AFTER = "chosen_after"
    EARLY = "early"
    NOT_SUSTAINED = "not_sustained"
    REFERENCE_VOLUME = "reference_volume"
    REFERENCE_MISSING = "reference_missing"
    DISPLACED = "displaced"
    PRE_TRENDS = "pre_trends"
    TOO_FEW_ACCOUNTS = "too_few_accounts"
    ONE_ACCOUNT = "one_account"
    NOT_AS_ASSIGNED = "not_as_assigned"
    DEFINITION_CHANGED = "definition_changed"
    SOURCE_LEFT_OUT = "source_left_out"


REASON_TEXT: Final[dict[Reason, str]] = {
    Reason.EXPOSURE_MISSING: "The number of customers is unknown, so counts are compared as they are.",
    Reason.HISTORY_TOO_SHORT: "There is too little history before the release to know what was normal.",
    Reason.TOO_FEW_COMPLAINTS: "There were too few complaints before the release to measure a change.",
    Reason.AFTER_TOO_SHORT: "Too little time has passed since all customers had the release.",
    Reason.LOOK_NOT_DUE: "No agreed reading date has come yet.",
    Reason.LOOKS_REMAIN: "This early reading settles nothing; another is planned.",
    Reason.SOURCE_GAP: "Complaints are missing for part of the time, as a source was silent, not there yet or gone.",
    Reason.OVERLAPPING_RELEASE: "Another release touched the same theme in the same weeks.",
    Reason.THEME_CHANGED: "The theme was split, merged or measured differently within the window.",
    Reason.ROUTING_CHANGED: "The way complaints reach the tool changed within the window.",
    Reason.LANGUAGE_MIX_CHANGED: "The mix of languages changed within the window, so counts do not compare.",
    Reason.KIND_CHANGED: "What counts as a complaint was decided differently before and after the release.",
    Reason.CONTEXT_EVENT: "Something else happened in these weeks that may explain a change.",
    Reason.CONTROLS_DISAGREE: "The answer changes when the control series is left out.",
    Reason.CONTROL_MOVED: "The control series itself changed at the release.",
    Reason.CONTROL_MISSING: "The control series has too few usable weeks and was left out.",
    Reason.SMALL: "The change is real but may be too small to matter.",
    Reason.LEANING: "The numbers lean one way, yet not clearly enough to say so.",
    Reason.LOW_POWER: "Complaints are so few or so unsteady that even a fall by 95% could be missed.",
    Reason.AFTER_SPIKE: "The release followed an unusual spike, and spikes tend to pass by themselves.",
    Reason.CHOSEN_AFTER: "The theme was linked to the release after the outcome could be seen.",
    Reason.EARLY: "An early reading was already beyond doubt; the agreed last reading is still to come.",
    Reason.NOT_SUSTAINED: "An early reading had called a change that the last reading does not bear out.",
    Reason.REFERENCE_VOLUME: "The number of customers is unknown; untouched themes tell the volume instead.",
    Reason.REFERENCE_MISSING: "Too few other themes bear a reference volume, so counts are compared as they are.",
    Reason.DISPLACED: "Complaints seem to have moved to related or new themes.",
    Reason.PRE_TRENDS: "Accounts with and without the release already moved apart before it.",
    Reason.TOO_FEW_ACCOUNTS: "Too few accounts had, or did not have, the release.",
    Reason.ONE_ACCOUNT: "One account brings most of the complaints.",
    Reason.NOT_AS_ASSIGNED: "Some accounts did not get what was assigned to them; they are counted as assigned.",
    Reason.DEFINITION_CHANGED: "Rules of what is counted changed, and stored tickets do not all follow them yet.",
    Reason.SOURCE_LEFT_OUT: "Sources that do not cover the whole time compared are left out; they bring little.",
}

# Guards that make an answer impossible, whatever the numbers say; the other reasons stand beside the word.
BLOCKING: Final[frozenset[Reason]] = frozenset(
    {
        Reason.SOURCE_GAP,
        Reason.OVERLAPPING_RELEASE,
        Reason.THEME_CHANGED,
        Reason.ROUTING_CHANGED,
        Reason.LANGUAGE_MIX_CHANGED,
        Reason.KIND_CHANGED,
        Reason.HISTORY_TOO_SHORT,
        Reason.TOO_FEW_COMPLAINTS,
        Reason.PRE_TRENDS,
        Reason.TOO_FEW_ACCOUNTS,
        Reason.DEFINITION_CHANGED,
    }
)


@dataclass(frozen=True, slots=True)
class Look:
    """A pre-registered time to read a verdict.

    number: from 1; share: part of the horizon that has passed, in (0, 1], 1 = final; weeks: whole weeks since
    all customers had the release; read_on: first day it may be read; alpha: two-sided error spent here.
    """

    number: int
    share: float
    weeks: int
    read_on: date
    alpha: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """The effect of a release on a theme as a rate ratio: observed ÷ expected rate, 1 = unchanged.

    effect: posterior median; low, high: 95% interval; p_value: two-sided, below a exactly where the (1 - a)
    interval leaves 1 out; decision_low, decision_high: the interval that matches the word; expected:
    complaints expected in the after window, had nothing changed; observed: complaints counted there;
    shrunk_effect: the median once most releases are taken to do little (for rankings, where the largest
    estimates are too large).
    """

    effect: float
    low: float
    high: float
    p_value: float
    decision_low: float
    decision_high: float
    expected: float
    observed: float
    shrunk_effect: float


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at beside the estimate, with its outcome in a sentence."""

    code: str
    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class PeriodFit:
    """One period of the observed-against-expected chart.

    start: first day; observed: complaints, None for a gap; expected: complaints had the release changed
    nothing, from a fit that has not seen the after periods; low, high: where 95 of 100 such counts would lie;
    exposure: customer-days or None; used: the period entered the estimate; after: it began when all customers
    had the release and the wash-out was over.
    """

    start: date
    observed: float | None
    expected: float
    low: float
    high: float
    exposure: float | None
    used: bool
    after: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one series at one look.

    estimate: None where the data bear none; bound: largest fall, as a share, that decision_low does not rule
    out (0 where every fall is ruled out); mde: smallest fall, as a share, that would be called `fell` four
    times in five, from the noise before the release (None: no estimate, or not even a fall by 95%); looks:
    those read so far, this one last; judgeable_on: the first day a better answer can exist, where waiting
    helps; checks and periods as their classes say.
    """

    word: Word
    estimate: Estimate | None
    reasons: tuple[Reason, ...]
    bound: float | None
    mde: float | None
    looks: tuple[Look, ...]
    grade: Grade
    judgeable_on: date | None
    checks: tuple[Check, ...] = ()
    periods: tuple[PeriodFit, ...] = ()
