"""Messages under way between the programs.

Revision: 0005_nudges; after: 0004_walls.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005_nudges"
down_revision = "0004_walls"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "nudge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_nudge"),
        sa.UniqueConstraint("stage", name="uq_nudge_stage"),
    )


def downgrade() -> None:
    op.drop_table("nudge")
