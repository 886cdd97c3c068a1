"""What a change of encoder would move: the report a person reads before it is made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What becomes of a theme under another encoder."""

    MATCHED = "matched"
    """It keeps its id and its name: at least half of the items of both are the same, or people hold it."""
    NEW = "new"
    """Nothing that stands today matches it."""
    LOST = "lost"
    """Nothing under the new encoder matches it; what becomes of it is for a person to look at."""


@dataclass(frozen=True, slots=True)
class ThemeMove:
    """What becomes of one theme, in items.

    number: in the live stream; of a new theme the one it would get. stayed: in it before and afterwards. other:
    number of the theme where most of what leaves goes, of a new theme where most came from; 0: to or from waiting,
    None: no item. label: of a new theme the name found in its words.
    """

    number: int
    fate: Fate
    before: int
    after: int
    stayed: int
    complaints_before: int
    complaints_after: int
    other: int | None
    other_items: int
    label: str | None = None


@dataclass(frozen=True, slots=True)
class MoveReport:
    """What a switch would change, counted in items that both encoders read.

    revision, live_version: the theme revision, and the state of the live stream, compared with. unread: items without
    text or of other languages, which stay where they are. waiting: items without a theme. complaints: items of that
    kind, whether they are counted or follow another.
    """

    revision: int
    live_version: int
    items: int
    complaints: int
    unread: int
    moved_items: int
    moved_complaints: int
    waiting_before: int
    waiting_after: int
    themes: tuple[ThemeMove, ...]

    @property
    def items_share(self) -> float:
        """The share of items whose theme would be another."""
        return self.moved_items / self.items if self.items else 0.0

    @property
    def complaints_share(self) -> float:
        """The share of complaints whose theme would be another."""
        return self.moved_complaints / self.complaints if self.complaints else 0.0

    @property
    def moved_share(self) -> float:
        """The share that the limit is held against: the larger one."""
        return max(self.items_share, self.complaints_share)

    def of(self, fate: Fate) -> tuple[ThemeMove, ...]:
        """Return the themes of one fate, the largest first."""
        found = [each for each in self.themes if each.fate is fate]
        return tuple(sorted(found, key=lambda each: (-max(each.before, each.after), each.number)))

    def to_json(self) -> dict[str, object]:
        """Write the report as one JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> "MoveReport":
        """Read what `to_json` wrote; a missing or surplus name raises TypeError."""
        rest = dict(values)
        rows = rest.pop("themes")
        assert isinstance(rows, list)
        found = tuple(ThemeMove(**{**row, "fate": Fate(row["fate"])}) for row in rows)
        return cls(**rest, themes=found)  # type: ignore[arg-type]
