"""Who a person is across sources, merged records, votes.

Revision: 0008_people; after: 0007_refusals.
"""

revision = "0008_people"
down_revision = "0007_refusals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
