import json

import numpy as np
import pytest

from models.language.encode import WordHashEncoder
from models.language.lexical import LinkText, WordStatistics, overlap, prose, terms
from models.language.link import (
    PAIR_FEATURES,
    PROBABILITY_FEATURES,
    LinkWeights,
    PairScores,
    passages,
    propose,
    score_pairs,
    shipped_weights,
)

FEATURES = [
    LinkText("Faster CSV export", "Exports of more than 10,000 rows no longer time out."),
    LinkText("SSO login fixed", "The login page no longer loops after single sign-on with SAML."),
    LinkText("Dark mode", "A dark colour theme for the whole console."),
]
ITEMS = [
    LinkText("CSV export times out", "Exporting 20,000 rows to CSV fails with a time out."),
    LinkText("", "The login page loops after I sign on with SSO. Please fix this."),
    LinkText("Invoice address", "Where can I change the address on our invoices?"),
    LinkText("", "csv export of all rows never finishes"),
]
ENCODER = WordHashEncoder()
STATISTICS = WordStatistics.of(FEATURES)


def score(items: list[LinkText], features: list[LinkText] = FEATURES) -> PairScores:
    return score_pairs(
        features,
        items,
        passage_vectors=[ENCODER.encode(passages(feature)) for feature in features],
        item_vectors=ENCODER.encode([prose(item) for item in items]),
        statistics=STATISTICS,
    )


def test_the_right_feature_scores_best_and_the_unrelated_item_links_to_nothing() -> None:
    scored = score(ITEMS)
    assert scored.score[:, [0, 1, 3]].argmax(axis=0).tolist() == [0, 1, 0]
    assert scored.probability[0, 0] > 0.5 > scored.probability[:, 2].max()
    assert ((scored.probability >= 0) & (scored.probability <= 1)).all()


def test_a_pair_does_not_depend_on_other_items() -> None:
    together = score(ITEMS)
    for position, item in enumerate(ITEMS):
        alone = score([item])
        assert alone.score[:, 0] == pytest.approx(together.score[:, position], abs=1e-5)
        assert alone.probability[:, 0] == pytest.approx(together.probability[:, position], abs=1e-6)
    fifty = score([ITEMS[0]] * 50)
    assert np.ptp(fifty.probability[0]) < 1e-6


def test_empty_texts_score_lowest() -> None:
    scored = score_pairs(
        FEATURES,
        [LinkText("", ""), ITEMS[0]],
        passage_vectors=[ENCODER.encode(passages(feature)) for feature in FEATURES],
        item_vectors=np.stack([ENCODER.encode(["-"])[0], ENCODER.encode([prose(ITEMS[0])])[0]]),
        statistics=STATISTICS,
    )
    assert np.isfinite(scored.score).all()
    assert scored.score[0, 0] < scored.score[0, 1]


def test_bm25_of_a_text_with_itself_is_at_most_the_attainable_share() -> None:
    found = overlap(FEATURES, FEATURES, STATISTICS)
    assert (found.bm25 <= 1).all()
    assert found.bm25.argmax(axis=1).tolist() == [0, 1, 2]
    assert np.diag(found.words) == pytest.approx(1)
    assert np.diag(found.feature_in_item) == pytest.approx(1)


def test_bm25_by_hand() -> None:
    feature, item = LinkText("", "export"), LinkText("", "export broken broken")
    statistics = WordStatistics(documents=4, counts={"export": 1}, mean_length=3.0)
    found = overlap([feature], [item], statistics)
    # tf 1, length = mean: 1 * 2.2 / (1 + 1.2), over the attainable 2.2; the word's weight cancels
    assert found.bm25[0, 0] == pytest.approx((2.2 / 2.2) / 2.2)
    assert statistics.weight("export") == pytest.approx(np.log(1 + 3.5 / 1.5))


def test_words_are_split_stemmed_and_titles_count_three_times() -> None:
    assert terms(LinkText("readCSV files", "the files")) == {"read": 3, "csv": 3, "fil": 4}
    assert overlap(
        [LinkText("", "fix load_table")], [LinkText("", "load_table fails")], STATISTICS
    ).identifiers[0, 0] == pytest.approx(np.log(2))


def test_prose_leaves_code_out() -> None:
    text = LinkText("Title", "Before ```code here``` after https://example.org/x `inline` end")
    assert prose(text) == "Title. Before after end"
    assert prose(LinkText("", "```only code```")) == "```only code```"
    assert passages(FEATURES[0])[0].startswith("Faster CSV export. Exports")
    assert len(passages(LinkText("t", "one two three. " * 40))) == 12


def test_a_theme_is_linked_by_its_members_not_by_an_intruder() -> None:
    scored = score(ITEMS)
    themes = {7: np.array([0, 2, 3]), 9: np.array([2])}
    (proposal,) = propose(FEATURES, ITEMS, scored, themes, statistics=STATISTICS, least=0.2)
    assert (proposal.theme, proposal.feature) == (7, 0)
    best_half = np.sort(scored.probability[0, [0, 2, 3]])[::-1][:2]
    assert proposal.probability == pytest.approx(best_half.mean())
    assert proposal.share_backing == pytest.approx((scored.probability[0, [0, 2, 3]] >= 0.5).mean())
    first = proposal.evidence[0]
    assert first.item == 0
    assert {"csv", "rows"} <= set(first.shared)
    assert ITEMS[0].text[first.start : first.end] == ITEMS[0].text


def test_shipped_weights_never_count_evidence_against_a_link() -> None:
    weights = shipped_weights()
    assert min(weights.rank[1:] + weights.probability[1:]) >= 0
    assert len(weights.rank) == 1 + len(PAIR_FEATURES)
    assert len(weights.probability) == 1 + len(PROBABILITY_FEATURES)


def test_foreign_weights_and_unequal_lengths_are_refused() -> None:
    names = dict.fromkeys(("intercept", *PAIR_FEATURES), 1.0)
    with pytest.raises(ValueError, match="probability features"):
        LinkWeights.read(json.dumps({"rank": names, "probability": {"intercept": 0.0}}))
    with pytest.raises(ValueError, match="rank features"):
        LinkWeights.read(json.dumps({"rank": {"intercept": 0.0}, "probability": {}}))
    none = np.zeros((4, 8), dtype=np.float32)
    with pytest.raises(ValueError, match="every item its vector"):
        score_pairs(FEATURES, ITEMS, passage_vectors=[], item_vectors=none, statistics=STATISTICS)
