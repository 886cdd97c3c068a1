"""Which word the numbers bear: one rule for a single series and for comparisons of accounts."""

from models.impact.setting import Setting
from models.values.verdicts import Estimate, Look, Reason, Word


def choose_word(
    estimate: Estimate | None,
    equivalence: tuple[float, float] | None,
    *,
    blocks: tuple[Reason, ...],
    look: Look | None,
    enough_after: bool,
    setting: Setting,
) -> tuple[Word, tuple[Reason, ...]]:
    """Choose the word: what cannot be told first, then what is too early, then what the numbers say.

    blocks: what makes an answer impossible; equivalence: the interval that must lie within the margin for
    `unchanged`; enough_after: whether a final look has time enough behind it.
    """
    if blocks:
        return Word.CANNOT_TELL, blocks
    if look is None:
        return Word.TOO_EARLY, (Reason.LOOK_NOT_DUE,)
    final = look.share >= 1
    if estimate is None or (final and not enough_after):
        return Word.TOO_EARLY, (Reason.AFTER_TOO_SHORT,)
    low, high = setting.margin
    if estimate.p_value < look.alpha:
        small = low < estimate.effect < high
        return Word.FELL if estimate.effect < 1 else Word.ROSE, (Reason.SMALL,) if small else ()
    if not final:
        return Word.TOO_EARLY, (Reason.LOOKS_REMAIN,)
    if equivalence is not None and low < equivalence[0] and equivalence[1] < high:
        return Word.UNCHANGED, ()
    leaning = estimate.p_value < setting.leaning_alpha
    return Word.INCONCLUSIVE, (Reason.LEANING,) if leaning else ()
