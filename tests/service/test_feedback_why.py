"""Why an item is in its theme, over HTTP: its numbers are recounted here by plain loops over all stored vectors."""

import numpy as np
import pytest
from sqlalchemy import select

from models.queries import embeddings, theme_why
from models.records import Arrival, Embedding, Encoder, Theme, ThemeActItem
from tests.service.correcting import BOTH, FED, Correcting


class Stored:
    """All vectors of a workspace with the standing theme of each item, in order of arrival."""

    def __init__(self, desk: Correcting) -> None:
        with desk.database.read(workspace=desk.workspace) as session:
            dimension = session.scalars(select(Encoder.dimension)).one()
            rows = session.execute(
                select(Arrival.item_id, Arrival.theme_number, Embedding.vector)
                .join(Embedding, Embedding.item_id == Arrival.item_id)
                .order_by(Arrival.position)
            ).all()
            ids = {row.number: row.redirect_id or row.id for row in session.scalars(select(Theme))} | {0: 0}
            self.held = set(session.scalars(select(ThemeActItem.item_id)))
        self.items = [row[0] for row in rows]
        self.themes = {row[0]: ids[row[1]] for row in rows}
        vectors = embeddings.unpack([row[2] for row in rows], dimension).astype(np.float64)
        self.vectors = dict(zip(self.items, vectors, strict=True))

    def wordings(self) -> list[int]:
        """The items that stand for themselves: no earlier one is within .98, or a person put them somewhere."""
        heads: list[int] = []
        for item in self.items:
            near = [h for h in heads if h not in self.held and self.cosine(item, h) >= 0.98]
            if item in self.held or not near:
                heads.append(item)
        return heads

    def cosine(self, one: int, other: int) -> float:
        return round(float(self.vectors[one] @ self.vectors[other]), 7)

    def votes(self, item: int) -> dict[int, float]:
        """Share of the votes for each theme, waiting neighbours in the total."""
        heads = self.wordings()
        others = [
            head
            for head in heads
            if head != item and (item in self.held or head in self.held or self.cosine(item, head) < 0.98)
        ]
        length = min(15, max(4, len(heads) // 12))
        nearest = sorted(others, key=lambda head: -self.cosine(item, head))[:length]
        weights = {head: max(self.cosine(item, head), 0.0) ** 8 for head in nearest}
        total = sum(weights.values())
        found: dict[int, float] = {}
        for head, weight in weights.items():
            found[self.themes[head]] = found.get(self.themes[head], 0.0) + weight / total
        found.pop(0, None)
        return found


def test_the_numbers_are_those_of_a_recount(desk: Correcting) -> None:
    desk.divide()
    stored = Stored(desk)
    contested = 0
    for item in stored.items[::7]:
        why = desk.get(f"feedback/fb_{item}/why")
        votes = stored.votes(item)
        theme = stored.themes[item]
        others = {other: share for other, share in votes.items() if other != theme}
        best = max(others.values(), default=0.0)
        if theme:
            assert why["theme"]["theme"] == f"th_{theme}"
            assert why["theme"]["share"] == pytest.approx(votes.get(theme, 0.0), abs=1e-6)
            assert why["margin"] == pytest.approx(votes.get(theme, 0.0) - best, abs=1e-6)
        else:
            assert (why["theme"], why["margin"], why["placed_share"]) == (None, None, None)
        if others:
            contested += 1
            rival = int(why["runner_up"]["theme"][3:])
            assert why["runner_up"]["share"] == pytest.approx(best, abs=1e-6)
            assert others[rival] == pytest.approx(best, abs=1e-6)
        else:
            assert why["runner_up"] is None
        assert (why["compared"], why["arrived"]) == (FED, FED)
    assert contested


def test_examples_are_the_nearest_wordings_of_the_theme_letter_for_letter(desk: Correcting) -> None:
    stored = Stored(desk)
    item = desk.items_in(desk.themes()[0])[0]
    why = desk.get(f"feedback/fb_{item}/why")
    inside = [
        head
        for head in stored.wordings()
        if stored.themes[head] == stored.themes[item] and stored.cosine(item, head) < 0.98
    ]
    nearest = sorted((stored.cosine(item, head) for head in inside), reverse=True)[:5]
    assert [each["cosine"] for each in why["theme"]["exemplars"]] == pytest.approx(nearest)
    for each in [*why["theme"]["exemplars"], *(why["runner_up"] or {"exemplars": []})["exemplars"]]:
        quote = each["quote"]
        text = desk.get(f"feedback/{quote['item']}")["text"]
        assert quote["text"] == text[quote["start"] : quote["end"]]
        assert quote["item"] != f"fb_{item}"
    assert str(desk.row(stored.themes[item]).label) in why["sentence"]
    assert f"{why['theme']['share']:.0%}" in why["sentence"]


@BOTH
def test_who_put_it_there_is_said(empty_desk: Correcting) -> None:
    desk = empty_desk
    desk.feed(FED)
    home, target = desk.themes()[:2]
    item = desk.items_in(home)[0]
    before = desk.get(f"feedback/fb_{item}/why")
    assert (before["act"], before["actor"]) == (None, None)
    done = desk.act(target, "move", {"items": [f"fb_{item}"]})
    why = desk.get(f"feedback/fb_{item}/why")
    assert (why["act"], why["theme"]["theme"], why["placed_share"]) == (done["act"], f"th_{target}", 1.0)
    assert f"because {why['actor']} put it there on" in why["sentence"]
    assert why["runner_up"]["theme"] == f"th_{home}"
    assert why["margin"] < 0
    assert why["theme"]["share"] == pytest.approx(Stored(desk).votes(item).get(target, 0.0), abs=1e-6)


def test_a_seed_that_speaks_for_an_item_is_named(empty_desk: Correcting) -> None:
    desk = empty_desk
    wording = "The invoice charges the card twice and the tax is wrong"
    done = desk.post("themes", {"label": "Double charges", "examples": [wording]}, status=201)
    desk.feed(60)
    theme = int(done["created"][3:])
    inside = desk.items_in(theme)
    seeds = [why["seed"] for item in inside if (why := desk.get(f"feedback/fb_{item}/why"))["seed"]]
    assert seeds
    assert {each["text"] for each in seeds} <= {wording, "Double charges"}
    assert min(each["cosine"] for each in seeds) >= 0.55


def test_only_the_newest_are_compared_where_there_are_too_many(desk: Correcting) -> None:
    item = desk.items_in(desk.themes()[0])[0]
    with desk.database.read(workspace=desk.workspace) as session:
        found = theme_why.why_here(session, workspace=desk.workspace, item=item, most=50)
        whole = theme_why.why_here(session, workspace=desk.workspace, item=item)
        newest = set(session.scalars(select(Arrival.item_id).order_by(Arrival.position.desc()).limit(50)))
    assert (found.compared, found.arrived, whole.compared) == (50, FED, FED)
    assert found.votes is not None
    assert {each.item for each in (*found.votes.members, *found.votes.rivals)} <= newest


def test_an_item_that_nobody_compared_yet_says_so(desk: Correcting) -> None:
    desk.get("feedback/fb_999999/why", status=404)
    with desk.database.write(workspace=desk.workspace) as session:
        item = desk.items_in(desk.themes()[0])[0]
        session.delete(session.scalars(select(Embedding).where(Embedding.item_id == item)).one())
    why = desk.get(f"feedback/fb_{item}/why")
    assert (why["theme"]["share"], why["margin"], why["runner_up"]) == (None, None, None)
    assert why["placed_share"] is not None
    assert "cannot be counted again" in why["sentence"]
