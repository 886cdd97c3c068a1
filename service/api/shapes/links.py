"""Links: which feature is meant to mend which theme, or to move which key result."""

from pydantic import Field, model_validator

from service.api.shapes.base import (
    Answer,
    FeatureId,
    KeyResultId,
    LinkId,
    Moment,
    Paging,
    ReleaseId,
    Request,
    Share,
    ThemeId,
)
from service.api.shapes.themes import Quote
from service.api.shapes.words import LinkState, LinkTiming


class LinkPut(Request):
    """Claim a link yourself; it is confirmed at once. Exactly one of three pairs."""

    feature: FeatureId | None = Field(
        default=None, description="The feature that addresses the theme or key result."
    )
    theme: ThemeId | None = Field(
        default=None, description="The theme that is addressed, or serves the key result."
    )
    key_result: KeyResultId | None = Field(default=None, description="The key result that is served.")

    @model_validator(mode="after")
    def _is_a_pair(self) -> "LinkPut":
        if sum(each is not None for each in (self.feature, self.theme, self.key_result)) != 2:
            raise ValueError(
                "a link joins two: feature and theme, feature and key_result, or theme and key_result"
            )
        return self


class LinkAnswer(Answer):
    """A link with what speaks for it and who decided."""

    id: LinkId = Field(description="Public id.")
    feature: FeatureId | None = Field(description="The feature.")
    theme: ThemeId | None = Field(description="The theme, redirects followed.")
    key_result: KeyResultId | None = Field(description="The key result.")
    state: LinkState = Field(description="proposed, confirmed or rejected.")
    timing: LinkTiming | None = Field(
        description="prospective if confirmed before the first week after release was visible; null until confirmed."
    )
    probability: Share | None = Field(
        description="How likely the proposal is right, 0 to 1; null if a person made it."
    )
    reason: str | None = Field(
        description="Why it was proposed, in a sentence; null for callers who may see aggregates only."
    )
    evidence: list[Quote] = Field(
        description="Quotes that speak for it; none for callers who may see aggregates only."
    )
    proposed_at: Moment = Field(description="When it was proposed or made.")
    decided_at: Moment | None = Field(description="When it was confirmed or rejected.")
    decided_by: str | None = Field(description="The name of the key or person who decided.")


class LinksQuery(Paging):
    """Filters of the list, oldest first."""

    state: LinkState | None = Field(default=None, description="Only links in this state.")
    feature: FeatureId | None = Field(default=None, description="Only links of this feature.")
    theme: ThemeId | None = Field(default=None, description="Only links of this theme.")


class LinkSuggestion(Answer):
    """A proposal seen from a release, likeliest first."""

    link: LinkAnswer = Field(description="The proposed link.")
    feature_title: str = Field(description="What the feature is.")
    theme_label: str | None = Field(description="What the theme is about.")


class LinkSuggestions(Answer):
    """Proposals for one release that nobody has decided."""

    release: ReleaseId = Field(description="The release.")
    items: list[LinkSuggestion] = Field(description="Proposals, likeliest first.")
    next_cursor: str | None = Field(
        description="Pass as `cursor` to read the next page; null on the last one."
    )


class LinkDecision(Request):
    """What to note with a decision; an empty body will do."""

    note: str = Field(default="", max_length=2000, description="Why, for the audit log.")
