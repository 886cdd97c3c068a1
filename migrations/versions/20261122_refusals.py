"""Why the last call of a source was refused.

Revision: 0007_refusals; after: 0006_fair_leases.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007_refusals"
down_revision = "0006_fair_leases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("rejected_reason", sa.String(length=300), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("source") as batch:
        batch.drop_column("rejected_reason")
