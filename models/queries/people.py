"""People: who stands behind an address or a vendor's customer id."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.queries.workspaces import get_workspace, hash_person
from models.records import Person


def persons_of(session: Session, *, workspace: int, identity: str) -> list[int]:
    """Return the persons known by an identity: an e-mail address, or "source:customer id"."""
    digest = hash_person(get_workspace(session, workspace=workspace).person_key, identity)
    query = select(Person.id).where(Person.workspace_id == workspace, Person.digest == digest)
    return list(session.scalars(query.order_by(Person.id)))
