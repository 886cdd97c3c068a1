"""`ebb impact`: judge series in a file, and plan how long a verdict takes."""

import json
import re
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from models.errors import Invalid
from models.impact import files, plan

app = typer.Typer(
    no_args_is_help=True, help="Did complaints fall after a release? How long until one can know?"
)


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
    columns = (SpinnerColumn(), TextColumn("{task.completed} series judged"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("judge", total=None)
        done = files.analyze(
            source,
            out,
            wash_out_days=days,
            looks=weeks,
            progress=lambda number: progress.update(task, completed=number),
        )
    typer.echo(f"{done} series judged, verdicts in {out}", err=True)


@app.command("plan")
def plan_command(
    rate: Annotated[float, typer.Option(help="complaints per 1 000 exposed customer-days")],
    exposure: Annotated[float, typer.Option(help="exposed customers on a day")],
    drop: Annotated[str, typer.Option(help="fall to be seen, such as 25%")],
    noise: Annotated[
        float, typer.Option(help="week-to-week scatter of the rate beyond chance, as a share")
    ] = plan.USUAL_NOISE,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say how many weeks it takes to see a fall with 80% power."""
    fall = _share(drop)
    try:
        answer = plan.plan(rate=rate, exposure=exposure, fall=fall, noise=noise)
    except ValueError as error:
        raise Invalid(f"ebb impact plan: {error}", field="plan") from error
    if as_json:
        json.dump(_as_json(answer, fall), sys.stdout, indent=2)
        typer.echo()
        return
    for line in _as_text(answer, fall):
        typer.echo(line)


def _as_json(answer: plan.Plan, fall: float) -> dict[str, object]:
    return {
        "weeks": answer.weeks,
        "drop": fall,
        "power": plan.USUAL_POWER,
        "weekly_complaints": answer.weekly_complaints,
        "smallest_drops": [{"weeks": weeks, "drop": drop} for weeks, drop in answer.smallest_falls],
        "exploratory": True,
    }


def _as_text(answer: plan.Plan, fall: float) -> list[str]:
    seen = (
        f"in {answer.weeks} weeks after all customers have the release"
        if answer.weeks
        else f"not within {plan.LONGEST_WEEKS} weeks"
    )
    head = f"A fall of {fall:.0%} from {answer.weekly_complaints:.3g} complaints a week can be seen {seen}."
    rows = [
        f"  after {weeks:>2} weeks: " + ("no fall" if drop is None else f"a fall of {drop:.0%} or more")
        for weeks, drop in answer.smallest_falls
    ]
    return [head, "What four readings in five would see:", *rows]


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
