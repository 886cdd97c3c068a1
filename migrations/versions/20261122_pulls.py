"""How far each source was pulled, and what the vendor counted.

Revision: 0011_pulls; after: 0010_erasures.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011_pulls"
down_revision = "0010_erasures"
branch_labels = None
depends_on = None

TABLES = ("pull", "pull_record", "pull_count")


def upgrade() -> None:
    _make("pull", ["source_id"], *_pull_columns())
    _make(
        "pull_record",
        ["source_id", "external_id"],
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
    )
    _make(
        "pull_count",
        ["source_id", "day"],
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("theirs", sa.Integer(), nullable=False),
        sa.Column("ours", sa.Integer(), nullable=False),
        sa.Column("fetched", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
    )
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_workspace ON {table} FOR ALL USING (workspace_id = ebb_workspace())")


def _pull_columns() -> list[sa.Column]:
    return [
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("base_url", sa.String(length=300), nullable=True),
        sa.Column("account", sa.String(length=320), nullable=True),
        sa.Column("token", sa.String(length=500), nullable=False),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.Column("covered_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("caught_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stored_count", sa.Integer(), nullable=False),
        sa.Column("pulled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
    ]


def _make(table: str, unique: list[str], *columns: sa.Column) -> None:
    """Make a table of a workspace's source."""
    op.create_table(
        table,
        sa.Column("source_id", sa.Integer(), nullable=False),
        *columns,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=f"fk_{table}_source_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=f"fk_{table}_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint(*unique, name=f"uq_{table}_{'_'.join(unique)}"),
    )
    op.create_index(f"ix_{table}_workspace_id", table, ["workspace_id"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
