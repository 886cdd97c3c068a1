"""`/v1/theme-suggestions`: corrections of themes that wait for a curator."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from models.database import Session
from models.queries import overview, theme_suggestions
from models.queries.theme_suggestions import Waiting
from models.values.ids import Prefix, parse_id, public_id
from models.values.roles import Permission
from service.api.shapes.base import Page
from service.api.shapes.theme_acts import ThemeActed
from service.api.shapes.theme_suggestions import (
    ThemeSuggestionAnswer,
    ThemeSuggestionDeclined,
    ThemeSuggestionsQuery,
)
from service.api.theme_acts import acted
from service.api.views import quote_answers
from service.curation import author_of
from service.dependencies import Curator, DatabaseOf, Now, read_after, write_cursor

router = APIRouter(prefix="/v1/theme-suggestions", tags=["themes"])


@router.get("")
def list_suggestions(
    query: Annotated[ThemeSuggestionsQuery, Query()], database: DatabaseOf, caller: Curator
) -> Page[ThemeSuggestionAnswer]:
    """List the corrections that wait, the best of each kind first; none for callers who may not read tickets."""
    offset = read_after(query.cursor)
    if not caller.may(Permission.READ_TICKETS):
        return Page(items=[], next_cursor=None)
    with database.read(workspace=caller.workspace_id) as session:
        rows = theme_suggestions.list_suggestions(session, workspace=caller.workspace_id, kind=query.kind)
        page = rows[offset : offset + query.limit]
        answers = _answers(session, caller.workspace_id, page)
    more = len(rows) > offset + len(page)
    return Page(items=answers, next_cursor=write_cursor(offset + len(page)) if more else None)


def _answers(session: Session, workspace: int, rows: Sequence[Waiting]) -> list[ThemeSuggestionAnswer]:
    labels = overview.theme_labels(session, workspace=workspace)

    def theme(number: int | None) -> str | None:
        return None if number is None else public_id(Prefix.THEME, number)

    return [
        ThemeSuggestionAnswer(
            id=public_id(Prefix.SUGGESTION, row.id),
            kind=row.kind,
            theme=theme(row.theme_id),
            label=labels.get(row.theme_id or 0),
            other=theme(row.other_theme_id),
            other_label=labels.get(row.other_theme_id or 0),
            items=[public_id(Prefix.ITEM, item) for item in row.item_ids],
            evidence=quote_answers(
                session,
                workspace=workspace,
                spans=theme_suggestions.evidence_spans(session, workspace=workspace, suggestion=row),
            ),
            score=row.score,
            margin=row.margin,
            reason=row.reason,
            revision=row.revision,
            found_at=row.found_at,
        )
        for row in rows
    ]


@router.post("/{suggestion_id}/accept")
def accept_suggestion(suggestion_id: str, database: DatabaseOf, caller: Curator, now: Now) -> ThemeActed:
    """Do what is suggested, as your own act: it holds, and can be undone like any other."""
    with database.write(workspace=caller.workspace_id) as session:
        done = theme_suggestions.accept(
            session,
            workspace=caller.workspace_id,
            suggestion=parse_id(Prefix.SUGGESTION, suggestion_id),
            author=author_of(caller),
            now=now,
        )
        return acted(session, done)


@router.post("/{suggestion_id}/decline")
def decline_suggestion(
    suggestion_id: str, database: DatabaseOf, caller: Curator, now: Now
) -> ThemeSuggestionDeclined:
    """Leave things as they are; this is not suggested again unless its grounds change."""
    with database.write(workspace=caller.workspace_id) as session:
        row = theme_suggestions.decline(
            session,
            workspace=caller.workspace_id,
            suggestion=parse_id(Prefix.SUGGESTION, suggestion_id),
            author=author_of(caller),
            now=now,
        )
        return ThemeSuggestionDeclined(
            id=public_id(Prefix.SUGGESTION, row.id),
            kind=row.kind,
            decided_at=now,
            decided_by=row.decided_by or "",
            items=len(row.item_ids),
        )
