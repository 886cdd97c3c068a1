"""Why an item is in its theme: what was stored when it was placed, and how its neighbours vote today."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from models.jobs import Job, WorkState
from models.language.events import ThemeSetting
from models.language.why import SEED, Example, Nearby, Why
from models.queries import embeddings, feedback, theme_acts, workspaces
from models.queries.theme_acts import Decided
from models.queries.within import within
from models.records import (
    Arrival,
    Assignment,
    Embedding,
    Encoder,
    JsonObject,
    Theme,
    ThemeAct,
    ThemeSeed,
    Work,
)

MOST_READ = 50_000
"""Items that are compared, the newest to arrive: 38 MB of vectors at 384 dimensions."""

BLOCK = 2_000
QUOTED = 280


@dataclass(frozen=True, slots=True)
class SeedNear:
    """The wording a person expects in the item's theme that is nearest to the item."""

    text: str
    cosine: float


@dataclass(frozen=True, slots=True)
class WhyHere:
    """Why an item is where it is; themes by id, redirects followed.

    theme: None while it waits. placed_share: the share of votes (0 to 1) it entered by; 1 for a copy of a wording
    that was there, and for what a person put there. act: the act of a person that holds it. seed: the expected
    wording that speaks for it, None where votes do. votes: None before its vector was read. rival: the id of the
    strongest other theme. compared, arrived: how many items were compared, of how many there are.
    """

    item: int
    theme: int | None
    placed_share: float | None
    act: ThemeAct | None
    seed: SeedNear | None
    votes: Why | None
    rival: int | None
    compared: int
    arrived: int


def why_here(session: Session, *, workspace: int, item: int, most: int = MOST_READ) -> WhyHere:
    """Explain where an item is; raise `NotFound` for an item that is not there.

    At most `most` items are compared, those that arrived last, in blocks of bounded memory.
    """
    feedback.get_item(session, workspace=workspace, item=item)
    theme, score = _placed(session, workspace, item)
    act = theme_acts.holders(session, workspace=workspace, items=[item]).get(item)
    arrived = _arrived(session, workspace)
    encoder = workspaces.encoder_of(session, workspace=workspace)
    vector = None
    if encoder is not None:
        vector = embeddings.current(session, workspace=workspace, items=[item], encoder=encoder.id).get(item)
    if encoder is None or vector is None:
        return WhyHere(item, theme, score, act, None, None, None, 0, arrived)
    ids = _standing(session, workspace)
    decided = theme_acts.decided(session, workspace=workspace, encoder=encoder.id)
    nearby = Nearby(
        embeddings.unpack([vector], encoder.dimension)[0],
        item,
        alone=item in decided.held,
        copy_cosine=ThemeSetting().copy_cosine,
    )
    compared = _read_all(session, workspace, encoder, nearby, decided, ids, most)
    votes = nearby.why(theme or 0, neighbours=ThemeSetting().neighbours)
    seed = None
    if act is None and theme is not None:
        seed = _seed_near(session, workspace, encoder, theme, vector, votes)
    return WhyHere(item, theme, score, act, seed, votes, votes.rival or None, compared, arrived)


def _placed(session: Session, workspace: int, item: int) -> tuple[int | None, float | None]:
    found = session.execute(
        select(func.coalesce(Theme.redirect_id, Theme.id), Assignment.score)
        .join(Theme, Theme.id == Assignment.theme_id)
        .where(Assignment.item_id == item, within(Assignment, workspace), Assignment.until_revision.is_(None))
    ).one_or_none()
    return (None, None) if found is None else (found[0], found[1])


def _arrived(session: Session, workspace: int) -> int:
    query = select(func.count()).select_from(Arrival).where(Arrival.workspace_id == workspace)
    return session.scalar(query) or 0


def _standing(session: Session, workspace: int) -> dict[int, int]:
    """Map numbers of the stream to the id of the theme that stands for them; 0 is waiting in both."""
    rows = session.execute(
        select(Theme.number, func.coalesce(Theme.redirect_id, Theme.id)).where(
            Theme.workspace_id == workspace
        )
    )
    return {0: 0, **{number: theme for number, theme in rows}}


def _read_all(
    session: Session,
    workspace: int,
    encoder: Encoder,
    nearby: Nearby,
    decided: Decided,
    ids: Mapping[int, int],
    most: int,
) -> int:
    """Show the seeds and then the items to `nearby`, in the stream's order; return how many items that were."""
    for number, packed in sorted(decided.seeds.items()):
        many = len(packed)
        nearby.read(
            np.full(many, SEED),
            np.full(many, ids[number]),
            embeddings.unpack(packed, encoder.dimension),
            np.ones(many, dtype=bool),
        )
    count = 0
    for block in _blocks(session, workspace, encoder.id, most):
        nearby.read(
            np.array([row[0] for row in block], dtype=np.int64),
            np.array([ids[row[1]] for row in block], dtype=np.int64),
            embeddings.unpack([row[2] for row in block], encoder.dimension),
            np.array([row[0] in decided.held for row in block], dtype=bool),
        )
        count += len(block)
    return count


def _blocks(
    session: Session, workspace: int, encoder: int, most: int
) -> Iterator[list[tuple[int, int, bytes]]]:
    """Yield (item, number of its theme, vector) of the last `most` arrivals, first come first."""
    start = session.scalar(
        select(Arrival.position)
        .where(Arrival.workspace_id == workspace)
        .order_by(Arrival.position.desc())
        .offset(most - 1)
        .limit(1)
    )
    after = -1 if start is None else start - 1
    waiting = exists().where(
        Work.stage == Job.PLACE, Work.subject == Arrival.item_id, Work.state != WorkState.DONE
    )
    while True:
        rows = session.execute(
            select(Arrival.item_id, Arrival.theme_number, Embedding.vector, Arrival.position)
            .join(Embedding, (Embedding.item_id == Arrival.item_id) & (Embedding.encoder_id == encoder))
            .where(
                Arrival.workspace_id == workspace,
                Arrival.released.is_(False),
                Arrival.position > after,
                ~waiting,
            )
            .order_by(Arrival.position)
            .limit(BLOCK)
        ).all()
        if not rows:
            return
        yield [(item, number, vector) for item, number, vector, _ in rows]
        after = rows[-1][3]


def _seed_near(
    session: Session, workspace: int, encoder: Encoder, theme: int, vector: bytes, votes: Why
) -> SeedNear | None:
    """Return the seed that speaks for an item: close enough to let it in, and no member is closer."""
    rows = session.execute(
        select(ThemeSeed.text, ThemeSeed.vector)
        .join(Theme, Theme.id == ThemeSeed.theme_id)
        .where(
            (ThemeSeed.theme_id == theme) | (Theme.redirect_id == theme),
            within(ThemeSeed, workspace),
            ThemeSeed.encoder_id == encoder.id,
            ThemeSeed.vector.is_not(None),
        )
        .order_by(ThemeSeed.id)
    )
    own = embeddings.unpack([vector], encoder.dimension)[0]
    texts = {text: packed for text, packed in rows if packed is not None}
    if not texts:
        return None
    cosine = embeddings.unpack(list(texts.values()), encoder.dimension) @ own
    best = int(cosine.argmax())
    nearest = max((each.cosine for each in votes.members if each.item != SEED), default=-1.0)
    if cosine[best] < max(ThemeSetting().seed_cosine, nearest):
        return None
    return SeedNear(list(texts)[best], float(cosine[best]))


def examples_of(found: Sequence[Example], most: int) -> list[Example]:
    """Return the items among examples, at most `most`: a seed is no item."""
    return [each for each in found if each.item != SEED][:most]


def beginnings(session: Session, *, workspace: int, items: Sequence[int]) -> dict[int, JsonObject]:
    """Map items to the span of the beginning of their text, at most `QUOTED` characters, cut at a blank."""
    found: dict[int, JsonObject] = {}
    for row in feedback.load_items(session, workspace=workspace, items=items):
        end = len(row.text)
        if end > QUOTED:
            blank = row.text.rfind(" ", QUOTED // 2, QUOTED)
            end = blank if blank > 0 else QUOTED
        found[row.id] = {"item": row.id, "start": 0, "end": end}
    return found
