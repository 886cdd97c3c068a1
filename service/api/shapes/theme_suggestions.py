"""Suggested corrections of themes, for curators."""

from pydantic import Field

from models.values.suggestions import SuggestionKind
from service.api.shapes.base import (
    Answer,
    Count,
    Finite,
    ItemId,
    Moment,
    Paging,
    Share,
    SuggestionId,
    ThemeId,
)
from service.api.shapes.themes import Quote, Revision


class ThemeSuggestionsQuery(Paging):
    """Filters of the list: items, merges, splits, the best of each first."""

    kind: SuggestionKind | None = Field(default=None, description="Only item, merge or split.")


class ThemeSuggestionAnswer(Answer):
    """One correction that waits for a person."""

    id: SuggestionId = Field(description="Public id.")
    kind: SuggestionKind = Field(
        description="item: move items to the other theme; merge: let one theme stand for two; split: move a part out."
    )
    theme: ThemeId | None = Field(
        description="The theme the items are in (null: they wait), or the one that would stand after a merge."
    )
    label: str | None = Field(description="What it is about.")
    other: ThemeId | None = Field(
        description="The theme the items would go to, or that would be merged; null for a split."
    )
    other_label: str | None = Field(description="What that is about.")
    items: list[ItemId] = Field(description="Items that would move, at most 10 000; none for a merge.")
    evidence: list[Quote] = Field(description="Words of the items, or of both themes, at most 6.")
    score: Share = Field(description="What ranks it within its kind; 1 is surest.")
    margin: Finite | None = Field(
        description="Share of votes of the items' own theme less that of the other; null where no votes decide."
    )
    reason: str = Field(description="Why it is suggested.")
    revision: Revision = Field(description="Theme revision it was last found in.")
    found_at: Moment = Field(description="When it was first found.")


class ThemeSuggestionDeclined(Answer):
    """A suggestion that will not be made again unless its grounds change."""

    id: SuggestionId = Field(description="Public id.")
    kind: SuggestionKind = Field(description="item, merge or split.")
    decided_at: Moment = Field(description="When it was declined.")
    decided_by: str = Field(description="Who declined it.")
    items: Count = Field(description="How many items would have moved.")
