"""Lease what waits longest first: the index of due work in order of time.

Revision: 0006_fair_leases; after: 0005_nudges.
"""

from alembic import op

revision = "0006_fair_leases"
down_revision = "0005_nudges"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_work_due", "work")
    op.create_index("ix_work_due", "work", ["state", "stage", "run_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_work_due", "work")
    op.create_index("ix_work_due", "work", ["state", "stage", "id"])
