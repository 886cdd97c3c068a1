"""What people decided about themes, as it stands: the log of acts, and what refits must obey of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, aliased

from models.errors import NotFound
from models.queries.within import within
from models.records import Theme, ThemeAct, ThemeActItem, ThemeSeed, ThemeState, ThemeVerb
from models.values.ids import Prefix, public_id


@dataclass(frozen=True, slots=True)
class Decided:
    """What refits obey, with themes by their number in the stream.

    pinned: themes that neither merge nor lose items, noise among them. kept: themes that do not merge, because they
    are expected. apart: pairs that a split made. held: item -> the theme it was put in. settled: theme -> items read
    when others were merged into it. seeds: theme -> vectors.
    """

    pinned: frozenset[int]
    kept: frozenset[int]
    apart: frozenset[frozenset[int]]
    held: Mapping[int, int]
    settled: Mapping[int, int]
    seeds: Mapping[int, Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class SeedText:
    """A wording that a person expects in a theme."""

    id: int
    text: str


def standing_acts(session: Session, *, workspace: int) -> list[ThemeAct]:
    """Return the acts that nobody undid, oldest first, without those that undo."""
    query = select(ThemeAct).where(
        ThemeAct.workspace_id == workspace,
        ThemeAct.verb != ThemeVerb.UNDO,
        ThemeAct.id.not_in(_undone(workspace)),
    )
    return list(session.scalars(query.order_by(ThemeAct.id)))


def _undone(workspace: int) -> Select[int | None]:
    undoing = aliased(ThemeAct)
    return select(undoing.undoes_id).where(within(undoing, workspace), undoing.undoes_id.is_not(None))


def list_acts(
    session: Session, *, workspace: int, theme: int | None, before: int | None, limit: int
) -> list[ThemeAct]:
    """Return acts, newest first: all, or those that touched a theme; `before` is the id of the last one seen."""
    query = select(ThemeAct).where(ThemeAct.workspace_id == workspace)
    if before is not None:
        query = query.where(ThemeAct.id < before)
    found = []
    if theme is None:
        query = query.limit(limit)
    for act in session.scalars(query.order_by(ThemeAct.id.desc())):
        if theme is None or touches(act, theme):
            found.append(act)
        if len(found) == limit:
            break
    return found


def undone_by(session: Session, *, workspace: int, acts: Sequence[int]) -> dict[int, int]:
    """Map those of the acts that were undone to the act that undid them."""
    rows = session.execute(
        select(ThemeAct.undoes_id, ThemeAct.id).where(
            ThemeAct.undoes_id.in_(acts), within(ThemeAct, workspace)
        )
    )
    return {undone: act for undone, act in rows if undone is not None}


def get_act(session: Session, *, workspace: int, act: int) -> ThemeAct:
    """Load an act of the workspace."""
    row = session.get(ThemeAct, act)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no act {public_id(Prefix.ACT, act)}.")
    return row


def touches(act: ThemeAct, theme: int) -> bool:
    """Say whether an act was on a theme, or took it in, or made it."""
    return act.theme_id == theme or theme in act.other_ids


def items_of(session: Session, *, workspace: int, act: int) -> dict[int, int | None]:
    """Map the items that an act moved to the theme they were assigned to before."""
    rows = session.execute(
        select(ThemeActItem.item_id, ThemeActItem.from_theme_id).where(
            ThemeActItem.act_id == act, within(ThemeActItem, workspace)
        )
    )
    return {item: theme for item, theme in rows}


def holders(session: Session, *, workspace: int, items: Sequence[int]) -> dict[int, ThemeAct]:
    """Map those of the items that a standing act put where they are to that act."""
    last: dict[int, int] = {}
    for start in range(0, len(items), 500):
        rows = session.execute(
            select(ThemeActItem.item_id, ThemeActItem.act_id)
            .where(
                ThemeActItem.item_id.in_(items[start : start + 500]),
                within(ThemeActItem, workspace),
                ThemeActItem.act_id.not_in(_undone(workspace)),
            )
            .order_by(ThemeActItem.act_id)
        )
        last.update({item: act for item, act in rows})
    wanted = sorted(set(last.values()))
    acts = {
        act.id: act
        for start in range(0, len(wanted), 500)
        for act in session.scalars(
            select(ThemeAct).where(ThemeAct.id.in_(wanted[start : start + 500]), within(ThemeAct, workspace))
        )
    }
    return {item: acts[act] for item, act in last.items() if act in acts}


def decided(session: Session, *, workspace: int, encoder: int) -> Decided:
    """Return what refits must obey today."""
    rows = session.execute(
        select(Theme.id, Theme.number, Theme.state).where(Theme.workspace_id == workspace)
    ).all()
    numbers = {theme: number for theme, number, _ in rows}
    noise = {number for _, number, state in rows if state is ThemeState.DISMISSED}
    acts = standing_acts(session, workspace=workspace)
    settled: dict[int, int] = {}
    for act in acts:
        if act.verb is ThemeVerb.MERGE:
            settled[numbers[act.theme_id]] = act.read
    return Decided(
        pinned=frozenset(noise | {numbers[act.theme_id] for act in acts if act.verb is ThemeVerb.PIN}),
        kept=frozenset(numbers[act.theme_id] for act in acts if act.verb is ThemeVerb.SEED),
        apart=frozenset(
            frozenset((numbers[act.theme_id], numbers[other]))
            for act in acts
            if act.verb is ThemeVerb.SPLIT
            for other in act.other_ids
        ),
        held=_held(session, workspace, acts, numbers),
        settled=settled,
        seeds=_seeds(session, workspace, encoder, numbers),
    )


def _held(
    session: Session, workspace: int, acts: Sequence[ThemeAct], numbers: Mapping[int, int]
) -> dict[int, int]:
    into = {
        act.id: numbers[act.other_ids[0] if act.verb is ThemeVerb.SPLIT else act.theme_id] for act in acts
    }
    rows = session.execute(
        select(ThemeActItem.item_id, ThemeActItem.act_id)
        .where(ThemeActItem.workspace_id == workspace)
        .order_by(ThemeActItem.act_id)
    )
    return {item: into[act] for item, act in rows if act in into}


def _seeds(
    session: Session, workspace: int, encoder: int, numbers: Mapping[int, int]
) -> dict[int, list[bytes]]:
    rows = session.execute(
        select(ThemeSeed.theme_id, ThemeSeed.vector)
        .where(ThemeSeed.workspace_id == workspace, ThemeSeed.encoder_id == encoder)
        .order_by(ThemeSeed.id)
    )
    found: dict[int, list[bytes]] = defaultdict(list)
    for theme, vector in rows:
        if vector is not None:
            found[numbers[theme]].append(vector)
    return dict(found)


def unread_seeds(session: Session, *, workspace: int, encoder: int) -> list[SeedText]:
    """Return the expected wordings that this encoder has not read yet."""
    rows = session.execute(
        select(ThemeSeed.id, ThemeSeed.text)
        .where(
            ThemeSeed.workspace_id == workspace,
            ThemeSeed.encoder_id.is_distinct_from(encoder),
        )
        .order_by(ThemeSeed.id)
    )
    return [SeedText(seed, text) for seed, text in rows]


def seed_texts(session: Session, *, workspace: int) -> list[tuple[int, str]]:
    """Return the expected wordings in order of id, each with the number of its theme."""
    rows = session.execute(
        select(Theme.number, ThemeSeed.text)
        .join(ThemeSeed, ThemeSeed.theme_id == Theme.id)
        .where(Theme.workspace_id == workspace)
        .order_by(ThemeSeed.id)
    )
    return [(number, text) for number, text in rows]


def seed_ids(session: Session, *, workspace: int) -> frozenset[int]:
    """Return which expected wordings there are, read by an encoder or not."""
    return frozenset(session.scalars(select(ThemeSeed.id).where(ThemeSeed.workspace_id == workspace)))


def put_seed_vectors(session: Session, *, workspace: int, encoder: int, vectors: Mapping[int, bytes]) -> None:
    """Store what an encoder made of expected wordings, by the id of the seed."""
    for seed, vector in vectors.items():
        session.execute(
            update(ThemeSeed)
            .where(ThemeSeed.id == seed, ThemeSeed.workspace_id == workspace)
            .values(encoder_id=encoder, vector=vector)
        )
