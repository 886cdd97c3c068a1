"""Charts as Vega-Lite specs, one plain dict each: pure functions of view models.

A spec names roles (`observed`, `expected`, `band`…) as mark styles; `config` gives the roles their colours. So
one spec serves the console (colours are CSS variables and follow light, dark and print), and exported pictures
(colours are values).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from service.console.wording import say_count, say_span, say_value

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
HEIGHT: Final = 264
FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

Spec = dict[str, object]


class Scheme(StrEnum):
    """Where a chart's colours come from: the page's style sheet, or fixed ones for light and dark ground."""

    CSS = "css"
    LIGHT = "light"
    DARK = "dark"


_LIGHT: Final = {
    "ink": "#16212b",
    "muted": "#5a6874",
    "grid": "#e4e8eb",
    "observed": "#0b5f7d",
    "expected": "#8a5a00",
    "band": "#f0d9a8",
    "rule": "#16212b",
    "shade": "#dfe6ea",
    "surface": "#ffffff",
}
_DARK: Final = {
    "ink": "#e6edf2",
    "muted": "#9aa8b4",
    "grid": "#26323c",
    "observed": "#6cc4e4",
    "expected": "#e0ac52",
    "band": "#5a4620",
    "rule": "#e6edf2",
    "shade": "#26323c",
    "surface": "#121a21",
}
PALETTES: Final[Mapping[Scheme, Mapping[str, str]]] = MappingProxyType(
    {
        Scheme.LIGHT: MappingProxyType(_LIGHT),
        Scheme.DARK: MappingProxyType(_DARK),
        Scheme.CSS: MappingProxyType({role: f"var(--chart-{role})" for role in _LIGHT}),
    }
)


@dataclass(frozen=True, slots=True)
class Week:
    """One period of the observed-against-expected chart; last: its last day; see PeriodFit for the numbers."""

    first: date
    last: date
    observed: float | None
    expected: float
    low: float
    high: float
    used: bool
    after: bool


@dataclass(frozen=True, slots=True)
class Marker:
    """A day with a word: a release, or a look."""

    day: date
    text: str


@dataclass(frozen=True, slots=True)
class Shade:
    """Days that are shaded, from `first` to `end` (exclusive)."""

    first: date
    end: date
    text: str


@dataclass(frozen=True, slots=True)
class ReleaseChart:
    """What the chart of a release and a theme shows."""

    title: str
    weeks: tuple[Week, ...]
    releases: tuple[Marker, ...]
    looks: tuple[Marker, ...]
    shades: tuple[Shade, ...]


@dataclass(frozen=True, slots=True)
class RatePoint:
    """One week of a theme: its first and last day, complaints, and the rate per 1,000 customer-days if known.

    Complaints are None where the reader is not shown the number, and where a source was silent: gaps.
    """

    first: date
    last: date
    complaints: int | None
    rate: float | None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class ThemeChart:
    """What the weekly chart of a theme shows."""

    title: str
    points: tuple[RatePoint, ...]
    releases: tuple[Marker, ...]
    has_rate: bool


def release_spec(chart: ReleaseChart, scheme: Scheme = Scheme.LIGHT) -> Spec:
    """Draw observed against expected, with band, releases, looks, roll-out and wash-out."""
    layers: list[Spec] = [
        *_shade_layers(chart.shades),
        _band(),
        _line("expected", "expected", _WEEK_TOOLTIP),
        _line("observed", "observed", _WEEK_TOOLTIP),
        _points("observed_points", "observed", "datum.used", "point", _WEEK_TOOLTIP),
        _points("unused_points", "observed", "!datum.used", "hollow", _WEEK_TOOLTIP),
        *_release_layers(chart.releases),
        *_look_layers(chart.looks),
    ]
    rows = [_week_row(week) for week in chart.weeks]
    return _spec(chart.title, rows, layers, "complaints in the period", scheme)


def theme_spec(chart: ThemeChart, scheme: Scheme = Scheme.LIGHT) -> Spec:
    """Draw a theme's weekly rate (complaints per 1,000 customer-days), or its counts, with releases marked."""
    field, unit = (
        ("rate", "complaints per 1,000 customer-days") if chart.has_rate else ("count", "complaints")
    )
    layers: list[Spec] = [
        *_gap_layers(chart.points),
        {
            "name": "area",
            "mark": {"type": "area", "style": "area", "invalid": "break-paths-show-domains"},
            "encoding": {"x": _x("mid"), "y": _y(field)},
        },
        _line("rate", field, _RATE_TOOLTIP, role="observed"),
        _points("rate_points", field, f"isValid(datum.{field})", "point", _RATE_TOOLTIP),
        *_release_layers(chart.releases),
    ]
    rows = [_rate_row(point) for point in chart.points]
    return _spec(chart.title, rows, layers, f"{unit} a week" if field == "count" else unit, scheme)


def config(scheme: Scheme) -> Spec:
    """Give the roles of a spec their colours and weights."""
    colour = PALETTES[scheme]
    return {
        "font": FONT,
        "background": "transparent" if scheme is Scheme.CSS else colour["surface"],
        "view": {"stroke": None},
        "title": {
            "color": colour["muted"],
            "fontSize": 12,
            "fontWeight": "normal",
            "anchor": "start",
            "frame": "bounds",
            "offset": 14,
        },
        "axis": {
            "labelColor": colour["muted"],
            "titleColor": colour["muted"],
            "gridColor": colour["grid"],
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "labelPadding": 6,
            "domain": False,
            "ticks": False,
        },
        "style": {
            "band": {"color": colour["band"], "fillOpacity": 0.55},
            "area": {"color": colour["observed"], "fillOpacity": 0.12},
            "expected": {"color": colour["expected"], "strokeWidth": 1.75, "strokeDash": [5, 3]},
            "observed": {"color": colour["observed"], "strokeWidth": 2},
            "point": {"color": colour["observed"], "stroke": colour["surface"], "strokeWidth": 1, "size": 36},
            "hollow": {
                "color": colour["observed"],
                "fill": colour["surface"],
                "strokeWidth": 1.5,
                "size": 30,
            },
            "shade": {"color": colour["shade"], "fillOpacity": 0.75},
            "release": {"color": colour["rule"], "strokeWidth": 1.25},
            "release-text": {"color": colour["ink"], "fontSize": 12, "fontWeight": 600},
            "gap-text": {"color": colour["muted"], "fontSize": 11},
            "look": {"color": colour["muted"], "stroke": colour["surface"], "strokeWidth": 1, "size": 90},
        },
    }


def _spec(title: str, rows: list[Spec], layers: Sequence[Spec], unit: str, scheme: Scheme) -> Spec:
    return {
        "$schema": SCHEMA,
        "description": title,
        "width": "container",
        "height": HEIGHT,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": {"left": 2, "right": 10, "top": 2, "bottom": 6},
        "data": {"name": "weeks", "values": rows},
        "resolve": {"scale": {"x": "shared", "y": "shared"}},
        "title": {"text": unit},
        "layer": list(layers),
        "config": config(scheme),
    }


def _x(field: str) -> Spec:
    """Place days: the scale is UTC, so that a day stays the same day whatever zone the reader sits in."""
    label = "utcFormat(datum.value, utcmonth(datum.value) == 0 ? '%b %Y' : '%b')"
    axis = {
        "title": None,
        "grid": False,
        "labelExpr": label,
        "labelOverlap": True,
        "tickCount": "month",
        "labelFlush": True,
    }
    return {"field": field, "type": "temporal", "scale": {"type": "utc"}, "axis": axis}


def _y(field: str) -> Spec:
    axis = {"title": None, "tickCount": 5, "format": ",.2~f"}
    return {"field": field, "type": "quantitative", "scale": {"zero": True, "nice": True}, "axis": axis}


def _band() -> Spec:
    encoding = {"x": _x("mid"), "y": _y("low"), "y2": {"field": "high"}}
    return {"name": "band", "mark": {"type": "area", "style": "band"}, "encoding": encoding}


def _line(name: str, field: str, tooltip: Sequence[Spec], *, role: str | None = None) -> Spec:
    mark = {"type": "line", "style": role or name, "invalid": "break-paths-show-domains"}
    return {
        "name": name,
        "mark": mark,
        "encoding": {"x": _x("mid"), "y": _y(field), "tooltip": list(tooltip)},
    }


def _points(name: str, field: str, test: str, style: str, tooltip: Sequence[Spec]) -> Spec:
    return {
        "name": name,
        "transform": [{"filter": test}],
        "mark": {"type": "point", "filled": style == "point", "style": style, "opacity": 1},
        "encoding": {"x": _x("mid"), "y": _y(field), "tooltip": list(tooltip)},
    }


def _release_layers(markers: Sequence[Marker]) -> list[Spec]:
    if not markers:
        return []
    data = {"values": [{"day": str(m.day), "text": m.text} for m in markers]}
    text = {"type": "text", "style": "release-text", "align": "left", "baseline": "bottom", "dx": 3, "dy": -4}
    return [
        {
            "name": "release",
            "data": data,
            "mark": {"type": "rule", "style": "release"},
            "encoding": {"x": _x("day")},
        },
        {
            "name": "release_text",
            "data": data,
            "mark": text,
            "encoding": {"x": _x("day"), "y": {"value": 0}, "text": {"field": "text"}},
        },
    ]


def _look_layers(looks: Sequence[Marker]) -> list[Spec]:
    if not looks:
        return []
    data = {"values": [{"day": str(m.day), "text": m.text} for m in looks]}
    mark = {"type": "point", "filled": True, "shape": "triangle-up", "style": "look", "opacity": 1}
    tooltip = [{"field": "text", "type": "nominal", "title": "Reading"}]
    return [
        {
            "name": "look",
            "data": data,
            "mark": mark,
            "encoding": {"x": _x("day"), "y": {"value": HEIGHT - 5}, "tooltip": tooltip},
        }
    ]


def _shade_layers(shades: Sequence[Shade]) -> list[Spec]:
    if not shades:
        return []
    rows = [{"first": str(s.first), "end": str(s.end), "text": s.text} for s in shades]
    tooltip = [{"field": "text", "type": "nominal", "title": "Left out"}]
    return [
        {
            "name": "shade",
            "data": {"values": rows},
            "mark": {"type": "rect", "style": "shade"},
            "encoding": {"x": _x("first"), "x2": {"field": "end"}, "tooltip": tooltip},
        }
    ]


def _gap_layers(points: Sequence[RatePoint]) -> list[Spec]:
    """Shade the weeks of a silence, and write into them what they are: a gap is told by words as well."""
    runs: list[tuple[date, date]] = []
    for point in points:
        if point.silent and runs and point.first == runs[-1][1]:
            runs[-1] = (runs[-1][0], point.last + timedelta(days=1))
        elif point.silent:
            runs.append((point.first, point.last + timedelta(days=1)))
    if not runs:
        return []
    shades = _shade_layers([Shade(first, end, "a source was silent") for first, end in runs])
    rows = [{"mid": str(_middle(first, end)), "text": "source silent"} for first, end in runs]
    mark = {"type": "text", "style": "gap-text", "angle": 270, "align": "center", "baseline": "middle"}
    words: Spec = {
        "name": "gap_text",
        "data": {"values": rows},
        "mark": mark,
        "encoding": {"x": _x("mid"), "y": {"value": HEIGHT / 2}, "text": {"field": "text"}},
    }
    return [*shades, words]


def _tip(field: str, title: str) -> Spec:
    return {"field": field, "type": "nominal", "title": title}


_WEEK_TOOLTIP: Final = (
    _tip("span", "Days"),
    _tip("observed_text", "Observed"),
    _tip("expected_text", "Expected"),
    _tip("band_text", "95 of 100"),
    _tip("note", "Note"),
)
_RATE_TOOLTIP: Final = (
    _tip("span", "Days"),
    _tip("count", "Complaints"),
    _tip("rate_text", "Per 1,000 customer-days"),
)


def _week_row(week: Week) -> Spec:
    return {
        "mid": str(_middle(week.first, week.last)),
        "observed": week.observed,
        "expected": round(week.expected, 3),
        "low": week.low,
        "high": week.high,
        "used": week.used,
        "span": say_span(week.first, week.last),
        "observed_text": "missing" if week.observed is None else say_count(week.observed),
        "expected_text": say_count(week.expected),
        "band_text": f"{say_count(week.low)} to {say_count(week.high)}",
        "note": note_of(week),
    }


def note_of(week: Week) -> str:
    """Say how a week entered the answer."""
    if not week.used:
        return "left out"
    return "after the release" if week.after else "before the release"


def _rate_row(point: RatePoint) -> Spec:
    return {
        "mid": str(_middle(point.first, point.last)),
        "count": point.complaints,
        "rate": None if point.rate is None else round(point.rate, 4),
        "span": say_span(point.first, point.last),
        "rate_text": say_value(point.rate),
    }


def _middle(first: date, last: date) -> date:
    return first + (last - first) / 2
