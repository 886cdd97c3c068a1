"""Filling, joining and roughening of phrasings, and the hand-written data files themselves."""

from random import Random

import pytest

from models.errors import Invalid
from models.sample.letters import Letter
from models.sample.phrases import fill, join, roughen
from models.sample.plan import Topic, load_releases, load_shared, load_topics, number, record, records, text

WORDS = {"plan": "team", "ver": "4.4.0", "agent": "Joel"}


def test_fill_chooses_and_draws() -> None:
    seen = {fill("{a|b} {n3-4}", Random(seed), {}) for seed in range(60)}
    assert seen == {"a 3", "a 4", "b 3", "b 4"}


def test_fill_takes_given_words_and_nests() -> None:
    assert fill("on {plan}", Random(1), WORDS) == "on team"
    assert fill("{today|on {weekday}}", Random(2), WORDS).split()[-1] in {
        "today",
        *load_shared()["slot.weekday"],
    }


@pytest.mark.parametrize("template", ["{nobody}", "{only one side}"])
def test_fill_refuses_what_it_does_not_know(template: str) -> None:
    with pytest.raises(ValueError, match="phrasing"):
        fill(template, Random(1), {})


def test_join_ends_sentences_but_not_the_last() -> None:
    assert join(["no stop", "", "Is it?", "end"]) == "no stop. Is it? end"


def test_roughen_without_haste_changes_nothing() -> None:
    assert roughen("Nothing wrong here.", Random(1), haste=0.0) == "Nothing wrong here."


def test_roughen_keeps_the_words_recognisable() -> None:
    source = "Our technicians cannot finish the inspection form without a network."
    for seed in range(200):
        rough = roughen(source, Random(seed), haste=1.0).lower()
        same = sum(word in rough for word in source.lower().rstrip(".").split())
        assert same >= 8


def test_letter_renders_quotes_in_both_forms() -> None:
    letter = Letter("Any news?\n\nKofi", "-- \nKofi & Co", "On Monday, Support wrote:", "Hi <Kofi>\n\nBye")
    assert letter.as_text() == (
        "Any news?\n\nKofi\n\n-- \nKofi & Co\n\nOn Monday, Support wrote:\n> Hi <Kofi>\n>\n> Bye"
    )
    assert "<p>Any news?</p><p>Kofi</p>" in letter.as_html()
    assert '<blockquote type="cite">Hi &lt;Kofi&gt;<br><br>Bye</blockquote>' in letter.as_html()


@pytest.mark.parametrize("topic", load_topics(), ids=lambda topic: topic.key)
def test_every_phrasing_can_be_filled(topic: Topic) -> None:
    rng = Random(3)
    for line in topic.texts + topic.details + topic.subjects:
        for _ in range(10):
            assert not set("{}|") & set(fill(line, rng, WORDS)), line


def test_shared_phrasings_can_be_filled() -> None:
    rng = Random(4)
    for lines in load_shared().values():
        for line in lines:
            assert not set("{}|") & set(fill(line, rng, WORDS)), line


def test_topics_are_rich_and_balanced() -> None:
    topics = load_topics()
    assert len({topic.key for topic in topics}) == len(topics)
    for topic in topics:
        assert sum(topic.mix) == pytest.approx(1.0)
        assert topic.weekly > 0
        assert len(set(topic.texts)) == len(topic.texts) >= (12 if topic.kind == "complaint" else 7)


def test_effects_and_features_name_known_topics() -> None:
    known = {topic.key for topic in load_topics()}
    for release in load_releases():
        assert release.start_day <= release.full_day
        assert {effect.topic for effect in release.effects} <= known
        assert {feature.topic for feature in release.features} <= known | {None}


def test_wrong_shapes_name_the_field() -> None:
    with pytest.raises(Invalid, match="mapping"):
        record([])
    with pytest.raises(Invalid, match="list"):
        records({})
    with pytest.raises(Invalid, match="title"):
        text({"title": 3}, "title")
    with pytest.raises(Invalid, match="weekly"):
        number({}, "weekly")
