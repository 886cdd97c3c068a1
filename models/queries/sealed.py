"""Secrets of sources at rest: their signing secrets, and the tokens that they are pulled with.

The columns hold what `models.sealing` made of a secret; nobody reads them but by `secret_of` and `token_of`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from models.queries.within import within
from models.records import Pull, Source
from models.sealing import SEALED_TEXT, Keyring, Seal, Sealed, bound_secret, bound_token


class SecretKind(StrEnum):
    """What a secret is for."""

    SECRET = "secret"
    TOKEN = "pull token"


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """A secret of a source as it stands at rest."""

    kind: SecretKind
    source: int
    name: str
    seal: Seal


def secret_of(source: Source, keys: Keyring) -> str | None:
    """Open a source's signing secret; None where it has none. Raise `Sealed` that names the setting."""
    if source.stored_secret is None:
        return None
    try:
        return keys.open_text(source.stored_secret, bound=bound_secret(source.id))
    except Sealed as error:
        raise Sealed(f"the source's secret cannot be read: {error.message}", field=error.field) from None


def token_of(pull: Pull, keys: Keyring) -> str:
    """Open the token that a source is pulled with; raise `Sealed` that names the setting."""
    try:
        return keys.open_text(pull.stored_token, bound=bound_token(pull.source_id))
    except Sealed as error:
        raise Sealed(f"the pull token cannot be read: {error.message}", field=error.field) from None


def list_secrets(session: Session, *, workspace: int, keys: Keyring) -> list[KeptSecret]:
    """List how the secrets of a workspace's sources stand, in order of source."""
    return [
        KeptSecret(kind, source, name, keys.seal_of(stored))
        for source, name, kind, stored in _stored(session, workspace)
    ]


def _stored(session: Session, workspace: int) -> Iterator[tuple[int, str, SecretKind, str]]:
    rows = session.execute(
        select(Source.id, Source.name, Source.stored_secret, Pull.stored_token)
        .outerjoin(Pull, Pull.source_id == Source.id)
        .where(Source.workspace_id == workspace)
        .order_by(Source.id)
    ).all()
    for source, name, secret, token in rows:
        if secret is not None:
            yield source, name, SecretKind.SECRET, secret
        if token is not None:
            yield source, name, SecretKind.TOKEN, token


def seal_again(session: Session, *, workspace: int, keys: Keyring) -> int:
    """Seal with the first key what is plain or sealed with an older one; return how many secrets that was.

    A secret that is set anew meanwhile stays as it was set. Without a key, and for secrets that none of the keys
    opens, nothing is done.
    """
    if not keys.keys:
        return 0
    count = 0
    for source, _, kind, stored in _stored(session, workspace):
        if keys.seal_of(stored) not in (Seal.PLAIN, Seal.OUTDATED):
            continue
        bound = bound_secret(source) if kind is SecretKind.SECRET else bound_token(source)
        fresh = keys.seal_text(keys.open_text(stored, bound=bound), bound=bound)
        count += _replace(session, workspace, source, kind, stored, fresh)
    return count


def _replace(session: Session, workspace: int, source: int, kind: SecretKind, stored: str, fresh: str) -> int:
    if kind is SecretKind.SECRET:
        change = update(Source).where(Source.id == source, Source.stored_secret == stored)
        change = change.where(within(Source, workspace)).values(stored_secret=fresh)
    else:
        change = update(Pull).where(Pull.source_id == source, Pull.stored_token == stored)
        change = change.where(within(Pull, workspace)).values(stored_token=fresh)
    result = session.execute(change.execution_options(synchronize_session=False))
    return int(result.rowcount)  # type: ignore[attr-defined]


def has_unreadable_secret(session: Session, *, keys: Keyring) -> bool:
    """Say whether any workspace has a source whose signing secret none of the keys opens."""
    ours: list[ColumnElement[bool]] = [
        Source.stored_secret.not_like(f"{SEALED_TEXT}{name}:%") for name in keys.names
    ]
    query = select(Source.id).where(and_(Source.stored_secret.like(f"{SEALED_TEXT}%"), *ours))
    return session.scalar(query.limit(1)) is not None
