"""What is looked at beside the estimate: a check passes, or becomes a reason that stands beside the word."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from models.impact.setting import Case
from models.impact.windows import SPIKE_SHARE, Window
from models.values.verdicts import Check, Reason

_SPIKE_PERIODS: Final = 4
_SPIKE_PERCENTILE: Final = 90
_LEAST_EARLIER: Final = 8
_LEAST_CONTROL_SHARE: Final = 0.8


class Denominator(StrEnum):
    """What complaints are compared with."""

    EXPOSURE = "exposure"
    REFERENCE = "reference"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ControlEvidence:
    """Two-sided p-values and directions (-1, 1) of the fits that put the control to the test.

    alone_*: the theme without the control; moved_p: the control itself, as if it were the theme.
    """

    p_value: float
    direction: int
    alone_p: float
    alone_direction: int
    moved_p: float


def control_usable(window: Window, *, least_before: int) -> bool:
    """Say whether the control leaves at least four in five of the periods that the theme itself has.

    Nor may it take from the theme the `least_before` periods before the release that an estimate needs.
    """
    seen = ~np.isnan(window.counts) & (window.exposure > 0) & (window.before | window.after)
    before = (window.usable & window.before).sum()
    enough = before >= min(least_before, (seen & window.before).sum())
    return bool(enough and window.usable.sum() >= _LEAST_CONTROL_SHARE * seen.sum())


def after_spike(window: Window, *, probability: float | None) -> bool:
    """Say whether the release followed a spike.

    The last four periods before it top the 90th percentile of the earlier ones, and the fit makes a spike likelier
    than it was beforehand (`probability`; None where there is no fit): growth alone fills the first condition too.
    """
    known = window.usable & window.before
    rate = window.counts[known] / window.exposure[known]
    if rate.size < _SPIKE_PERIODS + _LEAST_EARLIER or (
        probability is not None and probability <= SPIKE_SHARE
    ):
        return False
    earlier, last = rate[:-_SPIKE_PERIODS], rate[-_SPIKE_PERIODS:]
    return bool(last.mean() > np.percentile(earlier, _SPIKE_PERCENTILE))


def controls_conflict(evidence: ControlEvidence, *, alpha: float) -> bool:
    """Say whether the theme moved one way with the control and the other way without it."""
    both = evidence.p_value < alpha and evidence.alone_p < alpha
    return both and evidence.direction != evidence.alone_direction


def _say_gaps(gaps: int) -> str:
    if gaps == 0:
        return "No period is missing."
    return "1 period is missing." if gaps == 1 else f"{gaps} periods are missing."


def denominator(case: Case) -> Denominator:
    """Say what complaints are compared with."""
    if case.by_reference:
        return Denominator.REFERENCE
    return Denominator.EXPOSURE if case.has_exposure else Denominator.NONE


def window_checks(
    window: Window, *, denominator: Denominator, enough_history: bool, spike_probability: float | None
) -> tuple[Check, ...]:
    """Run the checks that do without the effect."""
    gaps = int((~window.usable & (window.before | window.after)).sum())
    seasonal = window.has_season
    spike = after_spike(window, probability=spike_probability)
    found = (
        _denominator_check(denominator),
        Check("history", enough_history, _HISTORY[enough_history]),
        Check("gaps", gaps == 0, _say_gaps(gaps)),
    )
    if not enough_history:  # then nothing is known of seasons, or of what weeks are ordinary
        return found
    return (
        *found,
        Check("season", seasonal, _SEASON[seasonal]),
        Check("spike", not spike, _SPIKE[not spike]),
    )


def _denominator_check(denominator: Denominator) -> Check:
    code = Denominator.REFERENCE if denominator is Denominator.REFERENCE else Denominator.EXPOSURE
    return Check(str(code), denominator is Denominator.EXPOSURE, _COMPARED[denominator])


def control_checks(evidence: ControlEvidence, *, alpha: float) -> tuple[Check, ...]:
    """Run the checks of the control series."""
    agrees = _call(evidence.p_value, evidence.direction, alpha) == _call(
        evidence.alone_p, evidence.alone_direction, alpha
    )
    steady = evidence.moved_p >= alpha
    return (
        Check("control_agrees", agrees, _AGREES[agrees]),
        Check("control_steady", steady, _STEADY[steady]),
    )


def noted(checks: tuple[Check, ...]) -> tuple[Reason, ...]:
    """List the reasons that failed checks put beside the word."""
    return tuple(_REASON[check.code] for check in checks if not check.passed and check.code in _REASON)


def _call(p_value: float, direction: int, alpha: float) -> int:
    return direction if p_value < alpha else 0


_REASON: Final = {
    "exposure": Reason.EXPOSURE_MISSING,
    "reference": Reason.REFERENCE_VOLUME,
    "spike": Reason.AFTER_SPIKE,
    "control_agrees": Reason.CONTROLS_DISAGREE,
    "control_steady": Reason.CONTROL_MOVED,
}
_COMPARED: Final = {
    Denominator.EXPOSURE: "Complaints are compared per customer.",
    Denominator.REFERENCE: "The number of customers is unknown; untouched themes tell the volume instead.",
    Denominator.NONE: "The number of customers is unknown, so growth or loss of customers is not taken out.",
}
_HISTORY: Final = {
    True: "There is enough history before the release.",
    False: "There is too little history before the release.",
}
_SEASON: Final = {
    True: "Two years of history: the yearly season is taken out.",
    False: "Less than two years of history: the season is unknown, and one of about 10% is allowed for.",
}
_SPIKE: Final = {
    True: "The weeks before the release were ordinary.",
    False: "The weeks before the release were unusually bad; some fall was to be expected.",
}
_AGREES: Final = {
    True: "The answer is the same without the control series.",
    False: "The answer changes when the control series is left out.",
}
_STEADY: Final = {
    True: "The control series did not change at the release.",
    False: "The control series itself changed at the release.",
}
