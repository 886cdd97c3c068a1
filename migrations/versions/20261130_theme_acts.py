"""What people decided about themes: merges, splits, names, pins, moved items, noise, expected themes.

Revision: 0020_theme_acts; after: 0019_changed_authors.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020_theme_acts"
down_revision = "0019_changed_authors"
branch_labels = None
depends_on = None

TABLES = ("theme_act", "theme_act_item", "theme_seed")


def upgrade() -> None:
    _add_acts()
    _add_items()
    _add_seeds()
    for table in TABLES:
        op.create_index(f"ix_{table}_workspace_id", table, ["workspace_id"])
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(
                f"CREATE POLICY own_workspace ON {table} FOR ALL USING (workspace_id = ebb_workspace())"
            )
    op.add_column("theme", sa.Column("found_label", sa.String(length=300), nullable=True))
    for name in ("named", "pinned"):
        op.add_column("theme", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE theme SET found_label = label")
    with op.batch_alter_table("theme") as batch:
        for name in ("named", "pinned"):
            batch.alter_column(name, server_default=None)
    with op.batch_alter_table("theme_event") as batch:
        batch.add_column(sa.Column("act_id", sa.Integer(), nullable=True))
        batch.create_foreign_key("fk_theme_event_act_id", "theme_act", ["act_id"], ["id"])


def _own(table: str) -> tuple[sa.Column[int] | sa.Constraint, ...]:
    return (
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=f"fk_{table}_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )


def _refers(table: str, column: str, other: str, *, cascade: bool = False) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column],
        [f"{other}.id"],
        name=f"fk_{table}_{column}",
        ondelete="CASCADE" if cascade else None,
    )


def _add_acts() -> None:
    op.create_table(
        "theme_act",
        sa.Column("verb", sa.String(length=32), nullable=False),
        sa.Column("theme_id", sa.Integer(), nullable=False),
        sa.Column("other_ids", sa.JSON(), nullable=False),
        sa.Column("label", sa.String(length=300), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undoes_id", sa.Integer(), nullable=True),
        _refers("theme_act", "theme_id", "theme"),
        _refers("theme_act", "undoes_id", "theme_act"),
        *_own("theme_act"),
        sa.UniqueConstraint("undoes_id", name="uq_theme_act_undoes_id"),
    )
    op.create_index("ix_theme_act_theme", "theme_act", ["theme_id"])


def _add_items() -> None:
    op.create_table(
        "theme_act_item",
        sa.Column("act_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("from_theme_id", sa.Integer(), nullable=True),
        _refers("theme_act_item", "act_id", "theme_act", cascade=True),
        _refers("theme_act_item", "item_id", "feedback_item", cascade=True),
        _refers("theme_act_item", "from_theme_id", "theme"),
        *_own("theme_act_item"),
        sa.UniqueConstraint("act_id", "item_id", name="uq_theme_act_item_act_id_item_id"),
    )
    op.create_index("ix_theme_act_item_item_id", "theme_act_item", ["item_id"])


def _add_seeds() -> None:
    op.create_table(
        "theme_seed",
        sa.Column("act_id", sa.Integer(), nullable=False),
        sa.Column("theme_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("encoder_id", sa.Integer(), nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        _refers("theme_seed", "act_id", "theme_act", cascade=True),
        _refers("theme_seed", "theme_id", "theme"),
        _refers("theme_seed", "encoder_id", "encoder"),
        *_own("theme_seed"),
    )
    for column in ("act_id", "theme_id"):
        op.create_index(f"ix_theme_seed_{column}", "theme_seed", [column])


def downgrade() -> None:
    with op.batch_alter_table("theme_event") as batch:
        batch.drop_constraint("fk_theme_event_act_id", type_="foreignkey")
        batch.drop_column("act_id")
    # Names that people gave go with their acts, and what they called noise counts again.
    op.execute("UPDATE theme SET label = found_label")
    op.execute("UPDATE theme SET state = 'active' WHERE state = 'dismissed'")
    with op.batch_alter_table("theme") as batch:
        for name in ("pinned", "named", "found_label"):
            batch.drop_column(name)
    for table in reversed(TABLES):
        # Its policy and its index go with it.
        op.drop_table(table)
