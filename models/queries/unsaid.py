"""Words that nobody says any more, once a person is erased or a vendor deletes: out of themes' names and links."""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.jobs import Job
from models.queries import search, work
from models.records import FeedbackItem, Link, Theme, ThemeAct, ThemeSeed

REASON = "Some of the complaints that this was proposed from were erased or deleted."
TAKEN = "taken"
"""Under this name a session collects the words that its transaction takes, with the items that said them."""
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
            found |= words_in(subject or "", text)
    return found


def words_in(*texts: str) -> set[str]:
    """Return the words in texts, in lower case."""
    return {word.lower() for text in texts for word in _WORD.findall(text)}


@dataclass(slots=True)
class _Taken:
    words: set[str] = field(default_factory=set)
    items: set[int] = field(default_factory=set)


def take(session: Session, *, item: FeedbackItem) -> None:
    """Note the words of an item that is about to be blanked, for `unsay_taken` at the end of the transaction."""
    taken = session.info.setdefault(TAKEN, _Taken())
    taken.words |= words_in(item.subject or "", item.text)
    taken.items.add(item.id)


def unsay_taken(session: Session, *, workspace: int, now: datetime) -> int:
    """Do for all items that this transaction blanked what `unsay` does; return how many themes lose words.

    Once and last: themes are looked through once, however many items went, and nobody who waits for one of the
    themes is waited for.
    """
    taken = session.info.pop(TAKEN, None)
    if taken is None:
        return 0
    session.flush()
    return unsay(session, workspace=workspace, words=taken.words, items=sorted(taken.items), now=now)


def unsay(session: Session, *, workspace: int, words: Set[str], items: Sequence[int], now: datetime) -> int:
    """Take words that nobody says any more out of names of themes and reasons of links.

    Return how many themes lose some. `items` are those that said them, and are blank by now: links that they back
    keep them as evidence, without words.
    """
    voices = _Voices(session, workspace, words)
    telling = [
        theme.id
        for theme in session.scalars(select(Theme).where(Theme.workspace_id == workspace))
        if voices.gone(*_found_words(theme))
    ]
    if telling:
        # Before the themes: whoever names them holds the work while it writes them.
        work.mark_dirty(session, workspace=workspace, stage=Job.LABEL, subject=workspace, run_at=now)
    for start in range(0, len(telling), _AT_ONCE):
        chosen = Theme.id.in_(telling[start : start + _AT_ONCE]), Theme.workspace_id == workspace
        query = select(Theme).where(*chosen).order_by(Theme.id).with_for_update()
        for theme in session.scalars(query.execution_options(populate_existing=True)):
            _unname(theme, voices)
    _unlink(session, workspace, voices, set(items))
    _forget_examples(session, workspace, voices)
    session.flush()
    return len(telling)


def _unname(theme: Theme, voices: "_Voices") -> None:
    """Take words that are gone out of a theme's name, which is made anew at the next occasion, from what is left."""
    gone = voices.gone(*_found_words(theme))
    if words_in(*_found_words(theme)[:2]) & gone:
        theme.found_label = None
        theme.label = theme.label if theme.named else None
    theme.keywords = [keyword for keyword in theme.keywords if not words_in(keyword) & gone]
    theme.labelled_size = 0


def _found_words(theme: Theme) -> list[str]:
    """Return what a theme says in words found in its items; a name that a person gave is that person's words."""
    return [theme.found_label or "", "" if theme.named else theme.label or "", *theme.keywords]


@dataclass(slots=True)
class _Voices:
    """Which of some words nobody says any more; each is looked up once."""

    session: Session
    workspace: int
    words: Set[str]
    known: dict[str, bool] = field(default_factory=dict)

    def gone(self, *texts: str) -> set[str]:
        """Return the words in texts that nobody says any more."""
        shared = words_in(*texts) & self.words
        for word in shared - self.known.keys():
            self.known[word] = _is_lonely(self.session, self.workspace, word)
        return {word for word in shared if self.known[word]}


def _unlink(session: Session, workspace: int, voices: _Voices, items: Set[int]) -> None:
    told = select(Link.id, Link.reason, Link.evidence).where(Link.workspace_id == workspace)
    telling = [
        link
        for link, reason, evidence in session.execute(told)
        if any(each.get("item") in items for each in evidence) or voices.gone(reason)
    ]
    for start in range(0, len(telling), _AT_ONCE):
        chosen = Link.id.in_(telling[start : start + _AT_ONCE]), Link.workspace_id == workspace
        query = select(Link).where(*chosen).order_by(Link.id).with_for_update()
        for link in session.scalars(query.execution_options(populate_existing=True)):
            link.reason = REASON
            link.evidence = [
                {**each, "shared": []} if each.get("item") in items else each for each in link.evidence
            ]


def _forget_examples(session: Session, workspace: int, voices: _Voices) -> None:
    """Remove examples of themes to come that hold such words: they may have been copied from a ticket.

    The name alone stays, as it does on the theme: what people expect is not forgotten because somebody once said it.
    """
    seeds = select(ThemeSeed, ThemeAct.label).join(ThemeAct, ThemeAct.id == ThemeSeed.act_id)
    for seed, label in session.execute(seeds.where(ThemeSeed.workspace_id == workspace)).all():
        if seed.text != label and voices.gone(seed.text):
            session.delete(seed)


def _is_lonely(session: Session, workspace: int, word: str) -> bool:
    """Say whether no item that still has its text holds the word; the index has lost the erased ones already."""
    says = search.matches(session, workspace=workspace, query=word)
    return session.scalar(select(FeedbackItem.id).where(says).limit(1)) is None
