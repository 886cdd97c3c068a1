"""Rules of scope, silent days and alerts.

Revision: 0012_scope; after: 0011_pulls.
"""

revision = "0012_scope"
down_revision = "0011_pulls"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
