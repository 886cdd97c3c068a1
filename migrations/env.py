"""Alembic's entry: runs migrations over the engine handed in, or over `EBB_DATABASE_URL` from the shell."""

from alembic import context

from migrations.compare import is_compared, render_plainly
from models.database import Database
from models.records import Record
from models.settings import load_settings


def run() -> None:
    """Run the migrations in one transaction, waiting at most four seconds for a lock."""
    engine = context.config.attributes.get("engine") or Database(load_settings().database_url).engine
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Record.metadata,
            render_as_batch=True,
            compare_type=True,
            include_name=is_compared,
            render_item=render_plainly,
        )
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL lock_timeout = '4s'")
            context.run_migrations()
        connection.commit()


run()
