"""Rules of scope, silent days and alerts.

Revision: 0012_scope; after: 0011_pulls.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012_scope"
down_revision = "0011_pulls"
branch_labels = None
depends_on = None

TABLES = ("source_rules", "source_silence", "alert")
ITEM_COLUMNS = ("brand", "group", "form", "spam", "domain_digest", "excluded_by", "rules_revision")


def upgrade() -> None:
    for name, kind in (
        ("brand", sa.String(length=200)),
        ("group", sa.String(length=200)),
        ("form", sa.String(length=200)),
        ("spam", sa.Boolean()),
        ("domain_digest", sa.String(length=64)),
        ("excluded_by", sa.String(length=100)),
        ("rules_revision", sa.Integer()),
    ):
        op.add_column("feedback_item", sa.Column(name, kind, nullable=True))
    op.add_column("delivery", sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True))
    _add_rules()
    _add_silence()
    _add_alerts()
    for table in TABLES:
        op.create_index(f"ix_{table}_workspace_id", table, ["workspace_id"])
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(
                f"CREATE POLICY own_workspace ON {table} FOR ALL USING (workspace_id = ebb_workspace())"
            )


def _own(table: str) -> tuple[sa.Column[int] | sa.Constraint, ...]:
    return (
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=f"fk_{table}_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )


def _of_source(table: str) -> tuple[sa.Column[int] | sa.Constraint, ...]:
    return (
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=f"fk_{table}_source_id", ondelete="CASCADE"
        ),
    )


def _add_rules() -> None:
    op.create_table(
        "source_rules",
        *_of_source("source_rules"),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("fields_revision", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_delivery", sa.Integer(), nullable=False),
        sa.Column("seen_item", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        *_own("source_rules"),
        sa.UniqueConstraint("source_id", "revision", name="uq_source_rules_source_id_revision"),
    )


def _add_silence() -> None:
    op.create_table(
        "source_silence",
        *_of_source("source_silence"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("expected", sa.Double(), nullable=False),
        sa.Column("firm", sa.Boolean(), nullable=False),
        *_own("source_silence"),
        sa.UniqueConstraint("source_id", "day", name="uq_source_silence_source_id_day"),
    )


def _add_alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("open_slot", sa.Integer(), nullable=False),
        *_own("alert"),
        sa.UniqueConstraint(
            "workspace_id",
            "subject",
            "kind",
            "open_slot",
            name="uq_alert_workspace_id_subject_kind_open_slot",
        ),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        # Its policy and its index go with it.
        op.drop_table(table)
    with op.batch_alter_table("delivery") as batch:
        batch.drop_column("occurred_at")
    with op.batch_alter_table("feedback_item") as batch:
        for name in reversed(ITEM_COLUMNS):
            batch.drop_column(name)
