"""All tables; importing this package fills the metadata that migrations are compared with."""

from models.records.audit import AuditEntry
from models.records.base import JsonObject, Record
from models.records.delivery import Delivery, DeliveryState, Source
from models.records.erasure import Erasure
from models.records.exposure import Exposure
from models.records.feedback import (
    Account,
    Embedding,
    FeedbackItem,
    Person,
    PersonIdentity,
    TicketState,
    Vote,
)
from models.records.goal import ContextEvent, KeyResult, Metric, Objective, Observation, Team
from models.records.link import Link, LinkState
from models.records.nudge import Nudge
from models.records.product import Feature, Release, RolloutStep
from models.records.pull import Pull, PullCount, PullRecord
from models.records.scope import Alert, SourceRules, SourceSilence
from models.records.shadow import Shadow, ShadowArrival, ShadowState
from models.records.theme import (
    Arrival,
    Assignment,
    DailyCount,
    Theme,
    ThemeEvent,
    ThemeQuote,
    ThemeState,
    ThemeStreamState,
)
from models.records.theme_act import ThemeAct, ThemeActItem, ThemeSeed, ThemeVerb
from models.records.theme_suggestion import SuggestionState, ThemeSuggestion
from models.records.verdict import Verdict
from models.records.work import Work
from models.records.worker import Heartbeat, ScheduleRun
from models.records.workspace import ApiKey, ConsoleTicket, Encoder, User, Workspace

__all__ = [
    "Account",
    "Alert",
    "ApiKey",
    "Arrival",
    "Assignment",
    "AuditEntry",
    "ConsoleTicket",
    "ContextEvent",
    "DailyCount",
    "Delivery",
    "DeliveryState",
    "Embedding",
    "Encoder",
    "Erasure",
    "Exposure",
    "Feature",
    "FeedbackItem",
    "Heartbeat",
    "JsonObject",
    "KeyResult",
    "Link",
    "LinkState",
    "Metric",
    "Nudge",
    "Objective",
    "Observation",
    "Person",
    "PersonIdentity",
    "Pull",
    "PullCount",
    "PullRecord",
    "Record",
    "Release",
    "RolloutStep",
    "ScheduleRun",
    "Shadow",
    "ShadowArrival",
    "ShadowState",
    "Source",
    "SourceRules",
    "SourceSilence",
    "SuggestionState",
    "Team",
    "Theme",
    "ThemeAct",
    "ThemeActItem",
    "ThemeEvent",
    "ThemeQuote",
    "ThemeSeed",
    "ThemeState",
    "ThemeStreamState",
    "ThemeSuggestion",
    "ThemeVerb",
    "TicketState",
    "User",
    "Verdict",
    "Vote",
    "Work",
    "Workspace",
]
