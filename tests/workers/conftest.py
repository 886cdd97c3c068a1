"""What tests of several stages share."""

import pytest

from models.database import Database
from tests import factories
from tests.clock import Clock
from tests.workers.parts import Parts
from workers.context import Context


@pytest.fixture
def parts(
    database: Database, context: Context, workspace: int, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Parts:
    """A desk whose deliveries are written in small parts, on either database."""
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
    return Parts(database, context, workspace, source, clock, monkeypatch)
