"""Every kind of tool that can send to us, by the name used in `POST /v1/sources`. A new one is one file and
one line."""

from collections.abc import Mapping

from models.errors import Invalid
from models.sources import generic_json, github, intercom, jira, slack, zendesk
from models.sources.source import Source

SOURCES: Mapping[str, Source] = {
    source.kind: source
    for source in (
        generic_json.SOURCE,
        github.SOURCE,
        intercom.SOURCE,
        jira.SOURCE,
        slack.SOURCE,
        zendesk.SOURCE,
    )
}


def source_of(kind: str) -> Source:
    """Return the connector of a kind; raise Invalid naming the known kinds."""
    if kind not in SOURCES:
        raise Invalid(f"kind must be one of {', '.join(sorted(SOURCES))}", field="kind")
    return SOURCES[kind]
