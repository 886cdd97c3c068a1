"""From rows to answers: what several routers shape alike."""

from collections.abc import Mapping, Sequence

from models.database import Session
from models.language.why import Example
from models.queries import groups, overview, theme_why
from models.queries import impact as impact_queries
from models.queries import links as link_queries
from models.queries.access import Caller
from models.queries.theme_why import WhyHere
from models.records import FeedbackItem as ItemRow
from models.records import Link, LinkState, Release
from models.values.feedback import Rating, RatingKind, Status
from models.values.ids import Prefix, parse_id, public_id
from models.values.roles import Permission
from models.values.text import RemovedKind, reason_of
from service.api.aggregates import Veil
from service.api.shapes import words
from service.api.shapes.feedback import FeedbackDetail, FeedbackItem, RatingAnswer, RemovedSpan
from service.api.shapes.links import LinkAnswer
from service.api.shapes.themes import Quote
from service.api.shapes.why import Exemplar, FeedbackWhy, SeedNear, VotedTheme
from service.why import MEMBERS, RIVALS, say_why


def veil_of(session: Session, *, caller: Caller, least: int, theme: int | None = None) -> Veil | None:
    """Return what hides small groups from a caller who may see aggregates only; None for one who may read tickets.

    `least` is the setting `least_group`; with `theme`, the veil knows of that theme alone.
    """
    if caller.may(Permission.READ_TICKETS):
        return None
    people = groups.people_by_theme(session, workspace=caller.workspace_id, theme=theme)
    return Veil(least, people)


def item_answer(row: ItemRow, theme: int | None) -> FeedbackItem:
    """Shape a feedback item."""
    return FeedbackItem(
        id=public_id(Prefix.ITEM, row.id),
        source=public_id(Prefix.SOURCE, row.source_id),
        external_id=row.external_id,
        message_id=row.message_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        status=Status(row.status) if row.status else None,
        subject=row.subject,
        text=row.text,
        author_role=row.author_role,
        reported_by_agent=row.reported_by_agent,
        kind=row.kind,
        counted=row.counted,
        merged_into=row.merged_into,
        account_id=row.account_key,
        plan=row.plan,
        tags=row.tags,
        product_area=row.product_area,
        rating=_rating(row),
        excluded_by=row.excluded_by,
        language=row.language,
        theme_id=public_id(Prefix.THEME, theme) if theme else None,
    )


def detail_answer(row: ItemRow, theme: int | None, *, why: str, votes: int) -> FeedbackDetail:
    """Shape a feedback item with what was decided about it and why."""
    return FeedbackDetail(
        **item_answer(row, theme).model_dump(),
        counted_why=why,
        kind_why=row.kind_why,
        removed=[_removed(span) for span in row.removed],
        text_version=row.text_version,
        votes=votes,
    )


def _removed(span: Mapping[str, object]) -> RemovedSpan:
    kind, what = RemovedKind(str(span["kind"])), str(span.get("what", ""))
    return RemovedSpan(
        kind=kind,
        what=what,
        start=int(str(span["start"])),
        end=int(str(span["end"])),
        reason=reason_of(kind, what),
    )


def _rating(row: ItemRow) -> RatingAnswer | None:
    if row.rating is None:
        return None
    value, low, high = (float(str(row.rating[name])) for name in ("value", "scale_min", "scale_max"))
    rating = Rating(value, low, high, RatingKind(str(row.rating["kind"])))
    return RatingAnswer.model_validate(rating)


def quote_answers(session: Session, *, workspace: int, spans: Sequence[Mapping[str, object]]) -> list[Quote]:
    """Cut quotes out of the stored texts; those of erased items are left out."""
    found = impact_queries.read_quotes(session, workspace=workspace, spans=[dict(span) for span in spans])
    return [
        Quote(
            item=public_id(Prefix.ITEM, quote.item),
            text=quote.text,
            start=quote.start,
            end=quote.end,
            created_at=quote.created_at,
            plan=quote.plan,
        )
        for quote in found
    ]


def exemplar_answers(
    session: Session, *, workspace: int, examples: Sequence[Example], most: int
) -> list[Exemplar]:
    """Quote the items among examples, at most `most`; those of erased items are left out."""
    cosine = {each.item: each.cosine for each in theme_why.examples_of(examples, most)}
    spans = theme_why.beginnings(session, workspace=workspace, items=list(cosine))
    quotes = quote_answers(
        session, workspace=workspace, spans=[spans[item] for item in cosine if item in spans]
    )
    return [
        Exemplar(quote=quote, cosine=max(-1.0, min(1.0, cosine[parse_id(Prefix.ITEM, quote.item)])))
        for quote in quotes
    ]


def why_answer(session: Session, found: WhyHere, *, workspace: int) -> FeedbackWhy:
    """Shape the explanation of where an item is."""
    labels = overview.theme_labels(session, workspace=workspace)
    votes = found.votes

    def voted(
        theme: int | None, share: float | None, examples: Sequence[Example], most: int
    ) -> VotedTheme | None:
        if theme is None:
            return None
        shown = exemplar_answers(session, workspace=workspace, examples=examples, most=most)
        return VotedTheme(
            theme=public_id(Prefix.THEME, theme), label=labels.get(theme), share=share, exemplars=shown
        )

    own = voted(found.theme, votes.share if votes else None, votes.members if votes else (), MEMBERS)
    rival = voted(found.rival, votes.rival_share if votes else None, votes.rivals if votes else (), RIVALS)
    return FeedbackWhy(
        item=public_id(Prefix.ITEM, found.item),
        sentence=say_why(found, labels),
        theme=own,
        placed_share=None if found.placed_share is None else max(0.0, min(1.0, found.placed_share)),
        runner_up=rival,
        margin=None if votes is None or found.theme is None else votes.margin,
        act=None if found.act is None else public_id(Prefix.ACT, found.act.id),
        actor=None if found.act is None else found.act.actor,
        seed=None
        if found.seed is None
        else SeedNear(text=found.seed.text, cosine=min(1.0, found.seed.cosine)),
        compared=found.compared,
        arrived=found.arrived,
    )


def link_answer(session: Session, link: Link, theme: int, release: Release | None) -> LinkAnswer:
    """Shape a link; `theme` is the one that stands for its theme today, `release` brought its feature."""
    timing = None
    if link.state is LinkState.CONFIRMED:
        is_prospective = release is None or link_queries.is_prospective(link, release)
        timing = words.LinkTiming.PROSPECTIVE if is_prospective else words.LinkTiming.RETROSPECTIVE
    return LinkAnswer(
        id=public_id(Prefix.LINK, link.id),
        feature=public_id(Prefix.FEATURE, link.feature_id),
        theme=public_id(Prefix.THEME, theme),
        key_result=None,
        state=words.LinkState(link.state.value),
        timing=timing,
        probability=link.probability,
        reason=link.reason,
        evidence=quote_answers(session, workspace=link.workspace_id, spans=link.evidence),
        proposed_at=link.proposed_at,
        decided_at=link.decided_at,
        decided_by=link.decided_by,
    )
