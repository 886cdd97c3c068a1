"""Stage `link`: propose which themes a feature was meant to help, with evidence from before its release."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.language.encode import FloatArray, IntArray
from models.language.lexical import LinkText, WordStatistics
from models.language.link import PairScores, Proposal, passages, propose, score_pairs
from models.queries import embeddings, links, products, themes, work, workspaces
from models.queries.links import ProposalDraft
from models.queries.themes import Member
from models.queries.work import Leased
from models.records import Feature, Release
from models.values.encoders import EncoderChoice
from workers.context import Context

MEMBERS_READ = 40
"""Complaints of a theme that are read for one feature: the latest before its release."""


@dataclass(frozen=True, slots=True)
class Material:
    """What proposals are made from, read in one go."""

    features: list[Feature]
    releases: Mapping[int, Release]
    members: list[Member]
    labels: Mapping[int, str]
    choice: EncoderChoice
    dimension: int


def propose_links(context: Context, leased: Sequence[Leased]) -> None:
    """Propose links for features and store them in place of earlier undecided proposals."""
    workspace = leased[0].workspace_id
    material = _read(context, workspace)
    wanted = {piece.subject: piece for piece in leased}
    found = _propose(context, material, wanted) if material and material.members else {}
    with context.database.write(workspace=workspace) as session:
        for feature, piece in wanted.items():
            links.propose(
                session,
                workspace=workspace,
                feature=feature,
                drafts=found.get(feature, []),
                now=context.clock(),
            )
            work.finish(session, [piece], now=context.clock())


def _read(context: Context, workspace: int) -> Material | None:
    with context.database.read(workspace=workspace) as session:
        choice = workspaces.chosen_encoder(session, workspace=workspace)
        encoder = workspaces.encoder_of(session, workspace=workspace)
        if encoder is None:
            return None
        features = products.list_features(session, workspace=workspace)
        releases = {row.id: row for row in products.list_releases(session, workspace=workspace)}
        found = themes.members(session, workspace=workspace, encoder=encoder.id)
        labels = {
            theme.id: theme.label or f"theme {theme.id}"
            for theme in themes.active_themes(session, workspace=workspace)
        }
    # Of themes that were called noise nothing is proposed.
    complaints = [m for m in found if m.is_complaint and m.text.strip() and m.theme in labels]
    return Material(features, releases, complaints, labels, choice, encoder.dimension)


def _propose(
    context: Context, material: Material, wanted: Mapping[int, Leased]
) -> dict[int, list[ProposalDraft]]:
    texts = [LinkText(feature.title, feature.body) for feature in material.features]
    statistics = WordStatistics.of(texts)
    chosen = [row for row, feature in enumerate(material.features) if feature.id in wanted]
    before = {row: _members_before(material, material.features[row]) for row in chosen}
    used = sorted(
        {position for by_theme in before.values() for many in by_theme.values() for position in many}
    )
    place = {position: row for row, position in enumerate(used)}
    members = [material.members[position] for position in used]
    items = [LinkText(member.subject or "", member.text) for member in members]
    if not items:
        return {}
    pairs = score_pairs(
        [texts[row] for row in chosen],
        items,
        passage_vectors=_encode_passages(context, material, [texts[row] for row in chosen]),
        item_vectors=embeddings.unpack([member.vector for member in members], material.dimension),
        statistics=statistics,
    )
    found: dict[int, list[ProposalDraft]] = {}
    for line, row in enumerate(chosen):
        own = PairScores(pairs.score[line : line + 1], pairs.probability[line : line + 1])
        by_theme = {
            theme: np.array([place[position] for position in many], dtype=np.int64)
            for theme, many in before[row].items()
        }
        proposals = propose(
            [texts[row]],
            items,
            own,
            by_theme,
            statistics=statistics,
            least=context.settings.link_threshold,
            most=1,
        )
        feature = material.features[row]
        found[feature.id] = [_draft(feature, proposal, members, material.labels) for proposal in proposals]
    return found


def _members_before(material: Material, feature: Feature) -> dict[int, IntArray]:
    """Group by theme the latest complaints from before the feature's release: never the outcome itself."""
    release = material.releases.get(feature.release_id) if feature.release_id else None
    by_theme: dict[int, list[int]] = {}
    for position, member in enumerate(material.members):
        if release is None or member.created_at < release.released_at:
            by_theme.setdefault(member.theme, []).append(position)
    return {
        theme: np.array(
            sorted(many, key=lambda at: material.members[at].created_at)[-MEMBERS_READ:], dtype=np.int64
        )
        for theme, many in by_theme.items()
    }


def _encode_passages(context: Context, material: Material, texts: Sequence[LinkText]) -> list[FloatArray]:
    parts = [passages(text) for text in texts]
    flat = [part for each in parts for part in each]
    vectors = context.encoder(material.choice).encode(flat)
    bounds = np.cumsum([0, *(len(each) for each in parts)])
    return [vectors[start:end] for start, end in itertools.pairwise(bounds)]


def _draft(
    feature: Feature, proposal: Proposal, members: Sequence[Member], labels: Mapping[int, str]
) -> ProposalDraft:
    shared = list(dict.fromkeys(term for one in proposal.evidence for term in one.shared))[:5]
    words = f" Shared words: {', '.join(shared)}." if shared else " They share meaning more than words."
    return ProposalDraft(
        theme_id=proposal.theme,
        feature_id=feature.id,
        probability=round(proposal.probability, 4),
        reason=(
            f"“{feature.title}” reads like an answer to {proposal.share_backing:.0%} of the complaints about "
            f"“{labels[proposal.theme]}” from before the release.{words}"
        ),
        evidence=[
            {
                "item": members[one.item].item,
                "score": one.score,
                "shared": list(one.shared),
                "start": one.start,
                "end": one.end,
            }
            for one in proposal.evidence
        ],
    )
