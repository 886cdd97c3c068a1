"""The page that says why a message is in its theme."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.database import Session
from models.language.why import Example
from models.queries import feedback, impact, overview, theme_why
from models.values.ids import Prefix, public_id
from service.console.addresses import theme_address, ticket_address
from service.console.frame import Frame
from service.console.verdict_card import QuoteRow, quote_row
from service.console.verdict_row import label_of
from service.why import MEMBERS, RIVALS, percent, points, say_why


@dataclass(frozen=True, slots=True)
class VotedTheme:
    """A theme with its share of the votes and its members nearest to the message: quote and cosine, as written."""

    label: str
    address: str
    share: str
    percent: int
    examples: tuple[tuple[QuoteRow, str], ...]


@dataclass(frozen=True, slots=True)
class WhyPage:
    """All that the page shows; margin: in words, None where there are no votes."""

    id: str
    external_id: str
    address: str
    text: str
    sentence: str
    theme: VotedTheme | None
    rival: VotedTheme | None
    margin: str | None
    placed_share: str | None
    seed: str | None
    held: bool
    compared: int
    arrived: int


def read_why(session: Session, frame: Frame, *, item: int) -> WhyPage:
    """Read why a message is where it is; raise `NotFound` for one that is not there."""
    row = feedback.get_item(session, workspace=frame.workspace, item=item)
    found = theme_why.why_here(session, workspace=frame.workspace, item=item)
    labels = overview.theme_labels(session, workspace=frame.workspace)
    votes = found.votes
    own = rival = None
    if votes is not None and found.theme is not None:
        own = _voted(session, frame, labels, found.theme, votes.share, votes.members, MEMBERS)
    if votes is not None and found.rival is not None:
        rival = _voted(session, frame, labels, found.rival, votes.rival_share, votes.rivals, RIVALS)
    return WhyPage(
        id=public_id(Prefix.ITEM, item),
        external_id=row.external_id,
        address=ticket_address(item),
        text=row.text,
        sentence=say_why(found, labels),
        theme=own,
        rival=rival,
        margin=points(votes.margin) if votes is not None and found.theme is not None else None,
        placed_share=None if found.placed_share is None else percent(found.placed_share),
        seed=None if found.seed is None else found.seed.text,
        held=found.act is not None,
        compared=found.compared,
        arrived=found.arrived,
    )


def _voted(
    session: Session,
    frame: Frame,
    labels: dict[int, str | None],
    theme: int,
    share: float,
    examples: Sequence[Example],
    most: int,
) -> VotedTheme:
    cosine = {each.item: each.cosine for each in theme_why.examples_of(examples, most)}
    spans = theme_why.beginnings(session, workspace=frame.workspace, items=list(cosine))
    wanted = [spans[item] for item in cosine if item in spans]
    quotes = impact.read_quotes(session, workspace=frame.workspace, spans=wanted)
    return VotedTheme(
        label=label_of(labels, theme),
        address=theme_address(theme),
        share=percent(share),
        percent=round(100 * share),
        examples=tuple((quote_row(frame, quote), f"{cosine[quote.item]:.2f}") for quote in quotes),
    )
