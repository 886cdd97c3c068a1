"""Forms with which people correct themes; each act leads back to the theme that stands after it."""

from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from models.errors import Invalid
from models.queries import theme_suggestions, themes
from models.values.ids import Prefix, parse_id
from models.values.roles import Permission
from service.console.addresses import theme_address
from service.console.guard import ConsoleRoute, Visit, asks_form
from service.curation import Hand, acting, author_of

MOST_ITEMS = 500

ThemeForm = Annotated[Visit, Depends(asks_form(Permission.CURATE))]
Name = Annotated[str, Form(max_length=200)]

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)


@router.post("/themes")
def seed_theme(
    form: ThemeForm,
    label: Name = "",
    description: Annotated[str, Form(max_length=2000)] = "",
    examples: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    """Make a theme that is expected; examples stand one in a line."""
    with _acting(form) as hand:
        done = hand.seed(label, description, examples.splitlines()[:50])
        return _back(done.act.theme_id, "seeded")


@router.post("/themes/{number}/rename")
def rename_theme(form: ThemeForm, number: str, label: Name = "") -> Response:
    """Name a theme."""
    with _acting(form) as hand:
        return _back(hand.rename(number, label).act.theme_id, "renamed")


@router.post("/themes/{number}/merge")
def merge_theme(form: ThemeForm, number: str, into: Annotated[str, Form(max_length=40)] = "") -> Response:
    """Merge this theme into another; its address leads there from now on."""
    if not into:
        raise Invalid("Choose the theme to merge into.", field="into")
    with _acting(form) as hand:
        return _back(hand.merge(into, [number]).act.theme_id, "merged")


@router.post("/themes/{number}/pin")
def pin_theme(form: ThemeForm, number: str) -> Response:
    """Hold a theme together."""
    with _acting(form) as hand:
        return _back(hand.pin(number).act.theme_id, "pinned")


@router.post("/themes/{number}/unpin")
def unpin_theme(form: ThemeForm, number: str) -> Response:
    """Let a theme go that was pinned."""
    with _acting(form) as hand:
        return _back(hand.pin(number, pinned=False).act.theme_id, "unpinned")


@router.post("/themes/{number}/dismiss")
def dismiss_theme(form: ThemeForm, number: str) -> Response:
    """Call a theme noise."""
    with _acting(form) as hand:
        return _back(hand.dismiss(number).act.theme_id, "dismissed")


@router.post("/themes/{number}/undo")
def undo_act(form: ThemeForm, number: str, act: Annotated[str, Form(max_length=40)] = "") -> Response:
    """Take an act back: the one named, or the latest that stands."""
    with _acting(form) as hand:
        hand.undo(number, act=act or None)
        asked = parse_id(Prefix.THEME, number)
        return _back(themes.standing_theme(hand.session, workspace=hand.workspace, theme=asked).id, "undone")


@router.post("/themes/{number}/items")
def take_items(
    form: ThemeForm,
    number: str,
    item: Annotated[list[str], Form(max_length=MOST_ITEMS)] = [],  # noqa: B006 - the framework copies it
    into: Annotated[str, Form(max_length=40)] = "",
    label: Name = "",
) -> Response:
    """Put the messages that were ticked into another theme, or out of this one into a theme of their own."""
    if not item:
        raise Invalid("Tick the messages first.", field="item")
    with _acting(form) as hand:
        if into:
            return _back(hand.move(into, item).act.theme_id, "moved")
        return _back(hand.split(number, item, label).act.other_ids[0], "split")


@router.post("/inbox/{number}/accept")
def accept_suggestion(form: ThemeForm, number: str) -> Response:
    """Do what is suggested."""
    with form.write() as session:
        theme_suggestions.accept(
            session,
            workspace=form.caller.workspace_id,
            suggestion=parse_id(Prefix.SUGGESTION, number),
            author=author_of(form.caller),
            now=form.now,
        )
    return RedirectResponse("/inbox?done=accepted", HTTPStatus.SEE_OTHER)


@router.post("/inbox/{number}/decline")
def decline_suggestion(form: ThemeForm, number: str) -> Response:
    """Leave things as they are."""
    with form.write() as session:
        theme_suggestions.decline(
            session,
            workspace=form.caller.workspace_id,
            suggestion=parse_id(Prefix.SUGGESTION, number),
            author=author_of(form.caller),
            now=form.now,
        )
    return RedirectResponse("/inbox?done=declined", HTTPStatus.SEE_OTHER)


def _acting(form: Visit) -> AbstractContextManager[Hand]:
    return acting(form.database, form.caller, form.now)


def _back(theme: int, done: str) -> Response:
    return RedirectResponse(f"{theme_address(theme)}?done={done}", HTTPStatus.SEE_OTHER)
