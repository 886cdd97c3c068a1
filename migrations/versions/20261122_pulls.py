"""How far each source was pulled, and what the vendor counted.

Revision: 0011_pulls; after: 0010_erasures.
"""

revision = "0011_pulls"
down_revision = "0010_erasures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
