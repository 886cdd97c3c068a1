"""When a message was last deleted by itself, and when it was restored: the newer of the two holds.

Of what was deleted before this is not known whether it was redacted: it stays gone.

Revision: 0018_restored_messages; after: 0017_large_deliveries.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018_restored_messages"
down_revision = "0017_large_deliveries"
branch_labels = None
depends_on = None

CLOCKS = ("deleted_at", "restored_at")


def upgrade() -> None:
    for name in CLOCKS:
        op.add_column("feedback_item", sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("feedback_item") as batch:
        for name in CLOCKS:
            batch.drop_column(name)
