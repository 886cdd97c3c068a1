"""Sentences, numbers, tiny charts and specs of the console: pure functions."""

import json
from dataclasses import replace
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from models.values.verdicts import BLOCKING, Grade, Reason, Word
from service.console import charts, sparks, weeks, wording
from service.console.charts import Marker, RatePoint, ReleaseChart, Scheme, Shade, ThemeChart, Week
from service.console.key_results import progress
from service.console.sentences import (
    CAVEAT,
    GRADE_MEANING,
    WORD_LABEL,
    WORD_MEANING,
    Said,
    about,
    brief,
    claim,
    headline,
    limits,
)
from service.console.verdict_row import ReleaseRow, shorten

START = date(2026, 1, 5)
FELL = Said(
    word=Word.FELL, grade=Grade.D, subject=about("export stops"), release="2.3", effect=0.6, low=0.45, high=0.8,
    decision_low=0.42, decision_high=0.83, bound=0.58, mde=0.3,
)  # fmt: skip


def test_a_fall_reads_as_one_honest_sentence() -> None:
    assert headline(FELL) == (
        "Complaints about “export stops” fell 40% after 2.3 (95%: 20–55%). "
        "Before/after only: other causes are possible."
    )


@pytest.mark.parametrize(
    ("effect", "low", "high", "expected"),
    [
        (1.4, 1.12, 1.75, "rose 40% after 2.3 (95%: 12–75%)."),
        (1.69, 1.32, 2.17, "rose 69% after 2.3 (95%: 32–117%)."),
        (2.6, 1.9, 3.4, "rose to 2.6 times what was expected after 2.3 (95%: 1.9–3.4 times)."),
    ],
)
def test_a_rise_keeps_one_unit(effect: float, low: float, high: float, expected: str) -> None:
    said = replace(FELL, word=Word.ROSE, effect=effect, low=low, high=high)
    assert claim(said) == f"Complaints about “export stops” {expected}"


def test_unchanged_gives_the_interval_it_rests_on_and_what_could_be_seen() -> None:
    said = replace(FELL, word=Word.UNCHANGED, effect=0.98, decision_low=0.88, decision_high=1.08, bound=0.12)
    assert claim(said) == (
        "Complaints about “export stops” stayed level after 2.3: between 12% fewer and 8% more."
    )
    assert limits(said).endswith("A fall by 30% or more would have been noticed four times in five.")


def test_inconclusive_gives_bound_and_smallest_detectable_fall() -> None:
    said = replace(FELL, word=Word.INCONCLUSIVE, bound=0.35, decision_high=1.2)
    assert headline(said) == (
        "It is not clear whether complaints about “export stops” changed after 2.3. "
        "A fall of more than 35% and a rise of more than 20% are ruled out. "
        "A fall by 30% or more would have been noticed four times in five."
    )


@pytest.mark.parametrize(
    ("bound", "mde", "part"),
    [
        (1.0, 0.3, "No fall is ruled out."),
        (0.0, 0.3, "Every fall is ruled out."),
        (0.4, None, "even a fall by 95% could have been missed"),
    ],
)
def test_inconclusive_at_its_edges(bound: float, mde: float | None, part: str) -> None:
    assert part in headline(replace(FELL, word=Word.INCONCLUSIVE, bound=bound, mde=mde))


def test_too_early_says_until_when() -> None:
    said = replace(FELL, word=Word.TOO_EARLY, judgeable_on=date(2026, 12, 9))
    assert headline(said).endswith("A clear answer can exist from 9 Dec 2026.")
    assert headline(replace(said, judgeable_on=None)).endswith("No reading date is planned yet.")


def test_cannot_tell_says_why_and_leaves_out_what_does_not_block() -> None:
    said = replace(
        FELL, word=Word.CANNOT_TELL, reasons=(Reason.SOURCE_GAP, Reason.CONTEXT_EVENT, Reason.THEME_CHANGED)
    )
    assert headline(said) == (
        "Ebb cannot tell whether complaints about “export stops” changed after 2.3: "
        "complaints are missing for part of the time, as a source was silent, not there yet or gone; "
        "the theme was split, merged or measured differently within the window."
    )
    assert brief(said) == "data are missing"


@pytest.mark.parametrize("reason", [*sorted(BLOCKING), Reason.CONTROLS_DISAGREE])
def test_every_reason_that_makes_an_answer_impossible_fits_a_table_cell(reason: Reason) -> None:
    assert brief(replace(FELL, word=Word.CANNOT_TELL, reasons=(reason,)))


@pytest.mark.parametrize("word", list(Word))
@pytest.mark.parametrize("grade", list(Grade))
@pytest.mark.parametrize("known", [True, False])
def test_no_sentence_claims_a_cause_or_an_absence(word: Word, grade: Grade, known: bool) -> None:
    said = replace(FELL, word=word, grade=grade)
    if not known:
        said = Said(word=word, grade=grade, subject=about(None), release="2.3")
    text = headline(said)
    assert text[0].isupper()
    assert text.endswith(".")
    assert "2.3" in text
    assert not any(
        phrase in text.lower() for phrase in ("caused", "because of the release", "no effect", "none")
    )
    answers = word in (Word.FELL, Word.ROSE, Word.UNCHANGED)
    assert (CAVEAT[grade] in text) == answers
    assert brief(said)


def test_every_word_and_grade_is_explained() -> None:
    assert set(WORD_LABEL) == set(WORD_MEANING) == set(Word)
    assert set(GRADE_MEANING) == set(CAVEAT) == set(Grade)


def test_small_and_large_shares_never_read_as_none_or_all() -> None:
    assert [wording.say_percent(share) for share in (0, 0.002, 0.42, 0.997, 1)] == [
        "0%", "under 1%", "42%", "over 99%", "100%",
    ]  # fmt: skip


def test_changes_are_signed_with_a_minus_sign() -> None:
    assert [wording.say_change(ratio) for ratio in (0.6, 1.0, 1.004, 1.12, 2.6, 14.2)] == [
        "−40%", "±0%", "±0%", "+12%", "×2.6", "×14",
    ]  # fmt: skip
    assert wording.say_range(0.8, 4.12) == "×0.8 to ×4.1"
    assert wording.say_range(0.8, 2.2) == "−20% to +120%"


def test_days_and_spans() -> None:
    assert wording.say_span(date(2026, 11, 2), date(2026, 11, 8)) == "2–8 Nov 2026"
    assert wording.say_span(date(2026, 10, 26), date(2026, 11, 1)) == "26 Oct – 1 Nov 2026"
    assert wording.say_span(date(2025, 12, 29), date(2026, 1, 4)) == "29 Dec 2025 – 4 Jan 2026"
    assert wording.say_count(12345) == "12\u202f345"
    assert wording.say_count(3.25) == "3.2"


def test_only_weeks_that_are_over_count() -> None:
    monday = date(2026, 11, 16)
    assert weeks.complete_weeks(monday, 2) == (date(2026, 11, 2), date(2026, 11, 9))
    assert weeks.complete_weeks(monday + timedelta(days=6), 1) == (date(2026, 11, 9),)
    assert weeks.complete_weeks(monday + timedelta(days=7), 1) == (monday,)
    days = {monday - timedelta(days=i): 1 for i in range(1, 57)} | {monday: 100}
    mondays = weeks.complete_weeks(monday, 10)
    recent = weeks.lately(weeks.add_up(days, mondays), mondays)
    assert (recent.now, recent.before, recent.ratio) == (28, 28, 1.0)
    assert (recent.since, recent.until) == (date(2026, 10, 19), monday)
    assert weeks.lately((0,) * 10, mondays).ratio is None
    assert weeks.weeks_between(date(2026, 10, 28), monday + timedelta(days=3)) == 3
    assert weeks.weeks_between(monday, monday) == 1


def test_a_week_that_is_not_shown_is_in_no_sum_and_no_comparison() -> None:
    mondays = weeks.complete_weeks(date(2026, 11, 16), 8)
    now = weeks.lately((6, 6, 6, 6, 7, None, 7, 7), mondays)
    assert (now.now, now.before, now.now_partial, now.before_partial, now.ratio) == (
        21,
        24,
        True,
        False,
        None,
    )
    before = weeks.lately((6, None, 6, 6, 7, 7, 7, 7), mondays)
    assert (before.now, before.before, before.now_partial, before.ratio) == (28, 18, False, None)


def test_sparklines_begin_at_zero_and_stay_inside() -> None:
    spark = sparks.sparkline([0, 5, 10], width=96, height=24)
    assert spark is not None
    assert [run.line for run in spark.runs] == ["2.0,22.0 48.0,12.0 94.0,2.0"]
    assert sparks.sparkline([3]) is None
    assert sparks.sparkline([None, 3, None]) is None
    flat = sparks.sparkline([0, 0])
    assert flat is not None
    assert flat.dots == ((94.0, 22.0),)


def test_a_missing_value_is_a_gap_in_a_sparkline_and_no_bar() -> None:
    spark = sparks.sparkline([10, 10, None, 5, None, 0, 0], width=64, height=24)
    assert spark is not None
    assert [run.line for run in spark.runs] == ["2.0,2.0 12.0,2.0", "52.0,22.0 62.0,22.0"]
    assert spark.dots == ((32.0, 12.0), (62.0, 22.0))
    gap, tall = sparks.bars([None, 4], width=100, height=80)
    assert (gap.height, tall.height) == (0, 80)
    assert sparks.bars([None], width=100, height=80)[0].height == 0


def test_bars_are_as_tall_as_their_values() -> None:
    first, second = sparks.bars([5, 10], width=100, height=80)
    assert (first.height, first.y, second.height, second.y) == (40, 40, 80, 0)
    assert sparks.bars([], width=100, height=80) == ()


def test_intervals_lie_on_a_log_scale_and_are_clipped() -> None:
    shape = sparks.interval(0.5, 0.01, 99.0)
    assert (shape.low, shape.high) == (0.0, 100.0)
    assert shape.low < shape.effect < shape.one < shape.high
    assert sparks.interval(1, 1, 1).effect == shape.one


def row(release: str, theme: int, *, first: bool) -> ReleaseRow:
    return ReleaseRow(
        release=release, version=None, release_address=f"/releases/{release}", released_on=START, rollout_days=0,
        theme=f"theme {theme}", theme_address="", proposed=0, cell=None, volume=0.0, address="", first=first,
    )  # fmt: skip


def test_long_lists_of_themes_are_cut_and_say_how_many_are_left_out() -> None:
    rows = [row("a", i, first=i == 0) for i in range(5)] + [row("b", 9, first=True)]
    kept = shorten(rows, 3)
    assert [each.theme for each in kept] == ["theme 0", "theme 1", "theme 2", "theme 9"]
    assert [each.more for each in kept] == [0, 0, 2, 0]
    assert [each.span for each in kept] == [4, 0, 0, 1]


@pytest.mark.parametrize(
    ("baseline", "latest", "target", "share"),
    [(4.4, 3.8, 3.2, 0.5), (0, -1, 10, 0.0), (0, 12, 10, 1.0), (None, 1, 2, None), (2, 2, 2, None)],
)
def test_progress_is_the_share_of_the_way(
    baseline: float | None, latest: float, target: float, share: float | None
) -> None:
    found = progress(baseline, latest, target)
    assert found is None if share is None else found == pytest.approx(share)


WEEKS = tuple(
    Week(
        first=START + timedelta(weeks=i),
        last=START + timedelta(weeks=i, days=6),
        observed=None if i == 3 else float(i),
        expected=5.0,
        low=1.0,
        high=10.0,
        used=i not in (3, 8),
        after=i > 8,
    )
    for i in range(14)
)
RELEASE_CHART = ReleaseChart(
    title="Complaints about “export stops”: observed and expected, by week",
    weeks=WEEKS,
    releases=(Marker(date(2026, 3, 2), "2.3"),),
    looks=(Marker(date(2026, 3, 16), "reading 1: Too early"),),
    shades=(Shade(date(2026, 3, 2), date(2026, 3, 9), "wash-out"),),
)
THEME_CHART = ThemeChart(
    title="Complaints about “export stops” by week",
    points=tuple(RatePoint(week.first, week.last, i, i / 7) for i, week in enumerate(WEEKS)),
    releases=(Marker(date(2026, 3, 2), "2.3"),),
    has_rate=True,
)


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    """Hold specs against the Vega-Lite schema that the altair package carries."""
    found = find_spec("altair")
    assert found is not None, "pip install -e '.[dev]' brings altair, whose Vega-Lite schema this test needs"
    assert found.origin is not None
    path = Path(found.origin).parent / "vegalite/v6/schema/vega-lite-schema.json"
    return Draft7Validator(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("scheme", list(Scheme))
def test_specs_follow_the_vega_lite_schema(validator: Draft7Validator, scheme: Scheme) -> None:
    plain = ReleaseChart(RELEASE_CHART.title, WEEKS, (), (), ())
    counts = replace(THEME_CHART, has_rate=False)
    specs = [charts.release_spec(chart, scheme) for chart in (RELEASE_CHART, plain)]
    holes = tuple(
        replace(point, complaints=None, rate=None, silent=True) if i in (2, 3, 7) else point
        for i, point in enumerate(THEME_CHART.points)
    )
    gaps = replace(THEME_CHART, points=holes)
    specs += [charts.theme_spec(chart, scheme) for chart in (THEME_CHART, counts, gaps)]
    assert [len(layer["data"]["values"]) for layer in specs[-1]["layer"][:2]] == [2, 2]
    for spec in specs:
        validator.validate(json.loads(json.dumps(spec)))


def test_the_schema_would_notice_a_mistake(validator: Draft7Validator) -> None:
    spec = charts.release_spec(RELEASE_CHART)
    assert not validator.is_valid({**spec, "layer": [{"mark": "no such mark", "encoding": {}}]})


def test_a_missing_week_breaks_the_line_and_left_out_weeks_are_told_apart() -> None:
    spec = charts.release_spec(RELEASE_CHART)
    layers = spec["layer"]
    assert isinstance(layers, list)
    names = [layer["name"] for layer in layers]
    assert names.index("band") < names.index("expected") < names.index("observed")
    data = spec["data"]
    assert isinstance(data, dict)
    row = data["values"][3]
    assert (row["observed"], row["observed_text"], row["note"]) == (None, "missing", "left out")
    assert data["values"][9]["note"] == "after the release"


def test_without_exposure_the_theme_chart_shows_counts_and_says_so() -> None:
    spec = charts.theme_spec(replace(THEME_CHART, has_rate=False))
    assert spec["title"] == {"text": "complaints a week"}
    assert charts.theme_spec(THEME_CHART)["title"] == {"text": "complaints per 1,000 customer-days"}
