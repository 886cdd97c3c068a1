"""When it was last said whose message an item is: a ticket may be handed to another requester.

Revision: 0019_changed_authors; after: 0018_restored_messages.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019_changed_authors"
down_revision = "0018_restored_messages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feedback_item", sa.Column("person_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("feedback_item") as batch:
        batch.drop_column("person_at")
