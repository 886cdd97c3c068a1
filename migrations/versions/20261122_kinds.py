"""Which classifier decided an item's kind.

Revision: 0009_kinds; after: 0008_people.
"""

revision = "0009_kinds"
down_revision = "0008_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
