"""Names found in texts, held against the texts as they stand when the names are written: some may be gone by then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from models.database import Session
from models.language.label import ThemeLabel
from models.queries import themes, unsaid
from models.queries.themes import Member

AGAIN = timedelta(seconds=2)
"""After so long themes are named anew whose names nobody vouched for: what was being changed then is written."""
WITNESSES = 5
"""Messages that are asked, in turn, whether they still say a word of a name."""


@dataclass(frozen=True, slots=True)
class Found:
    """A name that was found for a theme; witnesses: word of it -> positions in the members of some that say it."""

    label: ThemeLabel
    witnesses: Mapping[str, tuple[int, ...]]


def with_witnesses(labels: Mapping[int, ThemeLabel], members: Sequence[Member]) -> dict[int, Found]:
    """Find, for each theme's name and keywords, messages of the theme that say their words.

    labels: theme -> name, whose quotes count positions in `members`. A word that none says in these letters has no
    witness, and needs none.
    """
    lacking = {
        theme: dict.fromkeys(unsaid.words_in(found.label, *found.keywords), ())
        for theme, found in labels.items()
    }
    told: dict[int, dict[str, tuple[int, ...]]] = {theme: {} for theme in labels}
    for at, member in enumerate(members):
        wanted = lacking.get(member.theme)
        if not wanted:
            continue
        for word in wanted.keys() & unsaid.words_in(member.text):
            told[member.theme][word] = (*told[member.theme].get(word, ()), at)
            if len(told[member.theme][word]) == WITNESSES:
                del wanted[word]
    return {theme: Found(found, told[theme]) for theme, found in labels.items()}


def still_said(
    session: Session, *, workspace: int, found: Mapping[int, Found], members: Sequence[Member]
) -> dict[int, ThemeLabel]:
    """Return the names whose every word somebody still says, with those quotes that still stand.

    The messages asked stay as they are until the transaction ends. One that is being changed at this moment is not
    waited for: it says nothing.
    """
    asked = {at for each in found.values() for said in each.witnesses.values() for at in said}
    asked |= {quote.index for each in found.values() for quote in each.label.quotes}
    items = sorted(members[at].item for at in asked)
    texts = themes.standing_texts(session, workspace=workspace, items=items)
    standing = {at for at in asked if texts.get(members[at].item) == members[at].text}
    return {
        theme: replace(
            each.label, quotes=tuple(quote for quote in each.label.quotes if quote.index in standing)
        )
        for theme, each in found.items()
        if all(standing & set(said) for said in each.witnesses.values())
    }
