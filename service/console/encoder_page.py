"""The page of the encoder: which one is in use, how far the one is that is tried, and what a switch would move."""

from dataclasses import dataclass
from typing import Final

from models.database import Session
from models.records import ShadowState
from models.settings import Settings
from models.values.encoders import Dtype
from models.values.ids import Prefix, parse_id
from service.console.addresses import theme_address
from service.console.frame import Frame
from service.encoders import EncoderView, ReportView, ShadowView, ThemeFate, read_encoder

SHOWN: Final = 50
"""So many themes of each kind are shown."""

DONE: Final = {
    "begun": "It is being tried. Nothing changes until you switch.",
    "asked": "The switch was asked for: a worker makes it, all at once.",
    "dropped": "It is not tried any more. A worker deletes what it stored.",
}
"""What is said after a form, by the word in the address."""

STATE: Final = {
    ShadowState.RUNNING: "It reads all messages.",
    ShadowState.READY: "It has read all messages.",
    ShadowState.SWITCHING: "A worker makes the switch.",
    ShadowState.DROPPING: "What is not needed any more is being deleted.",
}


@dataclass(frozen=True, slots=True)
class FateRow:
    """A theme of the report; name and other: label and address, the address None for a theme that would be new."""

    name: tuple[str, str | None]
    before: int
    after: int
    other: tuple[str, str | None] | None
    other_items: int


@dataclass(frozen=True, slots=True)
class FateGroup:
    """Themes that meet the same fate; rest: how many more there are than are shown."""

    id: str
    title: str
    lead: str
    heading: str
    rows: tuple[FateRow, ...]
    rest: int


@dataclass(frozen=True, slots=True)
class EncoderPage:
    """All that the page shows.

    needs_word: a switch needs the share accepted by name. least, limit: that share, rounded up, and the limit in per
    cent.
    """

    view: EncoderView
    dtypes: tuple[str, ...]
    says: str | None
    groups: tuple[FateGroup, ...]
    needs_word: bool
    least: float
    limit: float


def read_page(session: Session, frame: Frame, settings: Settings) -> EncoderPage:
    """Read the encoder in use, and the one that is tried."""
    view = read_encoder(session, workspace=frame.workspace, settings=settings)
    shadow = view.shadow
    report = None if shadow is None else shadow.report
    share = 0.0 if report is None else report.report.moved_share
    return EncoderPage(
        view=view,
        dtypes=tuple(map(str, Dtype)),
        says=None if shadow is None else STATE[shadow.state],
        groups=() if report is None or _is_over(shadow) else _groups(report),
        needs_word=share > view.limit,
        least=_rounded_up(share),
        limit=100 * view.limit,
    )


def _is_over(shadow: ShadowView | None) -> bool:
    return shadow is not None and shadow.state is ShadowState.DROPPING


def _rounded_up(share: float) -> float:
    """Return a share in per cent with one decimal, never below it."""
    found = round(100 * share, 1)
    return min(100.0, found if found >= 100 * share else round(found + 0.1, 1))


def _groups(report: ReportView) -> tuple[FateGroup, ...]:
    told = (
        (
            "lost",
            "Themes that nothing matches",
            "They would be retired. Look at where their messages go, and merge or rename afterwards.",
            "Most go to",
            report.lost,
        ),
        (
            "new",
            "Themes that would be new",
            "Nothing that stands today matches them.",
            "Most come from",
            report.new,
        ),
        (
            "changed",
            "Themes that stay and change",
            "They keep their ids and names, and gain or lose messages.",
            "Most of what leaves goes to",
            report.changed,
        ),
    )
    return tuple(
        FateGroup(name, title, lead, heading, tuple(map(_row, rows[:SHOWN])), max(0, len(rows) - SHOWN))
        for name, title, lead, heading, rows in told
        if rows
    )


def _row(fate: ThemeFate) -> FateRow:
    other = _named(fate.other, fate.other_label) if fate.other or fate.other_label else None
    return FateRow(_named(fate.theme, fate.label), fate.before, fate.after, other, fate.other_items)


def _named(theme: str | None, label: str | None) -> tuple[str, str | None]:
    address = None if theme is None else theme_address(parse_id(Prefix.THEME, theme))
    return label or theme or "a theme without a name", address
