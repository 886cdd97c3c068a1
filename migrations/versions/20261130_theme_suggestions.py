"""What curators are asked to look at: items on a border, themes that are one, themes that are two.

Revision: 0022_theme_suggestions; after: 0021_retired_sources.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022_theme_suggestions"
down_revision = "0021_retired_sources"
branch_labels = None
depends_on = None

TABLE = "theme_suggestion"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("theme_id", sa.Integer(), nullable=True),
        sa.Column("other_theme_id", sa.Integer(), nullable=True),
        sa.Column("item_ids", sa.JSON(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("margin", sa.Double(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("act_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["theme_id"], ["theme.id"], name=f"fk_{TABLE}_theme_id"),
        sa.ForeignKeyConstraint(["other_theme_id"], ["theme.id"], name=f"fk_{TABLE}_other_theme_id"),
        sa.ForeignKeyConstraint(["act_id"], ["theme_act.id"], name=f"fk_{TABLE}_act_id"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=f"fk_{TABLE}_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{TABLE}"),
    )
    op.create_index(f"ix_{TABLE}_workspace_id", TABLE, ["workspace_id"])
    op.create_index(f"ix_{TABLE}_state", TABLE, ["workspace_id", "state"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_workspace ON {TABLE} FOR ALL USING (workspace_id = ebb_workspace())")


def downgrade() -> None:
    # Its policy and its indexes go with it.
    op.drop_table(TABLE)
