"""`ebb impact`: judge series in a file, and plan how long a verdict takes."""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from models.errors import Invalid
from models.impact import files, plan

app = typer.Typer(
    no_args_is_help=True, help="Did complaints fall after a release? How long until one can know?"
)

_MORE = 10


@app.command()
def analyze(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="csv or parquet: series_id,date,count,release_date")
    ],
    out: Annotated[Path, typer.Option("--out", help="csv of verdicts, one row per series")],
    wash_out: Annotated[str, typer.Option(help="days after the release that are left out")] = "7d",
    looks: Annotated[str, typer.Option(help="weeks at which the verdict was to be read: 2,4,8")] = "",
) -> None:
    """Judge every series of a file."""
    days, weeks = _days(wash_out), _weeks(looks)
    with Meter(Console(stderr=True)) as meter:
        done = files.analyze(source, out, wash_out_days=days, looks=weeks, progress=meter)
    typer.echo(f"{done} series judged, verdicts in {out}", err=True)


@app.command("plan")
def plan_command(
    rate: Annotated[float, typer.Option(help="complaints per 1 000 exposed customer-days")],
    exposure: Annotated[float, typer.Option(help="exposed customers on a day")],
    drop: Annotated[str, typer.Option(help="fall to be seen, such as 25%")],
    noise: Annotated[
        float, typer.Option(help="week-to-week scatter of the rate beyond chance, as a share")
    ] = plan.USUAL_NOISE,
    memory: Annotated[
        float, typer.Option(help="correlation of that scatter from one week to the next")
    ] = plan.USUAL_MEMORY,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say how many weeks it takes until a fall would be called in four of five such releases.

    A calculation ahead of the data: 26 weeks of history, no trend and no season are taken for granted.
    """
    fall = _share(drop)
    try:
        with Console(stderr=True).status("Trying the verdict on simulated releases"):
            answer = plan.plan(rate=rate, exposure=exposure, fall=fall, noise=noise, memory=memory)
            help_wanted = answer.weeks is None and not as_json
            more = _with_more_exposure(rate, exposure, fall, noise, memory) if help_wanted else None
    except ValueError as error:
        raise Invalid(f"--{error}", field=str(error).partition(" ")[0]) from error
    if as_json:
        json.dump(_as_json(answer, fall), sys.stdout, indent=2)
        typer.echo()
        return
    for line in _as_text(answer, fall, noise, more):
        typer.echo(line)


def _with_more_exposure(rate: float, exposure: float, fall: float, noise: float, memory: float) -> float:
    """Give the share of such releases called in the end with _MORE times the exposure."""
    return plan.called(
        rate=rate,
        exposure=_MORE * exposure,
        fall=fall,
        weeks=plan.LONGEST_WEEKS,
        noise=noise,
        memory=memory,
    )


def _as_json(answer: plan.Plan, fall: float) -> dict[str, object]:
    return {
        "weeks": answer.weeks,
        "drop": fall,
        "power": plan.USUAL_POWER,
        "called": answer.called,
        "weekly_complaints": answer.weekly_complaints,
        "smallest_drops": [
            {"weeks": sight.weeks, "drop": sight.fall, "called": sight.called} for sight in answer.sights
        ],
        "exploratory": True,
    }


def _as_text(answer: plan.Plan, fall: float, noise: float, more: float | None) -> list[str]:
    asked = f"called after a fall of {100 * fall:.3g}%"
    rows = [
        f"  {sight.weeks:>11}  {_percent(sight.fall):>18}  {_percent(sight.called):>{len(asked)}}"
        for sight in answer.sights
    ]
    return [
        *_headline(answer, fall),
        *([] if more is None else _what_would_help(answer, more)),
        "",
        f"  weeks after  smallest fall seen  {asked}",
        *rows,
        "",
        f"Seen: called `fell` in {plan.USUAL_POWER:.0%} of simulated releases, with no trend, no season, "
        f"{plan.WEEKS_BEFORE} weeks of history",
        f"and a scatter of {100 * noise:.3g}%. Nothing matters more: measure yours and give it as --noise.",
    ]


def _headline(answer: plan.Plan, fall: float) -> list[str]:
    what = f"A fall of {100 * fall:.3g}% from {_amount(answer.weekly_complaints)} complaints a week"
    called = f"{_percent(answer.called)} of such releases would be called `fell`"
    if answer.weeks is None:
        return [f"{what} cannot be seen within {plan.LONGEST_WEEKS} weeks: {called} by then."]
    return [f"{what} can be seen {answer.weeks} weeks after all customers have the release: {called} then."]


def _what_would_help(answer: plan.Plan, more: float) -> list[str]:
    seen = answer.sights[-1].fall
    larger = "not even one of 95% can be seen" if seen is None else f"{_percent(seen)} or more can be seen"
    enough = "enough" if more >= plan.USUAL_POWER else "not enough here"
    return [
        "What would help:",
        f"  a larger fall: {larger} within {plan.LONGEST_WEEKS} weeks",
        f"  more exposure: {_MORE} times as much is {enough}, {_percent(more)} would be called",
        "  a roll-out to some accounts first, which are compared with the others in the same weeks",
    ]


def _percent(share: float | None) -> str:
    """Write a share so that only what is certain reads 0% or 100%."""
    if share is None:
        return "none"
    if 0 < share < 0.01:
        return "< 1%"
    return "> 99%" if 0.99 < share < 1 else f"{share:.0%}"


def _amount(number: float) -> str:
    return f"{number:,.0f}" if number >= 9.5 else f"{number:.2g}"


class Meter:
    """Say how far a run is: a bar on a terminal, elsewhere a line every few seconds."""

    _SECONDS = 5.0

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._begun = self._written = clock()
        columns = (BarColumn(), TextColumn("{task.percentage:>3.0f}%  {task.description}"))
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=1.0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, judged: int, share: float) -> None:
        """Hear that so many series are judged, and which share of the file they fill."""
        now = self._clock()
        spent = max(now - self._begun, 1e-9)
        left = spent * (1 - share) / share
        tally = f"{judged:,} series judged  {judged / spent:,.0f}/s  {left:,.0f} s left"
        self._bar.update(self._task, completed=share, description=tally)
        if not self._console.is_terminal and now - self._written >= self._SECONDS:
            self._written = now
            typer.echo(f"  {share:>4.0%} of the file  {tally}", file=self._console.file)


def _days(text: str) -> int:
    match = re.fullmatch(r"(\d{1,3})d?", text.strip())
    if match is None:
        raise Invalid(f"--wash-out {text}: not a number of days; write it as 7d", field="wash-out")
    return int(match[1])


def _weeks(text: str) -> tuple[int, ...]:
    if not text.strip():
        return ()
    if re.fullmatch(r"\d{1,3}(,\d{1,3})*", text.strip()) is None:
        raise Invalid(f"--looks {text}: not a list of weeks; write it as 2,4,8", field="looks")
    return tuple(int(week) for week in text.strip().split(","))


def _share(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", text.strip())
    value = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < value < 1:
        raise Invalid(f"--drop {text}: not a fall between 0 and 100%; write it as 25%", field="drop")
    return value


def register(program: typer.Typer) -> None:
    """Add the commands."""
    program.add_typer(app, name="impact", help="Verdicts on series in a file: no database needed.")
