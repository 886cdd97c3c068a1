"""Every vendor that Ebb can pull from, by the kind of source; a new one is one file and one line."""

from collections.abc import Mapping

from models.errors import Invalid
from models.sources import generic_json, pull_github, pull_intercom, pull_zendesk
from models.sources.pull import PULL_HEADER, Puller, PullParse

IMPORT_HEADER = "X-Ebb-Import"
"""Marks a delivery that is a row of a file: our own JSON, whatever the kind of the source it was read into."""

PULLERS: Mapping[str, Puller] = {
    puller.kind: puller for puller in (pull_github.PULLER, pull_intercom.PULLER, pull_zendesk.PULLER)
}


def puller_of(kind: str) -> Puller:
    """Return the puller of a kind of source; raise `Invalid` naming those there are."""
    if kind not in PULLERS:
        raise Invalid(
            f"a {kind} source cannot be pulled; these can: {', '.join(sorted(PULLERS))}", field="pull"
        )
    return PULLERS[kind]


def parser_of(headers: Mapping[str, str]) -> PullParse | None:
    """Return who reads a stored delivery in the place of its source's parser; None for what was sent to us.

    The headers are those that were stored: nobody outside can set these two.
    """
    if IMPORT_HEADER in headers:
        return generic_json.parse
    puller = PULLERS.get(headers.get(PULL_HEADER, ""))
    return puller.parse if puller else None
