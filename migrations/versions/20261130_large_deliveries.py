"""How far a large delivery is written, which takes several transactions: behind that its next worker goes on.

Revision: 0017_large_deliveries; after: 0016_answered.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017_large_deliveries"
down_revision = "0016_answered"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The default stays: programs of the release before, and the statement that stores deliveries, do not name it.
    op.add_column("delivery", sa.Column("done_changes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("delivery", sa.Column("changes_digest", sa.String(length=64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("delivery") as batch:
        batch.drop_column("changes_digest")
        batch.drop_column("done_changes")
