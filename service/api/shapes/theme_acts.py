"""Acts of people on themes: what they ask for, and what it changed."""

from typing import Annotated

from pydantic import Field

from models.records import ThemeVerb
from service.api.shapes.base import (
    ActId,
    Answer,
    Count,
    ItemId,
    Moment,
    Paging,
    Request,
    Share,
    ShortText,
    ThemeId,
)
from service.api.shapes.themes import LineageEvent, Revision

Name = Annotated[ShortText, Field(pattern=r"\S")]
Example = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]


class ThemeMerge(Request):
    """Take other themes into this one; their ids will lead here."""

    themes: list[ThemeId] = Field(min_length=1, max_length=50, description="Themes to take in, 1 to 50.")


class ThemeSplit(Request):
    """Move items out into a theme of their own."""

    items: list[ItemId] = Field(min_length=1, max_length=10_000, description="Items to move, 1 to 10 000.")
    label: Name | None = Field(default=None, description="Name of the new theme; null: found from its words.")


class ThemeRename(Request):
    """Name a theme; refits keep the name."""

    label: Name = Field(description="What it is about, 1 to 200 characters.")


class ThemePin(Request):
    """Hold a theme together, or let it go."""

    pinned: bool = Field(default=True, description="True: refits neither split nor merge it.")


class ThemeMove(Request):
    """Put items into this theme, whatever votes say."""

    items: list[ItemId] = Field(min_length=1, max_length=10_000, description="Items to move, 1 to 10 000.")


class ThemeDismiss(Request):
    """Call a theme noise: what is like it goes there, and nothing in it counts."""


class ThemeSeedPut(Request):
    """Make a theme that is expected, before there are items."""

    label: Name = Field(description="Its name, 1 to 200 characters; refits keep it.")
    description: str | None = Field(
        default=None, max_length=2000, description="What belongs in it, in a sentence or two."
    )
    examples: list[Example] = Field(
        default=[],
        max_length=50,
        description="What customers might write, at most 50; personal data are redacted.",
    )


class ThemeUndo(Request):
    """Take back the latest act of a person on this theme that stands, or one that is named."""

    revision: Revision | None = Field(
        default=None,
        description="Undo only if this is the revision the act made; null: whatever the latest is.",
    )
    act: ActId | None = Field(default=None, description="The act to take back; null: the latest.")


class ThemeActed(Answer):
    """What an act changed."""

    act: ActId = Field(description="The act, by which it can be undone.")
    theme: ThemeId = Field(description="The theme that stands after it.")
    revision: Revision = Field(description="Theme revision it made.")
    event: LineageEvent = Field(description="The entry it left in the log.")
    created: ThemeId | None = Field(description="The theme that a split or a seed made.")
    moved: Count = Field(description="Items that changed their theme.")
    share_of_theme: Share | None = Field(
        description="Moved items as a share of the theme's items before the act, at most 1; null for an empty theme."
    )


class ThemeActsQuery(Paging):
    """Filters of the log of acts, newest first."""

    theme: ThemeId | None = Field(default=None, description="Only acts that touched this theme.")


class ThemeActAnswer(Answer):
    """One act of a person."""

    id: ActId = Field(description="Public id.")
    verb: ThemeVerb = Field(description="What was done.")
    theme: ThemeId = Field(description="The theme it was done to.")
    others: list[ThemeId] = Field(description="Themes that a merge took in, or that a split made.")
    label: str | None = Field(description="The name it gave.")
    revision: Revision = Field(description="Theme revision it made.")
    actor: str = Field(description="Who did it.")
    at: Moment = Field(description="When.")
    undoes: ActId | None = Field(description="The act that it took back.")
    undone_by: ActId | None = Field(description="The act that took it back; null while it stands.")
