"""Chore `seal`: secrets that are plain, or sealed with a key on its way out, are sealed with the first key."""

import logging
from collections.abc import Callable

from models.jobs import Job
from models.queries import sealed, workspaces
from models.sealing import Keyring, Seal, keyring
from workers.context import Context

log = logging.getLogger("ebb.seal")


def seal(context: Context, _announce: Callable[[frozenset[Job]], None]) -> None:
    """Bring the secrets of every workspace to the first key; those that no key opens are told and left alone."""
    keys = keyring(context.settings.sealing_key)
    with context.database.read(workspace=None) as session:
        numbers = [row.id for row in workspaces.list_workspaces(session)]
    count = sum(_seal(context, number, keys) for number in numbers)
    if count:
        log.info("%d secrets of sources were sealed", count)
        if context.database.is_sqlite:
            # What was plain stands in the write-ahead log until that is written back.
            context.database.scrub()


def _seal(context: Context, workspace: int, keys: Keyring) -> int:
    with context.database.read(workspace=workspace) as session:
        found = [each.seal for each in sealed.list_secrets(session, workspace=workspace, keys=keys)]
    if unreadable := found.count(Seal.UNREADABLE):
        log.error("no key opens %d secrets of sources; the doctor names them", unreadable)
    if not keys.keys or not {Seal.PLAIN, Seal.OUTDATED} & set(found):
        return 0
    with context.database.write(workspace=workspace) as session:
        return sealed.seal_again(session, workspace=workspace, keys=keys)
