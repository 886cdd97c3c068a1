"""Forms with which people correct themes; each act leads back to the theme that stands after it."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from models.errors import Invalid
from models.queries import theme_changes, theme_marks, theme_suggestions, theme_undo
from models.queries.theme_log import Acted, standing_theme
from models.values.ids import Prefix, parse_id
from models.values.roles import Permission
from service import curation
from service.console.addresses import theme_address
from service.console.guard import ConsoleRoute, Visit, asks_form

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
    name = curation.checked_name(label)
    texts = curation.seed_texts(name, description, examples.splitlines()[:50])
    with form.write() as session:
        done = theme_marks.seed(
            session,
            workspace=form.caller.workspace_id,
            label=name,
            texts=texts,
            author=curation.author_of(form.caller),
            now=form.now,
        )
        return _back(done.act.theme_id, "seeded")


@router.post("/themes/{number}/rename")
def rename_theme(form: ThemeForm, number: str, label: Name = "") -> Response:
    """Name a theme."""
    with form.write() as session:
        done = theme_marks.rename(
            session,
            workspace=form.caller.workspace_id,
            theme=parse_id(Prefix.THEME, number),
            label=curation.checked_name(label),
            author=curation.author_of(form.caller),
            now=form.now,
        )
        return _back(done.act.theme_id, "renamed")


@router.post("/themes/{number}/merge")
def merge_theme(form: ThemeForm, number: str, into: Annotated[str, Form(max_length=40)] = "") -> Response:
    """Merge this theme into another; its address leads there from now on."""
    if not into:
        raise Invalid("Choose the theme to merge into.", field="into")
    with form.write() as session:
        done = theme_changes.merge(
            session,
            workspace=form.caller.workspace_id,
            theme=parse_id(Prefix.THEME, into),
            others=[parse_id(Prefix.THEME, number)],
            author=curation.author_of(form.caller),
            now=form.now,
        )
        return _back(done.act.theme_id, "merged")


@router.post("/themes/{number}/pin")
def pin_theme(form: ThemeForm, number: str) -> Response:
    """Hold a theme together."""
    return _pin(form, number, pinned=True)


@router.post("/themes/{number}/unpin")
def unpin_theme(form: ThemeForm, number: str) -> Response:
    """Let a theme go that was pinned."""
    return _pin(form, number, pinned=False)


def _pin(form: Visit, number: str, *, pinned: bool) -> Response:
    with form.write() as session:
        done = curation.set_pin(
            session,
            workspace=form.caller.workspace_id,
            theme=parse_id(Prefix.THEME, number),
            author=curation.author_of(form.caller),
            now=form.now,
            pinned=pinned,
        )
        return _back(done.act.theme_id, "pinned" if pinned else "unpinned")


@router.post("/themes/{number}/dismiss")
def dismiss_theme(form: ThemeForm, number: str) -> Response:
    """Call a theme noise."""
    with form.write() as session:
        done = theme_marks.dismiss(
            session,
            workspace=form.caller.workspace_id,
            theme=parse_id(Prefix.THEME, number),
            author=curation.author_of(form.caller),
            now=form.now,
        )
        return _back(done.act.theme_id, "dismissed")


@router.post("/themes/{number}/undo")
def undo_act(form: ThemeForm, number: str, act: Annotated[str, Form(max_length=40)] = "") -> Response:
    """Take an act back: the one named, or the latest that stands."""
    with form.write() as session:
        done = theme_undo.undo(
            session,
            workspace=form.caller.workspace_id,
            theme=parse_id(Prefix.THEME, number),
            act=parse_id(Prefix.ACT, act) if act else None,
            author=curation.author_of(form.caller),
            now=form.now,
        )
        theme = standing_theme(
            session, workspace=form.caller.workspace_id, theme=parse_id(Prefix.THEME, number)
        ).id
        return _back(theme if done.act.theme_id != theme else done.act.theme_id, "undone")


@router.post("/themes/{number}/items")
def take_items(
    form: ThemeForm,
    number: str,
    item: Annotated[list[str], Form(max_length=MOST_ITEMS)] = [],  # noqa: B006 - the framework copies it
    into: Annotated[str, Form(max_length=40)] = "",
    label: Name = "",
) -> Response:
    """Put the messages that were ticked into another theme, or out of this one into a theme of their own."""
    items = [parse_id(Prefix.ITEM, each) for each in item]
    if not items:
        raise Invalid("Tick the messages first.", field="item")
    done = _move(form, items, into) if into else _split(form, number, items, label)
    made = done.act.theme_id if into else done.act.other_ids[0]
    return _back(made, "moved" if into else "split")


def _move(form: Visit, items: Sequence[int], into: str) -> Acted:
    with form.write() as session:
        return theme_changes.move(
            session,
            workspace=form.caller.workspace_id,
            theme=parse_id(Prefix.THEME, into),
            items=items,
            author=curation.author_of(form.caller),
            now=form.now,
        )


def _split(form: Visit, number: str, items: Sequence[int], label: str) -> Acted:
    with form.write() as session:
        return theme_changes.split(
            session,
            workspace=form.caller.workspace_id,
            theme=parse_id(Prefix.THEME, number),
            items=items,
            label=curation.checked_name(label) if label.strip() else None,
            author=curation.author_of(form.caller),
            now=form.now,
        )


@router.post("/inbox/{number}/accept")
def accept_suggestion(form: ThemeForm, number: str) -> Response:
    """Do what is suggested."""
    with form.write() as session:
        theme_suggestions.accept(
            session,
            workspace=form.caller.workspace_id,
            suggestion=parse_id(Prefix.SUGGESTION, number),
            author=curation.author_of(form.caller),
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
            author=curation.author_of(form.caller),
            now=form.now,
        )
    return RedirectResponse("/inbox?done=declined", HTTPStatus.SEE_OTHER)


def _back(theme: int, done: str) -> Response:
    return RedirectResponse(f"{theme_address(theme)}?done={done}", HTTPStatus.SEE_OTHER)
