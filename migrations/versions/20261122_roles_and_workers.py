"""Users, roles, scopes of keys; signs of life of workers.

The way back knows one word for owners and admins, `admin`, and has no place to keep which was which. After it, the
next upgrade makes the oldest live admin key of each workspace its owner's, which may have been an admin's; other owners
come back as admins, and the owner makes them owners again. Users, who did not exist before, go with their table.

Revision: 0003_roles_and_workers; after: 0002_search.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003_roles_and_workers"
down_revision = "0002_search"
branch_labels = None
depends_on = None

OLD_ROLES = "CASE WHEN role IN ('owner', 'admin') THEN 'admin' WHEN role = 'integration' THEN 'ingest' ELSE 'member' END"


def upgrade() -> None:
    _add_users()
    _add_worker_tables()
    with op.batch_alter_table("api_key") as batch:
        batch.add_column(sa.Column("scopes", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("source_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("replaced_by_id", sa.Integer(), nullable=True))
        batch.create_foreign_key("fk_api_key_source_id", "source", ["source_id"], ["id"], ondelete="CASCADE")
        batch.create_foreign_key("fk_api_key_replaced_by_id", "api_key", ["replaced_by_id"], ["id"])
    op.execute("UPDATE api_key SET role = 'integration' WHERE role = 'ingest'")
    # What a member could do until now, a curator can do: nobody loses a permission by the new words.
    op.execute("UPDATE api_key SET role = 'curator' WHERE role = 'member'")
    _name_owners()
    _tie_sessions_to_users()


def _name_owners() -> None:
    """Make the oldest live admin key of each workspace its owner's: somebody must be able to make admins.

    One that expires only where no other is left: an owner who goes by himself leaves nobody.
    """
    for life in ("expires_at IS NULL", "expires_at > CURRENT_TIMESTAMP"):
        op.execute(
            "UPDATE api_key SET role = 'owner' WHERE id IN (SELECT MIN(id) FROM api_key WHERE role = 'admin' "
            f"AND revoked_at IS NULL AND {life} AND workspace_id NOT IN "
            "(SELECT workspace_id FROM api_key WHERE role = 'owner') GROUP BY workspace_id)"
        )


def _add_users() -> None:
    op.create_table(
        "console_user",
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name="fk_console_user_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_console_user"),
        sa.UniqueConstraint("workspace_id", "email", name="uq_console_user_workspace_id_email"),
    )
    op.create_index("ix_console_user_workspace_id", "console_user", ["workspace_id"])


def _add_worker_tables() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_heartbeat"),
        sa.UniqueConstraint("worker", name="uq_heartbeat_worker"),
    )
    op.create_table(
        "schedule_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chore", sa.String(length=32), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_schedule_run"),
        sa.UniqueConstraint("chore", "slot", name="uq_schedule_run_chore_slot"),
    )


def _tie_sessions_to_users() -> None:
    # Sessions were nobody's in particular: people sign in again.
    op.execute("DELETE FROM console_ticket")
    with op.batch_alter_table("console_ticket") as batch:
        batch.drop_column("role")
        batch.add_column(sa.Column("user_id", sa.Integer(), nullable=False))
        batch.create_foreign_key(
            "fk_console_ticket_user_id", "console_user", ["user_id"], ["id"], ondelete="CASCADE"
        )
        batch.create_index("ix_console_ticket_user_id", ["user_id"])


def downgrade() -> None:
    op.execute("DELETE FROM console_ticket")
    with op.batch_alter_table("console_ticket") as batch:
        batch.drop_index("ix_console_ticket_user_id")
        batch.drop_constraint("fk_console_ticket_user_id", type_="foreignkey")
        batch.drop_column("user_id")
        batch.add_column(sa.Column("role", sa.String(length=32), nullable=False))
    # The old program knows neither these roles nor scopes: under its nearest word such a key could do more than now.
    # (A key without scopes has the JSON value null there, not SQL's.)
    op.execute(
        "UPDATE api_key SET revoked_at = CURRENT_TIMESTAMP WHERE revoked_at IS NULL AND (role IN ('member', 'viewer', 'aggregate_only') OR (scopes IS NOT NULL AND CAST(scopes AS TEXT) <> 'null') OR source_id IS NOT NULL)"
    )
    op.execute(f"UPDATE api_key SET role = {OLD_ROLES}")
    with op.batch_alter_table("api_key") as batch:
        batch.drop_constraint("fk_api_key_replaced_by_id", type_="foreignkey")
        batch.drop_constraint("fk_api_key_source_id", type_="foreignkey")
        for name in ("replaced_by_id", "last_used_at", "source_id", "scopes"):
            batch.drop_column(name)
    op.drop_table("schedule_run")
    op.drop_table("heartbeat")
    op.drop_table("console_user")
