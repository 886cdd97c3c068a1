"""A customer's own words as they are stored: cleaned, then redacted, with every cut counted in one text."""

from collections.abc import Iterator
from dataclasses import dataclass

from models.language.clean import CLEAN_VERSION, Cleaned, CleanNote, clean
from models.language.redact import REDACT_VERSION, Redacted, redact
from models.values.text import Removed

TEXT_VERSION = f"{CLEAN_VERSION} {REDACT_VERSION}"
"""Which rules made a text what it is; stored with every item, and grown with every change of a rule."""


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What is kept of a message; `removed` counts in characters of the plain text (see `Cleaned`), in order."""

    text: str
    removed: tuple[Removed, ...] = ()
    notes: tuple[CleanNote, ...] = ()

    @property
    def is_automatic(self) -> bool:
        """Whether every word of the message is a machine's."""
        return CleanNote.ONLY_AUTOMATIC_TEXT in self.notes


def own_words(text: str, *, html: bool | None = None) -> OwnWords:
    """Cut a message down to its author's own words and take personal data out of them.

    `html=None` leaves it to `is_html`. Never raises; time grows linearly with the length of the text.
    """
    cleaned = clean(text, html=html)
    redacted = redact(cleaned.text)
    cuts = (*cleaned.removed, *_in_plain_text(cleaned, redacted))
    return OwnWords(redacted.text, tuple(sorted(cuts, key=lambda cut: (cut.start, cut.end))), cleaned.notes)


def own_line(text: str, *, limit: int) -> str:
    """Do the same with a single line that is no HTML, such as a subject; `limit` is in characters."""
    return own_words(text, html=False).text[:limit]


def _in_plain_text(cleaned: Cleaned, redacted: Redacted) -> Iterator[Removed]:
    """Move redacted spans from the cleaned text to the plain text, where the other spans count."""
    for span in redacted.removed:
        start, last = cleaned.plain_offset(span.start), cleaned.plain_offset(span.end - 1)
        yield Removed(span.kind, start, last + 1, span.what)
