"""Words that nobody says any more once a person is erased: out of names of themes and reasons of links."""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.jobs import Job
from models.queries import search, work
from models.records import FeedbackItem, Link, Theme, ThemeSeed

REASON = "Some of the complaints that this was proposed from were erased."
_WORD = re.compile(r"\w+")
_AT_ONCE = 500


def words_of(session: Session, *, workspace: int, items: Sequence[int]) -> set[str]:
    """Return the words of items' texts and subjects, in lower case."""
    found: set[str] = set()
    for start in range(0, len(items), _AT_ONCE):
        rows = session.execute(
            select(FeedbackItem.subject, FeedbackItem.text).where(
                FeedbackItem.id.in_(items[start : start + _AT_ONCE]), FeedbackItem.workspace_id == workspace
            )
        )
        for subject, text in rows:
            found |= _split(subject or "", text)
    return found


def _split(*texts: str) -> set[str]:
    return {word.lower() for text in texts for word in _WORD.findall(text)}


def unsay(session: Session, *, workspace: int, words: Set[str], items: Sequence[int], now: datetime) -> int:
    """Take words that nobody says any more out of names of themes and reasons of links.

    Return how many themes lose some. `items` are those that said them, and are blank by now: links that they back
    keep them as evidence, without words.
    """
    voices = _Voices(session, workspace, words)
    changed = 0
    for theme in session.scalars(select(Theme).where(Theme.workspace_id == workspace)):
        # A name that a person gave is that person's words.
        labels = [theme.found_label or "", "" if theme.named else theme.label or ""]
        keywords = list(theme.keywords)
        gone = voices.gone(*labels, *keywords)
        if not gone:
            continue
        if _split(*labels) & gone:
            theme.found_label = None
            theme.label = theme.label if theme.named else None
        theme.keywords = [keyword for keyword in keywords if not _split(keyword) & gone]
        # Named anew at the next occasion, from what is left.
        theme.labelled_size = 0
        changed += 1
    if changed:
        work.mark_dirty(session, workspace=workspace, stage=Job.LABEL, subject=workspace, run_at=now)
    _unlink(session, workspace, voices, set(items))
    _forget_examples(session, workspace, voices)
    session.flush()
    return changed


@dataclass(slots=True)
class _Voices:
    """Which of some words nobody says any more; each is looked up once."""

    session: Session
    workspace: int
    words: Set[str]
    known: dict[str, bool] = field(default_factory=dict)

    def gone(self, *texts: str) -> set[str]:
        """Return the words in texts that nobody says any more."""
        shared = _split(*texts) & self.words
        for word in shared - self.known.keys():
            self.known[word] = _is_lonely(self.session, self.workspace, word)
        return {word for word in shared if self.known[word]}


def _unlink(session: Session, workspace: int, voices: _Voices, items: Set[int]) -> None:
    for link in session.scalars(select(Link).where(Link.workspace_id == workspace)):
        is_backed = any(each.get("item") in items for each in link.evidence)
        if is_backed:
            link.evidence = [
                {**each, "shared": []} if each.get("item") in items else each for each in link.evidence
            ]
        if is_backed or voices.gone(link.reason):
            link.reason = REASON


def _forget_examples(session: Session, workspace: int, voices: _Voices) -> None:
    """Remove examples of themes to come that hold such words: they may have been copied from a ticket."""
    for seed in session.scalars(select(ThemeSeed).where(ThemeSeed.workspace_id == workspace)):
        if voices.gone(seed.text):
            session.delete(seed)


def _is_lonely(session: Session, workspace: int, word: str) -> bool:
    """Say whether no item that still has its text holds the word; the index has lost the erased ones already."""
    says = search.matches(session, workspace=workspace, query=word)
    return session.scalar(select(FeedbackItem.id).where(says).limit(1)) is None
