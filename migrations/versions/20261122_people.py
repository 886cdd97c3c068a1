"""Who a person is across sources, what is known of a ticket beside its messages, votes.

The hash that a person had becomes the first of its identities. The way back keeps the oldest identity of each person
alone, and forgets merges, votes and which attribute is how new.

Revision: 0008_people; after: 0007_refusals.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008_people"
down_revision = "0007_refusals"
branch_labels = None
depends_on = None

WALLED = ("person_identity", "ticket_state", "vote")


def upgrade() -> None:
    _add_identities()
    _add_tickets()
    _add_votes()
    with op.batch_alter_table("feedback_item") as batch:
        for name in ("reported_by_agent", "withdrawn_alone"):
            batch.add_column(sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("merged_into", sa.String(length=300), nullable=True))
        batch.add_column(sa.Column("turn", sa.String(length=32), nullable=False, server_default="opens"))
    with op.batch_alter_table("feedback_item") as batch:
        for name in ("reported_by_agent", "withdrawn_alone"):
            batch.alter_column(name, existing_type=sa.Boolean(), existing_nullable=False, server_default=None)
        batch.alter_column(
            "turn", existing_type=sa.String(length=32), existing_nullable=False, server_default=None
        )
    op.execute("UPDATE feedback_item SET reported_by_agent = true WHERE author_role = 'agent'")
    # Whatever was withdrawn before its record was, or without it, was withdrawn by itself.
    op.execute(
        "UPDATE feedback_item SET withdrawn_alone = true WHERE withdrawn AND message_id <> '' AND NOT EXISTS "
        "(SELECT 1 FROM feedback_item AS whole WHERE whole.source_id = feedback_item.source_id "
        "AND whole.external_id = feedback_item.external_id AND whole.message_id = '' "
        "AND whole.changed_at <= feedback_item.changed_at)"
    )
    op.execute(
        "UPDATE feedback_item SET turn = 'follows' WHERE message_id <> '' AND EXISTS "
        "(SELECT 1 FROM feedback_item AS other WHERE other.source_id = feedback_item.source_id "
        "AND other.external_id = feedback_item.external_id AND other.message_id <> '' "
        "AND (other.created_at < feedback_item.created_at "
        "OR (other.created_at = feedback_item.created_at AND other.message_id < feedback_item.message_id)))"
    )
    _wall("ENABLE", "CREATE POLICY own_workspace ON {} FOR ALL USING (workspace_id = ebb_workspace())")


def _wall(switch: str, policy: str) -> None:
    """Hold every new table to its workspace, as 0004_walls does with the older ones."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in WALLED:
        op.execute(policy.format(table))
        op.execute(f"ALTER TABLE {table} {switch} ROW LEVEL SECURITY")


def _owned(table: str) -> list[sa.Column[int] | sa.Constraint]:
    return [
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=f"fk_{table}_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    ]


def _of(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}"
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")


def _add_identities() -> None:
    op.create_table(
        "person_identity",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        *_owned("person_identity"),
        _of("person_identity", "person_id", "person"),
        sa.UniqueConstraint("workspace_id", "digest", name="uq_person_identity_workspace_id_digest"),
    )
    op.create_index("ix_person_identity_person_id", "person_identity", ["person_id"])
    op.create_index("ix_person_identity_workspace_id", "person_identity", ["workspace_id"])
    op.execute(
        "INSERT INTO person_identity (workspace_id, person_id, digest, seen_at) "
        "SELECT workspace_id, id, digest, first_seen_at FROM person ORDER BY id"
    )
    with op.batch_alter_table("person") as batch:
        batch.drop_constraint("uq_person_workspace_id_digest", type_="unique")
        batch.drop_column("digest")


def _add_tickets() -> None:
    op.create_table(
        "ticket_state",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(length=300), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("merged_into", sa.String(length=300), nullable=True),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_survivor", sa.Boolean(), nullable=False),
        sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True),
        *_owned("ticket_state"),
        _of("ticket_state", "source_id", "source"),
        sa.UniqueConstraint("source_id", "external_id", name="uq_ticket_state_source_id_external_id"),
    )
    op.create_index("ix_ticket_state_merged_into", "ticket_state", ["source_id", "merged_into"])
    op.create_index("ix_ticket_state_workspace_id", "ticket_state", ["workspace_id"])


def _add_votes() -> None:
    op.create_table(
        "vote",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(length=300), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("voted_at", sa.DateTime(timezone=True), nullable=False),
        *_owned("vote"),
        _of("vote", "source_id", "source"),
        _of("vote", "person_id", "person"),
        sa.UniqueConstraint(
            "source_id", "external_id", "person_id", name="uq_vote_source_id_external_id_person_id"
        ),
    )
    op.create_index("ix_vote_person_id", "vote", ["person_id"])
    op.create_index("ix_vote_workspace_id", "vote", ["workspace_id"])


def downgrade() -> None:
    _wall("DISABLE", "DROP POLICY own_workspace ON {}")
    with op.batch_alter_table("feedback_item") as batch:
        for name in ("turn", "merged_into", "withdrawn_alone", "reported_by_agent"):
            batch.drop_column(name)
    with op.batch_alter_table("person") as batch:
        batch.add_column(sa.Column("digest", sa.String(length=64), nullable=True))
    op.execute(
        "UPDATE person SET digest = coalesce((SELECT digest FROM person_identity WHERE id = (SELECT MIN(id) FROM "
        "person_identity AS known WHERE known.person_id = person.id)), 'nobody ' || person.id)"
    )
    with op.batch_alter_table("person") as batch:
        batch.alter_column("digest", existing_type=sa.String(length=64), nullable=False)
        batch.create_unique_constraint("uq_person_workspace_id_digest", ["workspace_id", "digest"])
    for table in reversed(WALLED):
        op.drop_table(table)
