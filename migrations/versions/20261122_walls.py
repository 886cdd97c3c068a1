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

WALLED = (
    "account",
    "api_key",
    "arrival",
    "assignment",
    "audit_entry",
    "console_ticket",
    "console_user",
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
    "source",
    "team",
    "theme",
    "theme_event",
    "theme_quote",
    "theme_stream_state",
    "verdict",
    "work",
)
# Finding out to whom a key, a session or a webhook's address belongs, before a workspace can be named.
SEEN_BY_ALL = ("api_key", "console_user", "source", "workspace")
# Leasing; exchanging a sign-in link for a session, ending one, removing those that are over.
USED_BY_ALL = ("console_ticket", "work")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        "CREATE FUNCTION ebb_workspace() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS "
        "$$ SELECT coalesce(nullif(pg_catalog.current_setting('ebb.workspace', true), ''), '-1')::integer $$"
    )
    for table in (*WALLED, "workspace"):
        column = "id" if table == "workspace" else "workspace_id"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        _allow(table, "own_workspace", "ALL", f"{column} = ebb_workspace()")
    for table in SEEN_BY_ALL:
        _allow(table, "seen_by_all", "SELECT", "ebb_workspace() = 0")
    for table in USED_BY_ALL:
        _allow(table, "used_by_all", "ALL", "ebb_workspace() = 0")
    op.execute("CREATE POLICY made_by_all ON workspace FOR INSERT WITH CHECK (ebb_workspace() = 0)")
    _add_search()


def _allow(table: str, policy: str, command: str, condition: str) -> None:
    # USING alone is the check of new rows as well.
    op.execute(f"CREATE POLICY {policy} ON {table} FOR {command} USING ({condition})")


def _add_search() -> None:
    """Let the programs search through the full-text index.

    Behind the wall PostgreSQL may ask `@@` only of rows that it has found to be visible, because the operator is not
    proven leakproof: it would read every row of every workspace instead of the index. This function runs as the
    tables' owner, uses the index, and applies the wall's own condition itself. As it has the owner's rights, every
    name in it says where it lies: whoever may make functions could put one of theirs in the place of ours.
    """
    op.execute(
        "CREATE FUNCTION ebb_search(words text) RETURNS SETOF integer LANGUAGE sql STABLE SECURITY DEFINER "
        "SET search_path = pg_catalog, pg_temp AS "
        "$$ SELECT item_id FROM public.feedback_search "
        "WHERE document @@ pg_catalog.plainto_tsquery('simple'::regconfig, words) "
        "AND workspace_id = public.ebb_workspace() $$"
    )
    # Whoever may call it could name any workspace first.
    op.execute("REVOKE EXECUTE ON FUNCTION ebb_search(text) FROM PUBLIC")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP FUNCTION ebb_search(text)")
    op.execute("DROP POLICY made_by_all ON workspace")
    for table in USED_BY_ALL:
        op.execute(f"DROP POLICY used_by_all ON {table}")
    for table in SEEN_BY_ALL:
        op.execute(f"DROP POLICY seen_by_all ON {table}")
    for table in (*WALLED, "workspace"):
        op.execute(f"DROP POLICY own_workspace ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP FUNCTION ebb_workspace()")
