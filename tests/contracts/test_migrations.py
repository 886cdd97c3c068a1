from migrations.run import differences, downgrade, is_current, upgrade
from models.database import Database


def test_the_migrations_build_the_tables_as_written_on_both_databases(database: Database) -> None:
    assert is_current(database)
    assert differences(database) == []


def test_the_way_down_and_up_again_ends_at_the_same_tables(database: Database) -> None:
    downgrade(database, "base")
    assert not is_current(database)
    upgrade(database)
    assert is_current(database)
    assert differences(database) == []
