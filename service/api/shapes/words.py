"""Words of the HTTP interface that are not statistics: states and kinds, each a closed list."""

from enum import StrEnum


class LinkState(StrEnum):
    """What is known of a link."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class LinkTiming(StrEnum):
    """Whether a link was confirmed before anybody could see the first week after the release."""

    PROSPECTIVE = "prospective"
    RETROSPECTIVE = "retrospective"


class ThemeState(StrEnum):
    """Where a theme stands in its life."""

    ACTIVE = "active"
    MERGED = "merged"
    RETIRED = "retired"
    DISMISSED = "dismissed"


class ThemeEventKind(StrEnum):
    """What happened to a theme; the log only grows."""

    BORN = "born"
    MERGED = "merged"
    SPLIT = "split"
    RENAMED = "renamed"
    PINNED = "pinned"
    UNDONE = "undone"
    MOVED = "moved"
    RETIRED = "retired"
    DISMISSED = "dismissed"
    SEEDED = "seeded"
    MODEL_CHANGED = "model_changed"


class SourceLight(StrEnum):
    """Health of a source at a glance."""

    WAITING = "waiting"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class SilenceState(StrEnum):
    """What a source's silence means."""

    LEARNING = "learning"
    ORDINARY = "ordinary"
    SILENT = "silent"
    ENDED = "ended"


class AlertKind(StrEnum):
    """What an alert is about."""

    SOURCE_SILENT = "source_silent"


class AlertState(StrEnum):
    """Which alerts to list."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


class EventKind(StrEnum):
    """Kinds of context events: things besides releases that move complaints."""

    INCIDENT = "incident"
    PRICE_CHANGE = "price_change"
    CAMPAIGN = "campaign"
    HOLIDAY = "holiday"
    HELP_CENTRE_EDIT = "help_centre_edit"
    ROUTING_CHANGE = "routing_change"
    FORM_CHANGE = "form_change"
    BOT_ROLLOUT = "bot_rollout"
    SOURCE_SILENT = "source_silent"
    OTHER = "other"


class Direction(StrEnum):
    """Which way something is predicted or wanted to move."""

    DOWN = "down"
    UP = "up"


class BetState(StrEnum):
    """A bet is open until its feature ships, then frozen, then scored at its horizon."""

    OPEN = "open"
    FROZEN = "frozen"
    SCORED = "scored"


class AssumptionState(StrEnum):
    """What discovery says of an assumption."""

    UNTESTED = "untested"
    SUPPORTED = "supported"
    REFUTED = "refuted"


class DecisionWord(StrEnum):
    """What was decided about a bet."""

    CONTINUE = "continue"
    CHANGE = "change"
    STOP = "stop"


class LintCode(StrEnum):
    """What can be wrong with a key result as written; codes are independent."""

    OUTPUT_PHRASED = "output_phrased"
    VANITY_METRIC = "vanity_metric"
    NO_BASELINE = "no_baseline"
    NO_TARGET = "no_target"
    SANDBAGGED = "sandbagged"
    HORIZON_TOO_SHORT = "horizon_too_short"
    NOT_MEASURABLE = "not_measurable"


class ReportKind(StrEnum):
    """The three documents."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


class ReportFormat(StrEnum):
    """How a report is written; all are views of one document."""

    JSON = "json"
    MARKDOWN = "md"
    HTML = "html"
    CSV = "csv"
