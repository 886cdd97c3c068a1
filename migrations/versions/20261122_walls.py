"""Row-level security on PostgreSQL: a second wall between workspaces.

A transaction names its workspace in the setting `ebb.workspace` (`models.database` does). Without it no row is seen;
0 stands for work that belongs to no workspace, and opens the few tables without customers' words that such work needs.
The tables' owner and superusers are not held by the wall: the programs sign in as a role that is neither.

Revision: 0004_walls; after: 0003_roles_and_workers.
"""

from alembic import op

revision = "0004_walls"
down_revision = "0003_roles_and_workers"
branch_labels = None
depends_on = None

# Leasing, and finding out to whom a key, a session or a webhook's address belongs.
CROSSING = ("api_key", "console_ticket", "console_user", "source", "work")
WALLED = (
    "account",
    "arrival",
    "assignment",
    "audit_entry",
    "context_event",
    "daily_count",
    "delivery",
    "embedding",
    "exposure",
    "feature",
    "feedback_item",
    "feedback_search",
    "key_result",
    "link",
    "metric",
    "objective",
    "observation",
    "person",
    "release",
    "rollout_step",
    "team",
    "theme",
    "theme_event",
    "theme_quote",
    "theme_stream_state",
    "verdict",
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        "CREATE FUNCTION ebb_workspace() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS "
        "$$ SELECT coalesce(nullif(current_setting('ebb.workspace', true), ''), '-1')::integer $$"
    )
    for table in WALLED:
        _wall(table, "workspace_id = ebb_workspace()")
    for table in CROSSING:
        _wall(table, "workspace_id = ebb_workspace() OR ebb_workspace() = 0")
    _wall("workspace", "id = ebb_workspace() OR ebb_workspace() = 0")


def _wall(table: str, condition: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_workspace ON {table} USING ({condition}) WITH CHECK ({condition})")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in (*WALLED, *CROSSING, "workspace"):
        op.execute(f"DROP POLICY own_workspace ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP FUNCTION ebb_workspace()")
