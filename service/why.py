"""What the API and the console share where they say why a message is in its theme."""

from collections.abc import Mapping

from models.language.events import ThemeSetting
from models.queries.theme_why import WhyHere
from models.values.ids import Prefix, public_id

MEMBERS, RIVALS = 5, 3
"""Most examples shown of an item's own theme, and of the runner-up."""

Labels = Mapping[int, str | None]


def name_of(labels: Labels, theme: int) -> str:
    """Name a theme by its label, or by its id before it has one."""
    label = labels.get(theme)
    return f"“{label}”" if label else f"the theme {public_id(Prefix.THEME, theme)}"


def percent(share: float) -> str:
    """Write a share as whole percent."""
    return f"{share:.0%}"


def points(margin: float) -> str:
    """Write the difference of two shares in points of percent."""
    count = round(100 * margin)
    return f"{'−' if count < 0 else ''}{abs(count)} point{'' if abs(count) == 1 else 's'}"


def say_why(found: WhyHere, labels: Labels) -> str:
    """Say in a sentence or two why an item is where it is, with the numbers behind it."""
    if found.theme is None:
        return _say_waiting(found, labels)
    name = name_of(labels, found.theme)
    if found.act is not None:
        rival = f" Votes alone: {_say_votes(found, labels)}" if found.votes is not None else ""
        return f"It is in {name} because {found.act.actor} put it there on {found.act.at:%Y-%m-%d}.{rival}"
    if found.votes is None:
        share = percent(found.placed_share or 0.0)
        return f"It was placed in {name} by {share} of its neighbours’ votes; they cannot be counted again."
    if found.seed is not None:
        return f"It is in {name} because it is close (cosine {found.seed.cosine:.2f}) to what somebody expects there."
    return f"It is in {name}: {_say_votes(found, labels)}{_say_stays(found)}"


def _say_votes(found: WhyHere, labels: Labels) -> str:
    votes = found.votes
    if votes is None:
        return ""
    said = f"{percent(votes.share)} of the votes of its nearest neighbours are for it"
    if found.rival is None:
        return f"{said}, and none for another theme."
    other = f"the runner-up is {name_of(labels, found.rival)} with {percent(votes.rival_share)}"
    return f"{said}; {other}, a margin of {points(votes.margin)}."


def _say_stays(found: WhyHere) -> str:
    if found.votes is None or found.votes.margin >= 0:
        return ""
    setting = ThemeSetting()
    return (
        f" It stays, for a refit moves an item only where at least {percent(setting.move_to)} are for another theme "
        f"and at most {percent(setting.move_from)} for its own."
    )


def _say_waiting(found: WhyHere, labels: Labels) -> str:
    if found.votes is None:
        return "It is in no theme: it has not been compared with others yet."
    if found.rival is None:
        return "It waits for a theme: none of its nearest neighbours is in one."
    return (
        f"It waits for a theme: most votes of its nearest neighbours, {percent(found.votes.rival_share)}, are for "
        f"{name_of(labels, found.rival)}, and that is not enough yet."
    )
