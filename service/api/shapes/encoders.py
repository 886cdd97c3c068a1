"""The encoder of a workspace, and the one that is tried before it takes its place."""

from pydantic import Field

from models.records import ShadowState
from models.values.encoders import Dtype
from service.api.shapes.base import Answer, Count, Hash, Moment, Request, Share, ShortText, ThemeId
from service.api.shapes.themes import Revision


class EncoderTry(Request):
    """Another encoder to run in the shadow; what is left out is as the workspace has it."""

    model: ShortText | None = Field(
        default=None, description="One of `models`: the packaged one, or one that `EBB_ENCODER_MODELS` names."
    )
    dtype: Dtype | None = Field(default=None, description="Its arithmetic: float32 or bfloat16.")


class EncoderSwitch(Request):
    """The switch to the encoder that is tried."""

    accept_moved: Share | None = Field(
        default=None,
        description="Largest share of items or complaints that may change their theme, where it is above the limit.",
    )


class ThemeFateAnswer(Answer):
    """What becomes of one theme."""

    theme: ThemeId | None = Field(description="The theme; null for one that would be new.")
    label: str | None = Field(description="What it is about.")
    before: Count = Field(description="Items in it now.")
    after: Count = Field(description="Items in it after a switch.")
    stayed: Count = Field(description="Items in it both times.")
    complaints_before: Count = Field(description="Complaints among those in it now.")
    complaints_after: Count = Field(description="Complaints among those in it after a switch.")
    other: ThemeId | None = Field(
        description="Where most of what leaves goes, or, of a new theme, where most came from; null where that is "
        "new itself, or no theme."
    )
    other_label: str | None = Field(
        description="What that is about; null where these items wait for a theme."
    )
    other_items: Count = Field(description="How many items go there or come from there.")


class MoveReportAnswer(Answer):
    """What a switch would move, counted in items that both encoders have read."""

    at: Moment = Field(description="When both were compared.")
    revision: Revision = Field(description="Theme revision compared with.")
    items: Count = Field(description="Items compared.")
    complaints: Count = Field(description="Complaints among them.")
    unread: Count = Field(description="Items without words that stay where they are.")
    moved_items: Count = Field(description="Items whose theme would be another.")
    moved_complaints: Count = Field(description="Complaints among these.")
    moved_share: Share = Field(description="The larger share of the two; it is held against the limit.")
    unassigned_before: Share = Field(description="Share of items in no theme now.")
    unassigned_after: Share = Field(description="Share of items in no theme after a switch.")
    lost: list[ThemeFateAnswer] = Field(
        description="Themes that nothing matches: they would be retired. For a person to look at, the largest first."
    )
    new: list[ThemeFateAnswer] = Field(description="Themes that would be new, the largest first.")
    changed: list[ThemeFateAnswer] = Field(description="Themes that stay and gain or lose items.")
    unchanged: Count = Field(description="How many themes stay as they are.")


class ShadowAnswer(Answer):
    """An encoder that is tried."""

    model: str = Field(description="Its model.")
    dtype: str = Field(description="Its arithmetic.")
    state: ShadowState = Field(
        description="running: it reads items; ready: the report is there; switching: a worker makes the switch; "
        "dropping: what is not needed any more is being deleted."
    )
    done: Count = Field(description="Items it has read.")
    total: Count = Field(description="Items there are.")
    started_at: Moment = Field(description="When it was begun.")
    actor: str = Field(description="Who began it, and then who asked for the switch.")
    error: str | None = Field(description="Why it stands still.")
    refusal: str | None = Field(description="Why a worker did not make the switch.")
    report: MoveReportAnswer | None = Field(description="What a switch would move; null until all is read.")


class EncoderAnswer(Answer):
    """The encoder of a workspace."""

    model: str = Field(description="Its model.")
    dtype: str = Field(description="Its arithmetic.")
    digest: Hash | None = Field(
        description="SHA-256 of its weights; null before the first item was embedded."
    )
    dimension: Count | None = Field(description="Length of its vectors.")
    models: list[str] = Field(description="Models that can be tried.")
    moved_limit: Share = Field(description="Share that may move in a switch without being accepted by name.")
    shadow: ShadowAnswer | None = Field(description="The encoder that is tried; null where none is.")
