"""Which rules cut and redacted the text of an item.

Revision: 0014_text_versions; after: 0013_sealed_secrets.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014_text_versions"
down_revision = "0013_sealed_secrets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feedback_item", sa.Column("text_version", sa.String(length=64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("feedback_item") as batch:
        batch.drop_column("text_version")
