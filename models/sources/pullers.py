"""Every vendor that Ebb can pull from, by the kind of source; a new one is one file and one line."""

from collections.abc import Mapping
from urllib.parse import urlsplit

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


def address_of(puller: Puller, place: str, base_url: str | None, *, allowed: str) -> str:
    """Return the vendor's address for a place, or the one named in its stead if the operator allows it.

    Raise `Invalid` for a malformed place, and for an address that `EBB_PULL_BASES` does not list: requests go where
    the kind of source says, and nowhere else that somebody with access to the API might name.
    """
    public = puller.base(place)
    if base_url is None:
        return public
    listed = {each.strip().rstrip("/") for each in allowed.split(",")} - {""}
    if base_url.rstrip("/") not in listed:
        raise Invalid("base_url must be one of the addresses in EBB_PULL_BASES", field="pull.base_url")
    parts = urlsplit(base_url)
    is_near = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (is_near and parts.scheme == "http"):
        raise Invalid("base_url must begin with https://", field="pull.base_url")
    return base_url.rstrip("/")


def parser_of(headers: Mapping[str, str]) -> PullParse | None:
    """Return who reads a stored delivery in the place of its source's parser; None for what was sent to us.

    The headers are those that were stored: nobody outside can set these two.
    """
    if IMPORT_HEADER in headers:
        return generic_json.parse
    puller = PULLERS.get(headers.get(PULL_HEADER, ""))
    return puller.parse if puller else None
