"""Whether a long stream let an item go, so that a worker that starts loads only what still votes.

Revision: 0024_released; after: 0023_shadow.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024_released"
down_revision = "0023_shadow"
branch_labels = None
depends_on = None

TABLES = ("arrival", "shadow_arrival")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("released", sa.Boolean(), nullable=False, server_default=sa.false()))
        with op.batch_alter_table(table) as batch:
            batch.alter_column("released", server_default=None)
    op.create_index("ix_arrival_held", "arrival", ["workspace_id", "released", "position"])


def downgrade() -> None:
    op.drop_index("ix_arrival_held", "arrival")
    for table in reversed(TABLES):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("released")
