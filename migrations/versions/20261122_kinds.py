"""Which classifier decided an item's kind.

Revision: 0009_kinds; after: 0008_people.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009_kinds"
down_revision = "0008_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feedback_item", sa.Column("kind_version", sa.String(length=32), nullable=True))
    # Until now there was one classifier; the sweep decides again what it decided.
    op.execute("UPDATE feedback_item SET kind_version = 'kind-cues-1' WHERE kind IS NOT NULL")
    op.create_index("ix_feedback_item_kind_version", "feedback_item", ["workspace_id", "kind_version"])


def downgrade() -> None:
    op.drop_index("ix_feedback_item_kind_version", "feedback_item")
    with op.batch_alter_table("feedback_item") as batch:
        batch.drop_column("kind_version")
