"""The page of what waits for a curator: items on a border, themes that may be one, themes that may be two."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from models.database import Session
from models.queries import impact, overview, theme_suggestions
from models.queries.theme_suggestions import Waiting
from models.values.ids import Prefix, public_id
from models.values.suggestions import SuggestionKind
from service.console.addresses import theme_address
from service.console.frame import Frame
from service.console.verdict_card import QuoteRow, quote_row
from service.console.verdict_row import label_of
from service.why import points

DONE: Final[Mapping[str, str]] = {
    "accepted": "Done, as your own act. The worker counts anew and looks again.",
    "declined": "Left as it is. It is not suggested again unless its grounds change.",
}
"""What is said after a decision, by the word in the address."""

_TITLE: Final[Mapping[SuggestionKind, tuple[str, str]]] = {
    SuggestionKind.ITEM: (
        "Messages on a border",
        "Their neighbours vote for two themes almost equally, or they wait for a theme for long.",
    ),
    SuggestionKind.MERGE: ("Themes that may be one", "Close enough to ask, and short of what refits merge."),
    SuggestionKind.SPLIT: ("Themes that may be two", "Refits do not split a theme: a person does."),
}


@dataclass(frozen=True, slots=True)
class SuggestionRow:
    """A suggestion as the page shows it; margin: in words, None where no votes decide.

    theme, other: label and address; None where items wait, or where there is no other. yes: what accepting does.
    quotes: of a merge those of `theme`, the other's stand in `other_quotes`.
    """

    id: str
    theme: tuple[str, str] | None
    other: tuple[str, str] | None
    items: int
    margin: str | None
    reason: str
    quotes: tuple[QuoteRow, ...]
    other_quotes: tuple[QuoteRow, ...]
    yes: str


@dataclass(frozen=True, slots=True)
class SuggestionGroup:
    """The suggestions of a kind, the best first."""

    kind: str
    title: str
    lead: str
    rows: tuple[SuggestionRow, ...]


@dataclass(frozen=True, slots=True)
class InboxPage:
    """All that the page shows; groups without a suggestion are left out."""

    total: int
    groups: tuple[SuggestionGroup, ...]


def read_inbox(session: Session, frame: Frame) -> InboxPage:
    """Read the suggestions that wait."""
    rows = theme_suggestions.list_suggestions(session, workspace=frame.workspace)
    labels = overview.theme_labels(session, workspace=frame.workspace)
    groups = []
    for kind in (SuggestionKind.MERGE, SuggestionKind.SPLIT, SuggestionKind.ITEM):
        shown = tuple(_row(session, frame, row, labels) for row in rows if row.kind is kind)
        if shown:
            groups.append(SuggestionGroup(kind.value, *_TITLE[kind], shown))
    return InboxPage(len(rows), tuple(groups))


def _row(session: Session, frame: Frame, row: Waiting, labels: dict[int, str | None]) -> SuggestionRow:
    spans = theme_suggestions.evidence_spans(session, workspace=frame.workspace, suggestion=row)
    quotes = [
        (quote.item, quote_row(frame, quote))
        for quote in impact.read_quotes(session, workspace=frame.workspace, spans=spans)
    ]
    theirs: tuple[QuoteRow, ...] = ()
    if row.kind is SuggestionKind.MERGE and row.other_theme_id is not None:
        part = theme_suggestions.quoted_of(session, workspace=frame.workspace, theme=row.other_theme_id)
        theirs = tuple(quote for item, quote in quotes if item in part)
        quotes = [(item, quote) for item, quote in quotes if item not in part]
    return SuggestionRow(
        id=public_id(Prefix.SUGGESTION, row.id),
        theme=_theme(row.theme_id, labels),
        other=_theme(row.other_theme_id, labels),
        items=len(row.item_ids),
        margin=_margin(row),
        reason=row.reason,
        quotes=tuple(quote for _, quote in quotes),
        other_quotes=theirs,
        yes={
            SuggestionKind.ITEM: "Move" if row.theme_id is not None else "Put it there",
            SuggestionKind.MERGE: "Merge",
            SuggestionKind.SPLIT: "Split",
        }[row.kind],
    )


def _theme(theme: int | None, labels: dict[int, str | None]) -> tuple[str, str] | None:
    return None if theme is None else (label_of(labels, theme), theme_address(theme))


def _margin(row: Waiting) -> str | None:
    """Say which theme leads, and by how much."""
    if row.margin is None or row.theme_id is None:
        return None
    if round(100 * row.margin) == 0:
        return "as many votes for either"
    leads = "its theme leads" if row.margin > 0 else "the other leads"
    return f"{leads} by {points(abs(row.margin))}"
