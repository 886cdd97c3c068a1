"""When a source was retired: it covers no day from then on, and its silence is no longer told.

Revision: 0021_retired_sources; after: 0020_theme_acts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021_retired_sources"
down_revision = "0020_theme_acts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("source") as batch:
        batch.drop_column("retired_at")
