"""Forms with which an administrator tries another encoder, switches to it, or drops it."""

from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from models.errors import Invalid
from models.values.roles import Permission
from service.console.guard import ConsoleRoute, Visit, asks_form
from service.curation import author_of
from service.encoders import Hand, acting

EncoderForm = Annotated[Visit, Depends(asks_form(Permission.ADMINISTER))]

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)


@router.post("/encoder/try")
def try_encoder(
    form: EncoderForm,
    model: Annotated[str, Form(max_length=200)] = "",
    dtype: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """Run another encoder in the shadow."""
    with _acting(form) as hand:
        hand.start(model or None, dtype or None)
    return _back("begun")


@router.post("/encoder/switch")
def switch_encoder(form: EncoderForm, accept: Annotated[str, Form(max_length=20)] = "") -> Response:
    """Ask for the switch; `accept`: the share that may move, in per cent."""
    with _acting(form) as hand:
        hand.switch(_share(accept) if accept.strip() else None)
    return _back("asked")


@router.post("/encoder/drop")
def drop_encoder(form: EncoderForm) -> Response:
    """Stop trying it."""
    with _acting(form) as hand:
        hand.drop()
    return _back("dropped")


def _share(text: str) -> float:
    try:
        share = round(float(text) / 100, 9)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise Invalid("The share that may move is a number of per cent, from 0 to 100.", field="accept")
    return share


def _acting(form: Visit) -> AbstractContextManager[Hand]:
    return acting(
        form.database,
        form.settings,
        workspace=form.caller.workspace_id,
        author=author_of(form.caller),
        now=form.now,
    )


def _back(done: str) -> Response:
    return RedirectResponse(f"/encoder?done={done}", HTTPStatus.SEE_OTHER)
