"""`/v1/encoder`: which encoder a workspace uses, and trying another one before switching to it."""

from collections.abc import Iterable
from dataclasses import replace

from fastapi import APIRouter

from models.queries.access import Caller
from models.values.roles import Permission
from service.api.shapes.encoders import (
    EncoderAnswer,
    EncoderSwitch,
    EncoderTry,
    MoveReportAnswer,
    ShadowAnswer,
    ThemeFateAnswer,
)
from service.curation import author_of
from service.dependencies import Admin, DatabaseOf, Now, SettingsOf
from service.encoders import EncoderView, ReportView, ShadowView, ThemeFate, acting, read_encoder

router = APIRouter(prefix="/v1/encoder", tags=["administration"])


@router.get("")
def show_encoder(database: DatabaseOf, settings: SettingsOf, caller: Admin) -> EncoderAnswer:
    """Read which encoder the workspace uses, and how far the one is that it tries."""
    with database.read(workspace=caller.workspace_id) as session:
        return _answer(read_encoder(session, workspace=caller.workspace_id, settings=settings), caller)


@router.post("/shadow", status_code=201)
def try_encoder(
    body: EncoderTry, database: DatabaseOf, settings: SettingsOf, caller: Admin, now: Now
) -> EncoderAnswer:
    """Run another encoder in the shadow: it reads all items, and changes nothing."""
    with acting(database, settings, workspace=caller.workspace_id, author=author_of(caller), now=now) as hand:
        hand.start(body.model, body.dtype)
        return _answer(hand.view(), caller)


@router.post("/shadow/switch", status_code=202)
def switch_encoder(
    database: DatabaseOf,
    settings: SettingsOf,
    caller: Admin,
    now: Now,
    body: EncoderSwitch | None = None,
) -> EncoderAnswer:
    """Ask for the switch to the encoder that is tried; a worker makes it, all at once.

    409 while it has not read all items, and where more would move than the limit and than `accept_moved`.
    """
    with acting(database, settings, workspace=caller.workspace_id, author=author_of(caller), now=now) as hand:
        hand.switch(None if body is None else body.accept_moved)
        return _answer(hand.view(), caller)


@router.delete("/shadow", status_code=204)
def drop_encoder(database: DatabaseOf, settings: SettingsOf, caller: Admin, now: Now) -> None:
    """Stop trying an encoder; a worker deletes what it stored."""
    with acting(database, settings, workspace=caller.workspace_id, author=author_of(caller), now=now) as hand:
        hand.drop()


def _answer(view: EncoderView, caller: Caller) -> EncoderAnswer:
    return EncoderAnswer(
        model=view.choice.model,
        dtype=view.choice.dtype,
        digest=view.digest,
        dimension=view.dimension,
        models=list(view.models),
        moved_limit=view.limit,
        shadow=None if view.shadow is None else _shadow(view.shadow, caller),
    )


def _shadow(view: ShadowView, caller: Caller) -> ShadowAnswer:
    return ShadowAnswer(
        model=view.choice.model,
        dtype=view.choice.dtype,
        state=view.state,
        done=view.done,
        total=view.total,
        started_at=view.started_at,
        actor=view.actor,
        error=view.error,
        refusal=view.refusal,
        report=None if view.report is None else _report(view.report, caller),
    )


def _report(view: ReportView, caller: Caller) -> MoveReportAnswer:
    found = view.report
    # Names are found in customers' words.
    has_names = caller.may(Permission.READ_TICKETS)
    return MoveReportAnswer(
        at=view.at,
        revision=found.revision,
        items=found.items,
        complaints=found.complaints,
        unread=found.unread,
        moved_items=found.moved_items,
        moved_complaints=found.moved_complaints,
        moved_share=found.moved_share,
        unassigned_before=found.waiting_before / max(found.items, 1),
        unassigned_after=found.waiting_after / max(found.items, 1),
        lost=_fates(view.lost, has_names=has_names),
        new=_fates(view.new, has_names=has_names),
        changed=_fates(view.changed, has_names=has_names),
        unchanged=view.unchanged,
    )


def _fates(found: Iterable[ThemeFate], *, has_names: bool) -> list[ThemeFateAnswer]:
    rows = found if has_names else [replace(each, label=None, other_label=None) for each in found]
    return [ThemeFateAnswer.model_validate(each) for each in rows]
