"""When a tool's check of its address was last answered: until its first delivery that is all that is known of it.

Revision: 0016_answered; after: 0015_invalid_deliveries.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016_answered"
down_revision = "0015_invalid_deliveries"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("source") as batch:
        batch.drop_column("answered_at")
