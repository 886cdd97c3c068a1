"""The sample as a whole: size, determinism, shapes of the files, and counts that follow the truth."""

import csv
import json
import re
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from models.sample.exports import BROKEN_MAIL, MAIL_COLUMNS
from models.sample.generate import SampleSummary, write_sample
from models.sample.plan import DAYS, load_events, load_releases, load_topics
from models.sample.rates import WEEK_MEMORY

UNTIL = date(2026, 11, 16)
START = UNTIL - timedelta(days=DAYS)

Json = dict[str, Any]

DETAIL_FIELDS = {
    "actor_id",
    "assignee_id",
    "brand_id",
    "created_at",
    "custom_status",
    "description",
    "external_id",
    "form_id",
    "group_id",
    "id",
    "is_public",
    "organization_id",
    "priority",
    "requester_id",
    "status",
    "subject",
    "submitter_id",
    "tags",
    "type",
    "updated_at",
    "via",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def summary(folder: Path) -> SampleSummary:
    return write_sample(folder, until=UNTIL)


@pytest.fixture(scope="module")
def truth(folder: Path, summary: SampleSummary) -> Json:
    read: Json = json.loads((folder / "truth.json").read_text("utf-8"))
    return read


@pytest.fixture(scope="module")
def first_days(folder: Path, summary: SampleSummary) -> dict[str, date]:
    """Say for every ticket found in the files, by truth id, on which day it was opened."""
    days: dict[str, date] = {}
    for event in zendesk_events(folder):
        if event["type"].endswith("ticket.created"):
            days[f"zendesk:{event['detail']['id']}"] = day_of(event["detail"]["created_at"])
    for record in app_records(folder):
        days.setdefault(f"app:{record['external_id']}", day_of(record["created_at"]))
    for row in good_mail(folder):
        days.setdefault(f"mail:{row['id']}", day_of(row["created_at"]))
    for row in rows(folder / "reviews.csv"):
        days[f"reviews:{row['id']}"] = day_of(row["created_at"])
    return days


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def zendesk_events(folder: Path) -> list[Json]:
    return [json.loads(line) for line in (folder / "zendesk.jsonl").read_text("utf-8").splitlines()]


def app_records(folder: Path) -> list[Json]:
    return [json.loads(line) for line in (folder / "app_feedback.jsonl").read_text("utf-8").splitlines()]


def is_good(row: dict[str, str]) -> bool:
    return bool(row["id"]) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}Z", row["created_at"]) is not None


def good_mail(folder: Path) -> list[dict[str, str]]:
    return [
        row for row in rows(folder / "mail_export.csv") if is_good(row) and not row["id"].startswith("m-x")
    ]


def day_of(stamp: str) -> date:
    return datetime.fromisoformat(stamp).date()


def test_same_seed_gives_the_same_bytes(folder: Path, summary: SampleSummary, tmp_path: Path) -> None:
    write_sample(tmp_path, until=UNTIL)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    assert all((folder / name).read_bytes() == (tmp_path / name).read_bytes() for name in names)


def test_another_seed_gives_another_year(folder: Path, summary: SampleSummary, tmp_path: Path) -> None:
    write_sample(tmp_path, until=UNTIL, seed=8)
    assert (folder / "app_feedback.jsonl").read_bytes() != (tmp_path / "app_feedback.jsonl").read_bytes()


def test_another_end_shifts_the_year(folder: Path, summary: SampleSummary, tmp_path: Path) -> None:
    write_sample(tmp_path, until=UNTIL + timedelta(days=28))
    old, new = app_records(folder), app_records(tmp_path)
    assert [record["text"] for record in old] == [record["text"] for record in new]
    shifts = {day_of(b["created_at"]) - day_of(a["created_at"]) for a, b in zip(old, new, strict=True)}
    assert shifts == {timedelta(days=28)}


def test_until_must_be_a_monday(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Monday"):
        write_sample(tmp_path, until=UNTIL + timedelta(days=1))


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_sample(tmp_path, until=UNTIL, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_size(summary: SampleSummary) -> None:
    assert 9_000 <= summary.tickets <= 11_500
    assert summary.problems >= 24
    assert summary.releases >= 14
    shares = {source: count / summary.tickets for source, count in summary.tickets_by_source.items()}
    assert shares == pytest.approx({"zendesk": 0.33, "app": 0.33, "mail": 0.25, "reviews": 0.09}, abs=0.03)


def test_truth_covers_every_ticket_and_no_other(truth: Json, first_days: dict[str, date]) -> None:
    assert set(truth["tickets"]) == set(first_days)
    kinds = {key: problem["kind"] for key, problem in truth["problems"].items()}
    assert all(kinds[ticket["problem"]] == ticket["kind"] for ticket in truth["tickets"].values())
    assert all(START <= day < UNTIL for day in first_days.values())


def test_shares_follow_the_expected_ones(truth: Json) -> None:
    found = Counter(ticket["problem"] for ticket in truth["tickets"].values())
    total = sum(found.values())
    for key, problem in truth["problems"].items():
        expected = problem["expected_share"] * total
        assert abs(found[key] - expected) < 5.0 * (expected + (0.1 * expected) ** 2) ** 0.5, key


def daily_counts(topic: str, truth: Json, first_days: dict[str, date]) -> np.ndarray:
    counts = np.zeros(DAYS)
    for ticket, day in first_days.items():
        counts[(day - START).days] += truth["tickets"][ticket]["problem"] == topic
    return counts


@pytest.mark.parametrize("topic", sorted({e.topic for r in load_releases() for e in r.effects}))
def test_rate_ratio_follows_the_truth(
    topic: str, truth: Json, first_days: dict[str, date], folder: Path
) -> None:
    noise = next(t.noise for t in load_topics() if t.key == topic)
    touching = [r for r in load_releases() if any(e.topic == topic for e in r.effects)]
    ratio = float(np.prod([e.ratio for r in touching for e in r.effects if e.topic == topic]))
    active = np.array(
        [float(r["active_accounts"]) for r in rows(folder / "exposure.csv") if r["segment"] == "all"]
    )
    usable = np.ones(DAYS, dtype=bool)
    for event in load_events():
        if event.topic == topic or event.silent:
            usable[event.start_day : event.end_day] = False
    day = np.arange(DAYS)
    before = usable & (day < touching[0].start_day)
    after = usable & (day > touching[-1].full_day)
    counts = daily_counts(topic, truth, first_days)
    seen = [counts[part].sum() / active[part].sum() for part in (before, after)]
    weekly_sd = noise**2 * (1 + WEEK_MEMORY) / (1 - WEEK_MEMORY)
    variance = sum(1.0 / counts[part].sum() + 7.0 * weekly_sd / part.sum() for part in (before, after))
    assert abs(np.log(seen[1] / seen[0]) - np.log(ratio)) < 3.5 * variance**0.5


def test_zendesk_lines_have_the_documented_shape(folder: Path, summary: SampleSummary) -> None:
    events = zendesk_events(folder)
    times = [event["time"][:19] for event in events]
    assert times == sorted(times)
    assert len({event["id"] for event in events}) == len(events)
    for event in events:
        assert set(event["detail"]) == DETAIL_FIELDS
        assert event["subject"] == f"zen:ticket:{event['detail']['id']}"
        created = event["type"] == "zen:event-type:ticket.created"
        assert created or event["type"] == "zen:event-type:ticket.comment_added"
        assert set(event["event"]) == ({"meta"} if created else {"comment", "meta"})
        assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{9}Z", event["time"])
    comments = [event["event"]["comment"] for event in events if "comment" in event["event"]]
    assert all(set(c) == {"author", "body", "html_body", "id", "is_public"} for c in comments)
    assert {c["author"]["is_staff"] for c in comments} == {True, False}


def test_comments_follow_their_ticket(folder: Path, summary: SampleSummary) -> None:
    open_tickets: set[str] = set()
    for event in zendesk_events(folder):
        if event["type"].endswith("ticket.created"):
            open_tickets.add(event["detail"]["id"])
        assert event["detail"]["id"] in open_tickets


def test_help_desk_is_silent_for_a_week(folder: Path, summary: SampleSummary) -> None:
    event = next(event for event in load_events() if event.silent == "zendesk")
    days = Counter((day_of(body["time"][:19]) - START).days // 7 for body in zendesk_events(folder))
    silent = event.start_day // 7
    assert [week for week in range(DAYS // 7) if not days[week]] == [silent]


def test_incident_stands_out(truth: Json, first_days: dict[str, date]) -> None:
    incident = next(event for event in load_events() if event.kind == "incident")
    assert incident.topic is not None
    counts = daily_counts(incident.topic, truth, first_days)
    assert counts[incident.start_day : incident.end_day].mean() > 5 * counts.mean()


def test_broken_mail_rows_are_there_and_only_they(folder: Path, summary: SampleSummary) -> None:
    found = rows(folder / "mail_export.csv")
    assert tuple(found[0]) == MAIL_COLUMNS
    broken = [row for row in found if not row["id"] or row["id"].startswith("m-x")]
    assert len(broken) == len(BROKEN_MAIL) == summary.broken_rows
    for row, (changes, _) in zip(broken, BROKEN_MAIL, strict=True):
        assert changes.items() <= row.items()
    assert all(day_of(row["created_at"]) < UNTIL for row in found if row not in broken)


def test_mail_has_html_quotes_and_agents(folder: Path, summary: SampleSummary) -> None:
    mails = good_mail(folder)
    assert {row["author_role"] for row in mails} == {"customer", "agent"}
    html = sum(row["text"].startswith("<html>") for row in mails) / len(mails)
    assert 0.2 < html < 0.4
    assert sum("\n> " in row["text"] for row in mails) > 50
    assert sum("<blockquote" in row["text"] for row in mails) > 20
    assert len({row["message_id"] for row in mails}) == len(mails)


def test_invented_people_use_reserved_names_and_numbers(folder: Path, summary: SampleSummary) -> None:
    text = "".join((folder / name).read_text("utf-8") for name in ("zendesk.jsonl", "mail_export.csv"))
    domains = set(re.findall(r"[\w.]+@([\w.-]+\w)", text))
    assert domains
    assert all(domain.endswith("example.com") for domain in domains)
    phones = set(re.findall(r"(?:Tel\. |\| )([+(\d][\d ()+-]{8,}\d)", text))
    assert len(phones) > 100
    assert all(re.search(r"7700 900\d{3}|01632\)? 960 ?\d{3}|202-555-01\d\d", phone) for phone in phones)


def test_exposure_grows_and_rests_at_weekends(folder: Path, summary: SampleSummary) -> None:
    table = rows(folder / "exposure.csv")
    by_segment = {
        segment: np.array([int(row["active_accounts"]) for row in table if row["segment"] == segment])
        for segment in ("all", "starter", "team", "business")
    }
    total = by_segment["all"].reshape(-1, 7)
    assert 1.33 < total[-4:].mean() / total[:4].mean() < 1.45
    assert (total[:, 6] < 0.5 * total[:, 0]).all()
    assert np.array_equal(by_segment["all"], sum(by_segment[key] for key in ("starter", "team", "business")))


def test_every_account_that_writes_is_known(folder: Path, summary: SampleSummary) -> None:
    created = {
        row["account_id"]: date.fromisoformat(row["created_on"]) for row in rows(folder / "accounts.csv")
    }
    for record in app_records(folder):
        assert created[record["account_id"]] <= day_of(record["created_at"])
    assert all(event["detail"]["organization_id"] in created for event in zendesk_events(folder))


def test_releases_and_features_belong_together(folder: Path, summary: SampleSummary, truth: Json) -> None:
    releases = rows(folder / "releases.csv")
    times = [row["released_at"] for row in releases]
    assert times == sorted(times)
    keys = {row["key"] for row in releases}
    features = rows(folder / "features.csv")
    assert {row["release_key"] for row in features} == keys
    assert len({row["key"] for row in features}) == len(features)
    assert all(json.loads(row["rollout_steps"])[-1]["percent"] == 100 for row in releases)
    assert {link["feature"] for link in truth["links"]} == {row["key"] for row in features}
    assert {effect["release"] for effect in truth["effects"]} <= keys


def test_truth_knows_honest_words_only(truth: Json) -> None:
    words = {"fell", "rose", "unchanged", "inconclusive", "too_early", "cannot_tell"}
    assert {effect["expected"] for effect in truth["effects"]} == words
    assert all(effect["expected"] in effect["acceptable"] for effect in truth["effects"])
    assert all(set(effect["acceptable"]) <= words for effect in truth["effects"])


def test_goals_have_three_objectives_and_weekly_observations(folder: Path, summary: SampleSummary) -> None:
    goals = yaml.safe_load((folder / "goals.yaml").read_text("utf-8"))
    teams = {team["key"] for team in goals["teams"]}
    results = [kr for objective in goals["objectives"] for kr in objective["key_results"]]
    assert len(goals["objectives"]) == 3
    assert len(results) == 8
    assert {objective["team"] for objective in goals["objectives"]} <= teams
    for result in results:
        assert result["start"] < result["end"]
        assert (result["direction"] == "down") == (result["target"] < result["baseline"])
        assert ("computed_from" in result) != ("observations" in result)
        dates = [seen["date"] for seen in result.get("observations", [])]
        assert all(b - a == timedelta(days=7) for a, b in pairwise(dates))
        assert all(day < UNTIL for day in dates)
