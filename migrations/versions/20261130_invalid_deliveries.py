"""Find the few deliveries that were not understood among the many that were: for health, doctor and metrics.

Revision: 0015_invalid_deliveries; after: 0014_text_versions.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015_invalid_deliveries"
down_revision = "0014_text_versions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    invalid = sa.text("state = 'invalid'")
    op.create_index(
        "ix_delivery_invalid",
        "delivery",
        ["source_id", "id"],
        sqlite_where=invalid,
        postgresql_where=invalid,
    )


def downgrade() -> None:
    op.drop_index("ix_delivery_invalid", "delivery")
