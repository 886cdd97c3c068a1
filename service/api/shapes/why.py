"""Why an item is in its theme."""

from typing import Annotated

from pydantic import Field

from service.api.shapes.base import ActId, Answer, Count, Finite, ItemId, Share, ThemeId
from service.api.shapes.themes import Quote

Cosine = Annotated[float, Field(ge=-1, le=1)]


class Exemplar(Answer):
    """A member of a theme near the item, in its own words."""

    quote: Quote = Field(description="The beginning of its text, letter for letter.")
    cosine: Cosine = Field(description="Cosine of its vector to the item's, from -1 to 1.")


class VotedTheme(Answer):
    """A theme with what the item's neighbours say of it today."""

    theme: ThemeId = Field(description="The theme.")
    label: str | None = Field(description="What it is about.")
    share: Share | None = Field(
        description="Its part of the votes of the item's nearest neighbours; null before they were compared."
    )
    exemplars: list[Exemplar] = Field(description="Its members nearest to the item, nearest first.")


class SeedNear(Answer):
    """A wording that a person expects in the theme."""

    text: str = Field(description="The wording.")
    cosine: Cosine = Field(description="Cosine of its vector to the item's, from -1 to 1.")


class FeedbackWhy(Answer):
    """Why an item is in its theme."""

    item: ItemId = Field(description="The item.")
    sentence: str = Field(description="The whole of it in a sentence or two.")
    theme: VotedTheme | None = Field(
        description="Its theme with at most 5 exemplars; null while it waits for one."
    )
    placed_share: Share | None = Field(
        description="Share of the votes it was placed by; 1 for a copy of a wording that was there, and for what a "
        "person put there; null while it waits."
    )
    runner_up: VotedTheme | None = Field(
        description="The strongest other theme with at most 3 exemplars; null if no neighbour is in another."
    )
    margin: Finite | None = Field(
        description="Share of its own theme less that of the runner-up, from -1 to 1; below 0 the runner-up leads."
    )
    act: ActId | None = Field(description="The act of a person that put it there and holds it.")
    actor: str | None = Field(description="Who that was.")
    seed: SeedNear | None = Field(description="The expected wording that speaks for it in place of votes.")
    compared: Count = Field(description="Items that were compared with it: the newest, at most 50 000.")
    arrived: Count = Field(description="Items there are to compare with.")
