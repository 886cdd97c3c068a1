"""Look for corrections of themes that a person should decide on, whenever themes are named."""

from collections.abc import Mapping

from models.database import Session
from models.language.discover import ThemeStream
from models.language.suggest import Suggestion, suggest
from models.queries import themes
from models.queries.theme_suggestions import Declined, Found
from models.records import Theme


def standing(session: Session, *, workspace: int) -> tuple[list[Theme], frozenset[int]]:
    """Return the themes that stand, and the numbers of those that nothing is suggested for: they are noise."""
    numbers = themes.numbers(session, workspace=workspace)
    noise = themes.dismissed_themes(session, workspace=workspace)
    return themes.active_themes(session, workspace=workspace), frozenset(numbers[theme] for theme in noise)


def find(
    stream: ThemeStream,
    rows: list[Theme],
    noise: frozenset[int],
    declined: Declined,
    new_labels: Mapping[int, str],
) -> list[Found]:
    """Return suggestions with themes by id; new_labels: names just found, by the id of the theme."""
    labels = {
        row.number: name
        for row in rows
        for name in [row.label if row.named else new_labels.get(row.id, row.label)]
        if name
    }
    ids = {row.number: row.id for row in rows}

    def may_not(each: Suggestion) -> bool:
        return not {each.theme, each.other} - {0} <= ids.keys() or declined.holds(_found(each, ids))

    return [_found(each, ids) for each in suggest(stream, labels=labels, shut=noise, declined=may_not)]


def _found(each: Suggestion, ids: Mapping[int, int]) -> Found:
    return Found(
        kind=each.kind,
        theme=ids[each.theme] if each.theme else None,
        other=ids[each.other] if each.other else None,
        items=each.items,
        score=each.score,
        margin=each.margin,
        size=each.size,
        reason=each.reason,
    )
