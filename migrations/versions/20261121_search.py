"""Full-text index over feedback.

Revision: 0002_search; after: 0001_first_tables.
"""

from alembic import op

revision = "0002_search"
down_revision = "0001_first_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE feedback_search USING fts5(content, tokenize = 'unicode61')")
        return
    op.execute(
        "CREATE TABLE feedback_search ("
        "item_id INTEGER PRIMARY KEY REFERENCES feedback_item(id) ON DELETE CASCADE, "
        "workspace_id INTEGER NOT NULL REFERENCES workspace(id) ON DELETE CASCADE, "
        "document TSVECTOR NOT NULL)"
    )
    op.execute("CREATE INDEX ix_feedback_search_document ON feedback_search USING gin (document)")


def downgrade() -> None:
    op.execute("DROP TABLE feedback_search")
