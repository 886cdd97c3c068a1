"""Did complaints fall after this release? From a series and a release to a word and its reasons."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import numpy as np

from models.impact import checks
from models.impact.evidence import Fitted, Prepared, fit, periods, prepare
from models.impact.looks import schedule
from models.impact.rule import choose_word
from models.impact.setting import Case, Setting
from models.values.series import DAYS_PER_WEEK, Period, Series, period_start
from models.values.verdicts import Check, Estimate, Grade, Judgement, Look, Reason, Word

__all__ = ["METHOD_VERSION", "Case", "Setting", "judge", "judge_many"]

METHOD_VERSION: Final = "lar-b-2"
"""Part of a stored verdict's key; changes whenever the same series may get another verdict."""


def judge(
    series: Series,
    *,
    release_start: date,
    release_full: date,
    read_through: date,
    look: Look | None,
    setting: Setting | None = None,
    registered_control: bool = False,
    flags: Sequence[Reason] = (),
) -> Judgement:
    """Judge one release on one series.

    release_start: first day any customer had it; release_full: first day all had it; read_through: first day
    that is not yet complete (days are half-open); look: the planned look being read, None where none is due
    yet (the word is then `too_early`); flags: reasons that the caller found, of which those in BLOCKING make
    the word `cannot_tell`. Never raises for thin data; raises ValueError for a release that is full before it
    starts.
    """
    case = Case(series, release_start, release_full, read_through, look, registered_control, tuple(flags))
    return judge_many([case], setting=setting)[0]


def judge_many(
    cases: Sequence[Case], *, setting: Setting | None = None, with_periods: bool = True
) -> list[Judgement]:
    """Judge many cases at once, which is several times faster than one by one; the answers are the same.

    with_periods False leaves the chart's periods out.
    """
    setting = setting or Setting()
    prepared = [prepare(case, setting) for case in cases]
    fits = fit(prepared, setting)
    return [_conclude(*pair, setting, with_periods) for pair in zip(prepared, fits, strict=True)]


def _conclude(item: Prepared, fitted: Fitted | None, setting: Setting, with_periods: bool) -> Judgement:
    found, blocks = _checks(item, fitted, setting)
    word, why = choose_word(
        None if fitted is None else fitted.estimate,
        None if fitted is None else fitted.equivalence,
        blocks=blocks,
        look=item.case.look,
        enough_after=_enough_after(item, setting),
        setting=setting,
    )
    estimate = None if fitted is None else _matching(fitted, word)
    mde = None if fitted is None else fitted.mde
    if word is Word.INCONCLUSIVE and mde is None:
        why = (*why, Reason.LOW_POWER)
    reasons = (*why, *item.notes, *checks.noted(found), *item.case.flags)
    return Judgement(
        word=word,
        estimate=estimate,
        reasons=tuple(dict.fromkeys(reasons)),
        bound=None if estimate is None else float(np.clip(1.0 - estimate.decision_low, 0.0, 1.0)),
        mde=mde,
        looks=() if item.case.look is None else (item.case.look,),
        grade=_grade(item),
        judgeable_on=_judgeable_on(item, why, setting) if word is Word.TOO_EARLY else None,
        checks=found,
        periods=periods(item) if fitted is not None and with_periods else (),
    )


def _checks(
    item: Prepared, fitted: Fitted | None, setting: Setting
) -> tuple[tuple[Check, ...], tuple[Reason, ...]]:
    """Run the checks; a control that reverses the answer joins what makes an answer impossible."""
    found = checks.window_checks(
        item.window,
        denominator=checks.denominator(item.case),
        enough_history=Reason.HISTORY_TOO_SHORT not in item.blocks,
        spike_probability=None if fitted is None else fitted.spike,
    )
    if fitted is None or fitted.control is None:
        return found, item.blocks
    alpha = _alpha(item.case, setting)
    found += checks.control_checks(fitted.control, alpha=alpha)
    conflict = checks.controls_conflict(fitted.control, alpha=alpha)
    return found, (*item.blocks, Reason.CONTROLS_DISAGREE) if conflict else item.blocks


def _alpha(case: Case, setting: Setting) -> float:
    return setting.alpha if case.look is None else case.look.alpha


def _enough_after(item: Prepared, setting: Setting) -> bool:
    case = item.case
    if case.series.period is Period.MONTH:
        return int(item.window.after.sum()) >= setting.min_after_months
    return (case.read_through - case.release_full).days >= setting.min_after * DAYS_PER_WEEK


def _matching(fitted: Fitted, word: Word) -> Estimate:
    """Give the estimate with the decision interval that the word rests on."""
    if word is not Word.UNCHANGED:
        return fitted.estimate
    low, high = fitted.equivalence
    return replace(fitted.estimate, decision_low=low, decision_high=high)


def _grade(item: Prepared) -> Grade:
    """Grade C needs a registered control that was used, exposure, and a link made before the outcome."""
    case = item.case
    registered = case.registered_control and item.window.control is not None
    if registered and case.has_exposure and Reason.CHOSEN_AFTER not in case.flags:
        return Grade.C
    return Grade.D


def _judgeable_on(item: Prepared, why: tuple[Reason, ...], setting: Setting) -> date:
    """Give the day of the final look, or the day on which enough time has passed since the release."""
    case, look = item.case, item.case.look
    if look is not None and Reason.LOOKS_REMAIN in why:
        delay = look.read_on - case.release_full - timedelta(weeks=look.weeks)
        return case.release_full + timedelta(weeks=round(look.weeks / look.share)) + delay
    if case.series.period is Period.MONTH:
        return period_start(_month_from(case.release_full), Period.MONTH, setting.min_after_months)
    if look is None:
        plan = schedule(
            case.release_full,
            horizon_weeks=setting.horizon_weeks,
            wash_out_days=setting.wash_out_days,
            reporting_delay_days=setting.reporting_delay_days,
        )
        return plan[-1].read_on
    weeks = max(setting.min_after, -(-setting.wash_out_days // DAYS_PER_WEEK) + 1)
    return case.release_full + timedelta(weeks=weeks)


def _month_from(day: date) -> date:
    """Give the first month that begins on or after a day."""
    first = day.replace(day=1)
    return first if first == day else period_start(first, Period.MONTH, 1)
