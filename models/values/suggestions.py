"""Kinds of corrections of themes that are suggested to curators."""

from enum import StrEnum


class SuggestionKind(StrEnum):
    """What a suggestion asks a person to do."""

    ITEM = "item"
    """Move items on a border to the other theme."""
    MERGE = "merge"
    """Let one theme stand for two."""
    SPLIT = "split"
    """Move a part of a theme into one of its own."""
