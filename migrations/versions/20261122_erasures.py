"""Erasures with their receipts, sealed and expired raw bodies.

Revision: 0010_erasures; after: 0009_kinds.
"""

revision = "0010_erasures"
down_revision = "0009_kinds"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
