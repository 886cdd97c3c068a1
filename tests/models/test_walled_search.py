"""Full-text search behind the wall: one workspace's words, by the index, and nobody else's functions."""

from sqlalchemy import func, select, text

from models.database import Database, Session
from models.queries import listing
from tests.models.test_walls import two
from tests.services import PROGRAMS

__all__ = ["two"]


def test_search_finds_the_own_words_alone(two: tuple[int, int], postgres_programs: Database) -> None:
    mine, theirs = two
    where = listing.FeedbackFilter(words="export angry")
    for workspace, found in ((mine, 0), (theirs, 1)):
        with postgres_programs.read(workspace=workspace) as session:
            for asked in (mine, theirs):
                rows_found = listing.list_feedback(session, workspace=asked, where=where, after=None, limit=9)
                assert len(rows_found) == (found if asked == theirs else 0)
            assert len(session.scalars(select(func.ebb_search("export"))).all()) == found
    with postgres_programs.read(workspace=None) as session:
        assert session.scalars(select(func.ebb_search("export"))).all() == []


def test_search_under_the_wall_uses_the_index(
    two: tuple[int, int], postgres: Database, postgres_programs: Database
) -> None:
    """Without its function PostgreSQL reads every row of every workspace instead."""
    _, theirs = two
    with postgres.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(
            f"INSERT INTO feedback_search SELECT n, {theirs}, to_tsvector('simple', 'word' || n) "
            "FROM generate_series(1000, 6000) AS n"
        )
        connection.exec_driver_sql("ANALYZE feedback_search")
    with postgres_programs.read(workspace=theirs) as session:
        search = select(func.ebb_search("word4711"))
        plain = text(
            "SELECT item_id FROM feedback_search WHERE document @@ plainto_tsquery('simple', 'word4711')"
        )
        for query, index_used, table_read in ((search, 1, 0), (plain, 0, 1)):
            before = scans(session)
            assert session.scalars(query).all() == [4711]
            assert [new - old for new, old in zip(scans(session), before, strict=True)] == [
                index_used,
                table_read,
            ]


def scans(session: Session) -> list[int]:
    """How often this connection has read the index of words, and the whole table of words."""
    names = ("ix_feedback_search_document", "feedback_search")
    query = "SELECT coalesce(pg_stat_get_xact_numscans('{}'::regclass), 0)"
    return [int(session.scalar(text(query.format(name))) or 0) for name in names]


def test_only_the_programs_may_search(postgres_programs: Database) -> None:
    with postgres_programs.engine.connect() as connection:
        may = "SELECT has_function_privilege('{}', 'ebb_search(text)', 'EXECUTE')"
        assert connection.scalar(text(may.format(PROGRAMS)))
        assert not connection.scalar(text(may.format("public")))


SNATCHED = ("plainto_tsquery(text, text)", "current_setting(text, boolean)")
"""Functions that would be taken for PostgreSQL's own where a call leaves room for it."""


def test_search_calls_no_function_that_somebody_else_put_beside_ours(
    two: tuple[int, int], postgres: Database, postgres_programs: Database
) -> None:
    """Search runs as the tables' owner: a function of another's that it called would own them too."""
    with postgres.engine.begin() as connection:
        connection.exec_driver_sql("GRANT CREATE ON SCHEMA public TO PUBLIC")
    try:
        with postgres_programs.engine.begin() as connection:
            for name in SNATCHED:
                connection.exec_driver_sql(
                    f"CREATE FUNCTION public.{name} RETURNS {'tsquery' if 'query' in name else 'text'} "
                    "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not ours'; END $$"
                )
        with postgres_programs.read(workspace=two[1]) as session:
            for path in ("public", "public, pg_catalog"):
                session.execute(text(f"SET LOCAL search_path = {path}"))
                assert len(session.scalars(select(func.ebb_search("export"))).all()) == 1
                assert session.scalar(text("SELECT count(*) FROM feedback_item")) == 1
    finally:
        with postgres.engine.begin() as connection:
            connection.exec_driver_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            for name in SNATCHED:
                connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS public.{name}")
