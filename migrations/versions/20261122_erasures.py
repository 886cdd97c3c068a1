"""Erasures with their receipts, sealed and expired raw bodies.

Revision: 0010_erasures; after: 0009_kinds.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010_erasures"
down_revision = "0009_kinds"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("digests", sa.JSON(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("persons", "items", "vectors", "quotes", "deliveries", "labels", "left")
        ),
        sa.Column("counts_unchanged", sa.Boolean(), nullable=False),
        sa.Column("receipt_hash", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name="fk_erasure_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_erasure"),
    )
    op.create_index("ix_erasure_workspace_id", "erasure", ["workspace_id"])
    op.add_column("delivery", sa.Column("body_expired_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_delivery_raw", "delivery", ["workspace_id", "body_expired_at", "received_at"])
    op.add_column("feedback_item", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE erasure ENABLE ROW LEVEL SECURITY")
        op.execute("CREATE POLICY own_workspace ON erasure FOR ALL USING (workspace_id = ebb_workspace())")


def downgrade() -> None:
    with op.batch_alter_table("feedback_item") as batch:
        batch.drop_column("erased_at")
    op.drop_index("ix_delivery_raw", "delivery")
    with op.batch_alter_table("delivery") as batch:
        batch.drop_column("body_expired_at")
    op.drop_table("erasure")
