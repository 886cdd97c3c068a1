"""Secrets of sources at rest: sealed where they are written, sealed again when keys change, bound to their row."""

import pytest
from sqlalchemy import select, update

from models.database import Database
from models.queries import deliveries, pulls, sealed
from models.queries.pulls import PullDraft
from models.queries.sealed import KeptSecret, SecretKind
from models.records import Pull, Source
from models.sealing import Keyring, Seal, Sealed
from tests import factories
from tests.clock import NOON

OLD, NEW = Keyring((b"o" * 32,)), Keyring((b"n" * 32,))
BOTH = Keyring((*NEW.keys, *OLD.keys))
SECRET, TOKEN = "the-secret-of-the-tool", "the-token-of-the-vendor"


def connect(database: Database, workspace: int, keys: Keyring, *, name: str = "desk") -> int:
    """Make a source with a secret and a pull token, stored as these keys seal them."""
    with database.write(workspace=workspace) as session:
        row = deliveries.create_source(
            session,
            workspace=workspace,
            kind="zendesk",
            name=name,
            secret=SECRET,
            settings={},
            keys=keys,
            now=NOON,
        )
        draft = PullDraft("acme", None, None, TOKEN, 300, NOON)
        pulls.put_pull(session, workspace=workspace, source=row.id, draft=draft, keys=keys, now=NOON)
        return row.id


def stored(database: Database, workspace: int, source: int) -> tuple[Source, Pull]:
    with database.read(workspace=workspace) as session:
        row = deliveries.get_source(session, workspace=workspace, source=source)
        pull = pulls.find_pull(session, workspace=workspace, source=source)
    assert pull is not None
    return row, pull


def opened(database: Database, workspace: int, source: int, keys: Keyring) -> tuple[str | None, str]:
    row, pull = stored(database, workspace, source)
    return sealed.secret_of(row, keys), sealed.token_of(pull, keys)


def seals(database: Database, workspace: int, keys: Keyring) -> list[Seal]:
    with database.read(workspace=workspace) as session:
        return [each.seal for each in sealed.list_secrets(session, workspace=workspace, keys=keys)]


def seal_again(database: Database, workspace: int, keys: Keyring) -> int:
    with database.write(workspace=workspace) as session:
        return sealed.seal_again(session, workspace=workspace, keys=keys)


def test_secrets_are_sealed_where_they_are_written(database: Database, workspace: int) -> None:
    source = connect(database, workspace, NEW)
    row, pull = stored(database, workspace, source)
    assert SECRET not in str(row.stored_secret)
    assert TOKEN not in pull.stored_token
    assert opened(database, workspace, source, NEW) == (SECRET, TOKEN)
    assert opened(database, workspace, connect(database, workspace, Keyring()), NEW) == (SECRET, TOKEN)
    with database.read(workspace=workspace) as session:
        found = sealed.list_secrets(session, workspace=workspace, keys=NEW)
    assert found[:2] == [
        KeptSecret(SecretKind.SECRET, source, "desk", Seal.SEALED),
        KeptSecret(SecretKind.TOKEN, source, "desk", Seal.SEALED),
    ]
    assert [each.seal for each in found[2:]] == [Seal.PLAIN, Seal.PLAIN]


def test_a_pull_that_is_set_anew_without_a_token_keeps_the_one_that_is_sealed(
    database: Database, workspace: int
) -> None:
    source = connect(database, workspace, NEW)
    with database.write(workspace=workspace) as session:
        draft = PullDraft("other", None, None, None, 300, NOON)
        pulls.put_pull(session, workspace=workspace, source=source, draft=draft, keys=NEW, now=NOON)
    assert opened(database, workspace, source, NEW) == (SECRET, TOKEN)


def test_a_first_key_seals_what_is_plain_and_a_new_one_what_the_old_one_sealed(
    database: Database, workspace: int
) -> None:
    other = factories.workspace(database, name="Other")
    source, elsewhere = (connect(database, each, Keyring()) for each in (workspace, other))
    assert seal_again(database, workspace, Keyring()) == 0
    assert seals(database, workspace, OLD) == [Seal.PLAIN, Seal.PLAIN]
    assert seal_again(database, workspace, OLD) == 2
    assert seals(database, workspace, OLD) == [Seal.SEALED, Seal.SEALED]
    assert seals(database, workspace, BOTH) == [Seal.OUTDATED, Seal.OUTDATED]
    assert seals(database, other, BOTH) == [Seal.PLAIN, Seal.PLAIN], "of another workspace"
    assert seal_again(database, workspace, BOTH) == 2
    assert seal_again(database, workspace, BOTH) == 0
    # The old key can go.
    assert opened(database, workspace, source, NEW) == (SECRET, TOKEN)
    assert opened(database, other, elsewhere, NEW) == (SECRET, TOKEN)


def test_what_no_key_opens_is_left_alone_and_told(database: Database, workspace: int) -> None:
    source = connect(database, workspace, OLD)
    factories_source = connect(database, workspace, Keyring(), name="plain")
    assert seal_again(database, workspace, NEW) == 2
    assert seals(database, workspace, NEW) == [Seal.UNREADABLE] * 2 + [Seal.SEALED] * 2
    row, pull = stored(database, workspace, source)
    with pytest.raises(Sealed, match=r"the source's secret cannot be read.*EBB_SEALING_KEY"):
        sealed.secret_of(row, NEW)
    with pytest.raises(Sealed, match=r"the pull token cannot be read.*EBB_SEALING_KEY"):
        sealed.token_of(pull, NEW)
    assert opened(database, workspace, source, OLD) == (SECRET, TOKEN)
    assert opened(database, workspace, factories_source, NEW) == (SECRET, TOKEN)


def test_a_secret_that_is_copied_to_another_row_does_not_open(database: Database, workspace: int) -> None:
    first, second = connect(database, workspace, NEW), connect(database, workspace, NEW, name="two")
    with database.write(workspace=workspace) as session:
        copied = session.scalars(select(Source.stored_secret).where(Source.id == first)).one()
        token = session.scalars(select(Pull.stored_token).where(Pull.source_id == first)).one()
        session.execute(update(Source).where(Source.id == second).values(stored_secret=copied))
        session.execute(update(Pull).where(Pull.source_id == second).values(stored_token=token))
    row, pull = stored(database, workspace, second)
    with pytest.raises(Sealed, match="wrong row"):
        sealed.secret_of(row, NEW)
    with pytest.raises(Sealed, match="wrong row"):
        sealed.token_of(pull, NEW)


def test_a_missing_key_is_seen_in_every_workspace(
    database: Database, programs: Database, workspace: int
) -> None:
    def is_missing(keys: Keyring) -> bool:
        with programs.read(workspace=None) as session:
            return sealed.has_unreadable_secret(session, keys=keys)

    connect(database, workspace, Keyring())
    assert not is_missing(Keyring())
    connect(database, factories.workspace(database, name="Other"), OLD)
    assert [is_missing(keys) for keys in (Keyring(), NEW, OLD, BOTH)] == [True, True, False, False]


def test_the_longest_secret_fits_when_it_is_sealed(database: Database, workspace: int) -> None:
    secret = "\U0001f511" * 500
    with database.write(workspace=workspace) as session:
        row = deliveries.create_source(
            session,
            workspace=workspace,
            kind="zendesk",
            name="desk",
            secret=secret,
            settings={},
            keys=NEW,
            now=NOON,
        )
    with database.read(workspace=workspace) as session:
        found = deliveries.get_source(session, workspace=workspace, source=row.id)
    assert sealed.secret_of(found, NEW) == secret
