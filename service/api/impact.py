"""`/v1/releases/{id}/impact`: what is said about a release. Reading runs no statistics."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from models.database import Session
from models.queries import groups, impact, products, themes
from models.records import LinkState, Theme, Verdict
from models.values.ids import Prefix, parse_id, public_id
from models.values.verdicts import Reason
from service.api import aggregates
from service.api.aggregates import Veil
from service.api.shapes import words
from service.api.shapes.impact import (
    CheckAnswer,
    ImpactAnswer,
    ImpactQuery,
    PlanAnswer,
    PlanRequest,
    ReleaseRef,
    ThemeRef,
    VerdictAnswer,
    VisibleFall,
)
from service.api.views import quote_answers, veil_of
from service.dependencies import DatabaseOf, Reader, SettingsOf
from service.suppression import may_show

router = APIRouter(prefix="/v1", tags=["impact"])


@router.get("/releases/{release_id}/impact")
def read_impact(
    release_id: str,
    query: Annotated[ImpactQuery, Query()],
    database: DatabaseOf,
    settings: SettingsOf,
    caller: Reader,
) -> ImpactAnswer:
    """Read what was said about a release at the furthest look: confirmed links first, then proposals."""
    number = parse_id(Prefix.RELEASE, release_id)
    wanted = parse_id(Prefix.THEME, query.theme) if query.theme else None
    with database.read(workspace=caller.workspace_id) as session:
        release = products.get_release(session, workspace=caller.workspace_id, release=number)
        veil = veil_of(session, caller=caller, least=settings.least_group)
        if wanted is not None:
            theme = themes.get_theme(session, workspace=caller.workspace_id, theme=wanted)
            if veil is not None:
                veil.check(_standing(theme))
        found = impact.latest_verdicts(
            session, workspace=caller.workspace_id, releases=[release.id], as_of=query.as_of
        )
        # All complaints together stand in for a release only until somebody confirms what it was for.
        is_linked = any(verdict.link_state is LinkState.CONFIRMED for verdict in found)
        chosen = [
            verdict
            for verdict in found
            if verdict.segment == query.segment
            and wanted in (None, verdict.theme_key)
            and not (is_linked and verdict.theme_key == impact.TOTAL)
        ]
        answers = _answers(session, caller.workspace_id, chosen, veil)
    reference = ReleaseRef(
        id=public_id(Prefix.RELEASE, release.id),
        key=release.key,
        name=release.name,
        version=release.version,
        released_at=release.released_at,
        full_at=release.full_at,
    )
    return ImpactAnswer(release=reference, verdicts=answers)


def _answers(
    session: Session, workspace: int, verdicts: Sequence[Verdict], veil: Veil | None
) -> list[VerdictAnswer]:
    """Order verdicts: all complaints together, then confirmed links, then proposals."""
    order = {None: 0, LinkState.CONFIRMED: 1, LinkState.PROPOSED: 2, LinkState.REJECTED: 3}
    ranked = sorted(verdicts, key=lambda each: (order[each.link_state], each.id))
    known = {
        verdict.theme_id: themes.get_theme(session, workspace=workspace, theme=verdict.theme_id)
        for verdict in ranked
        if verdict.theme_id is not None
    }
    if veil is None:
        return [_answer(session, verdict, known) for verdict in ranked]
    everybody = groups.count_people(session, workspace=workspace)
    shown = [
        row
        for row in ranked
        if (
            may_show(everybody, veil.least)
            if row.theme_id is None
            else veil.shows(_standing(known[row.theme_id]))
        )
    ]
    return [aggregates.verdict(_answer(session, verdict, known)) for verdict in shown]


def _standing(theme: Theme) -> int:
    return theme.redirect_id or theme.id


def _answer(session: Session, row: Verdict, known: Mapping[int, Theme]) -> VerdictAnswer:
    theme = known.get(row.theme_id) if row.theme_id is not None else None
    return VerdictAnswer(
        theme=ThemeRef(id=public_id(Prefix.THEME, theme.id), label=theme.label) if theme else None,
        link=words.LinkState(row.link_state.value) if row.link_state else None,
        verdict=row.word,
        effect=row.effect,
        low=row.low,
        high=row.high,
        shrunk_effect=row.shrunk_effect,
        expected=row.expected,
        observed=row.observed,
        rate_unit=row.rate_unit,
        evidence_grade=row.grade,
        checks=[CheckAnswer.model_validate(check) for check in row.checks],
        reasons=[Reason(reason) for reason in row.reasons],
        bound=row.bound,
        mde=row.mde,
        judgeable_on=row.judgeable_on,
        displacement=None,
        prediction=None,
        segments=[],
        quotes=quote_answers(session, workspace=row.workspace_id, spans=row.quotes),
        method_version=row.method_version,
        theme_revision=row.theme_revision,
        input_hash=row.input_hash,
    )


@router.post("/impact/plan")
def plan_ahead(body: PlanRequest, _caller: Reader) -> PlanAnswer:
    """Say how many weeks it takes until a fall of a given size can be seen: a calculation, not a verdict."""
    # Imported here: the statistics pull in scipy, which no other call of the API needs.
    from models.impact.plan import plan

    found = plan(
        rate=body.rate,
        exposure=body.exposure,
        fall=body.drop,
        noise=body.noise,
        memory=body.memory,
        power=body.power,
        wash_out_weeks=body.wash_out_weeks,
    )
    return PlanAnswer(
        weeks=found.weeks,
        called=found.called,
        weekly_complaints=found.weekly_complaints,
        smallest_falls=[
            VisibleFall(weeks=sight.weeks, fall=sight.fall, called=sight.called) for sight in found.sights
        ],
    )
