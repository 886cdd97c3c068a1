"""The condition "of this workspace" for queries that find their rows by something narrower."""

from sqlalchemy import ColumnElement, Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from models.records import Embedding
from models.records.base import InWorkspace


class _Checked(FunctionElement[int]):
    """A column that is compared with, and that no row is looked for by."""

    inherit_cache = True
    type = Integer()


@compiles(_Checked)
def _plain(element: _Checked, compiler: SQLCompiler, **told: object) -> str:
    return compiler.process(element.clauses, **told)


@compiles(_Checked, "sqlite")
def _without_index(element: _Checked, compiler: SQLCompiler, **told: object) -> str:
    # Without statistics SQLite takes an index of two columns of which the second is free for no better than the
    # index of workspaces, and would read the whole workspace to find one ticket.
    return f"+{compiler.process(element.clauses, **told)}"


def within(table: type[InWorkspace | Embedding], workspace: int) -> ColumnElement[bool]:
    """Build the condition "a row of this workspace", for queries that name few rows by something else as well.

    Where the workspace alone says which rows, compare its column, whose index then finds them.
    """
    return _Checked(table.workspace_id) == workspace
