"""Every kind of tool that can send to us, by the name used in `POST /v1/sources`. A new one is one file and
one line."""

from collections.abc import Mapping

from models.errors import Invalid
from models.sources import (
    discourse,
    freshdesk,
    front,
    generic_json,
    github,
    helpscout,
    intercom,
    jira,
    linear,
    slack,
    standardwebhooks,
    typeform,
    zendesk,
)
from models.sources.source import Source

SOURCES: Mapping[str, Source] = {
    source.kind: source
    for source in (
        discourse.SOURCE,
        freshdesk.SOURCE,
        front.SOURCE,
        generic_json.SOURCE,
        github.SOURCE,
        helpscout.SOURCE,
        intercom.SOURCE,
        jira.SOURCE,
        linear.SOURCE,
        slack.SOURCE,
        standardwebhooks.SOURCE,
        typeform.SOURCE,
        zendesk.SOURCE,
    )
}


def source_of(kind: str) -> Source:
    """Return the connector of a kind; raise Invalid naming the known kinds."""
    if kind not in SOURCES:
        raise Invalid(f"kind must be one of {', '.join(sorted(SOURCES))}", field="kind")
    return SOURCES[kind]
