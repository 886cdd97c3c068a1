"""What became of deliveries.

Revision: 0013_deliveries; after: 0012_scope.
"""

revision = "0013_deliveries"
down_revision = "0012_scope"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
