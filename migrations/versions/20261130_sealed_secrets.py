"""Room for sealed secrets: a source's secret and the token that it is pulled with grow longer when they are sealed.

The programs seal what is there (`models.sealing`): a migration has no key. The way back keeps sealed secrets as they
are, which older programs take for plain ones that fit no signature; on PostgreSQL it refuses those of more than 500
characters.

Revision: 0013_sealed_secrets; after: 0012_scope.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013_sealed_secrets"
down_revision = "0012_scope"
branch_labels = None
depends_on = None

SECRETS = (("source", "secret", True), ("pull", "token", False))
SHORT, LONG = sa.String(length=500), sa.Text()


def upgrade() -> None:
    for table, column, is_nullable in SECRETS:
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, existing_type=SHORT, existing_nullable=is_nullable, type_=LONG)


def downgrade() -> None:
    for table, column, is_nullable in SECRETS:
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, existing_type=LONG, existing_nullable=is_nullable, type_=SHORT)
