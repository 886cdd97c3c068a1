"""A candidate encoder that is run beside the workspace's own, and the model a workspace chose.

Revision: 0023_shadow; after: 0022_theme_suggestions.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023_shadow"
down_revision = "0022_theme_suggestions"
branch_labels = None
depends_on = None

TABLES = ("shadow", "shadow_arrival")


def upgrade() -> None:
    op.add_column("workspace", sa.Column("encoder_model", sa.String(length=200), nullable=True))
    op.create_table(
        "shadow",
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("dtype", sa.String(length=16), nullable=False),
        sa.Column("encoder_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("read_through", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stream", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted", sa.Double(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["encoder_id"], ["encoder.id"], name="fk_shadow_encoder_id"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name="fk_shadow_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_shadow"),
        sa.UniqueConstraint("workspace_id", name="uq_shadow_workspace_id"),
    )
    op.create_index("ix_shadow_workspace_id", "shadow", ["workspace_id"])
    op.create_table(
        "shadow_arrival",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("theme_number", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("has_left", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["feedback_item.id"], name="fk_shadow_arrival_item_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name="fk_shadow_arrival_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_shadow_arrival"),
        sa.UniqueConstraint("item_id", name="uq_shadow_arrival_item_id"),
    )
    op.create_index("ix_shadow_arrival_workspace_id", "shadow_arrival", ["workspace_id"])
    op.create_index("ix_shadow_arrival_left", "shadow_arrival", ["workspace_id", "has_left"])
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(
                f"CREATE POLICY own_workspace ON {table} FOR ALL USING (workspace_id = ebb_workspace())"
            )


def downgrade() -> None:
    # Policies and indexes go with their tables.
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("workspace", "encoder_model")
