"""One row of every table, made from the database's own description of it: a table added later is filled as well."""

from datetime import UTC, date, datetime

from sqlalchemy import Column, Connection, MetaData, Table, inspect, select, types

Row = dict[str, object]
Rows = dict[str, dict[int, Row]]
"""Of every table, the rows by the first column of their primary key; the rows made here differ in it."""

SEARCH = "feedback_search"
NOT_OURS = ("alembic_version", SEARCH)


def tables_of(connection: Connection) -> list[Table]:
    """Read the tables from the database, parents first, without the full-text index."""
    names = [
        name for name in inspect(connection).get_table_names() if SEARCH not in name and name not in NOT_OURS
    ]
    metadata = MetaData()
    metadata.reflect(connection, only=names)
    return metadata.sorted_tables


def fill(connection: Connection, number: int, *, only: frozenset[str] | None = None) -> None:
    """Put row `number` into every table, or into some; it refers to the rows of the same number."""
    for table in tables_of(connection):
        if only is None or table.name in only:
            connection.execute(table.insert().values(row_of(table, number)))
            if connection.dialect.name == "postgresql" and "id" in table.columns:
                connection.exec_driver_sql(f"SELECT setval('{table.name}_id_seq', 100)")
    if only is None or SEARCH in only:
        fill_search(connection, number)


def fill_search(connection: Connection, number: int) -> None:
    statement = (
        f"INSERT INTO {SEARCH}(rowid, content) VALUES ({number}, 'words {number}')"
        if connection.dialect.name == "sqlite"
        else f"INSERT INTO {SEARCH} VALUES ({number}, {number}, to_tsvector('simple', 'words {number}'))"
    )
    connection.exec_driver_sql(statement)


def row_of(table: Table, number: int) -> Row:
    return {column.name: _value(table, column, number) for column in table.columns}


def _value(table: Table, column: "Column[object]", number: int) -> object:
    if column.name == "id" or column.foreign_keys:
        return number
    kind = column.type
    for of, value in (
        (types.Boolean, False),
        (types.DateTime, datetime(2026, 6, 1, 12, number, 0, 250_000, tzinfo=UTC)),
        (types.Date, date(2026, 6, number)),
        (types.JSON, {"number": number}),
        (types.Float, number + 0.5),
        (types.Integer, number),
        (types.LargeBinary, bytes([number]) * 4),
    ):
        if isinstance(kind, of):
            return value
    assert isinstance(kind, types.String), f"{table.name}.{column.name}: no value for {kind!r}"
    return f"{column.name} {number}"[: kind.length]


def read(connection: Connection) -> Rows:
    """Read every row of every table."""
    found: Rows = {}
    for table in tables_of(connection):
        key = next(iter(table.primary_key.columns))
        rows = connection.execute(select(table)).mappings()
        found[table.name] = {row[key.name]: dict(row) for row in rows}
    if connection.dialect.name == "sqlite":
        searched = connection.exec_driver_sql(f"SELECT rowid AS id, content FROM {SEARCH}")
    else:
        searched = connection.exec_driver_sql(f"SELECT item_id AS id, document::text FROM {SEARCH}")
    found[SEARCH] = {row["id"]: dict(row) for row in searched.mappings()}
    return found
