import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.sources.changelog import Changelog, read_changelog, read_release_csv
from models.sources.headings import Heading, date_of, heading_of
from models.sources.noise import noise_reason, plain

KEPT = """\
# Changelog

All notable changes. Work of 2020-01-01 is not a release.

## [Unreleased]

- Something to come

## [1.1.0] - 2024-03-01

A release about exports.

### Added

- CSV export without a row limit (#41). It streams now,
  and it can be resumed.
  - also for archived projects
- **Editor:** [tables](https://example.com) in `notes`

### Dependencies

- bump foo

### Fixed

* Login loop after SSO ([#50](https://example.com/50)) @someone
- chore: tidy up
- Bump bar from 1 to 2

```
## [9.9.9] - 2024-01-01
- not an entry
```

## [1.0.1]

- No date here

## v1.0.0 (January 5th, 2024)
- First

## 1.1.0 - 2024-03-02
- Again

[Unreleased]: https://example.com/compare
<!-- ## [0.0.1] - 2020-01-01 -->
"""


def versions(log: Changelog) -> list[str]:
    return [release.change.external_id for release in log.releases]


def test_keep_a_changelog() -> None:
    log = read_changelog(KEPT)
    assert versions(log) == ["1.1.0", "1.0.0"]
    release = log.releases[0]
    assert release.line_number == 9
    assert release.change.released_at == datetime(2024, 3, 1, tzinfo=UTC)
    assert release.change.description == "A release about exports."
    assert release.change.prerelease is False
    first, second, third = release.features
    assert first.title == "CSV export without a row limit."
    assert first.body.endswith("and it can be resumed.\nalso for archived projects")
    assert (first.line_number, first.section) == (15, "Added")
    assert second.body == "Editor: tables in notes"
    assert third.body == "Login loop after SSO"
    assert release.change.feature_keys == (first.key, second.key, third.key)


def test_what_is_set_aside_says_why_and_where() -> None:
    aside = {each.line_number: each.reason for each in read_changelog(KEPT).set_aside}
    assert aside == {
        5: "not released yet",
        7: "not released yet",
        22: "dependency bump",
        27: "chore",
        28: "dependency bump",
        35: "1.0.1 has no date: write it as ## [1.0.1] - 2026-03-02",
        37: "1.0.1 has no date: write it as ## [1.0.1] - 2026-03-02",
        42: "1.1.0 stands twice: its first place is line 9",
        43: "1.1.0 stands twice: its first place is line 9",
    }


def test_importing_again_gives_the_same_keys_wherever_the_entry_stands() -> None:
    before = read_changelog("## 1.0.0 - 2024-01-01\n- A\n- B\n- B\n").releases[0].change.feature_keys
    after = read_changelog("## 1.0.0 - 2024-01-01\n- New\n- B\n- A\n").releases[0].change.feature_keys
    assert len(before) == 2
    assert set(before) < set(after)


def test_a_date_is_the_start_of_the_day_in_the_workspaces_zone() -> None:
    (release,) = read_changelog("## 1.0.0 - 2024-07-01\n", zone=ZoneInfo("Europe/Berlin")).releases
    assert release.change.released_at == datetime(2024, 6, 30, 22, tzinfo=UTC)


def test_underlined_headings_and_a_date_on_its_own_line() -> None:
    log = read_changelog(
        "Changes\n=======\n\n2.0.0\n-----\n\nReleased 2024-05-06\n\n- New search\n\n1.0 / 2023-01-02\n---\n"
    )
    assert versions(log) == ["2.0.0", "1.0"]
    assert log.releases[0].change.released_at == datetime(2024, 5, 6, tzinfo=UTC)
    assert [each.title for each in log.releases[0].features] == ["New search"]


def test_a_version_that_is_none_is_set_aside() -> None:
    log = read_changelog(f"## 1.{'0' * 200} - 2024-01-01\n- x\n")
    assert [each.reason for each in log.set_aside] == ["the version is longer than 100 characters"] * 2


def test_long_entries_get_a_short_title() -> None:
    (release,) = read_changelog(f"# 1.0.0 (2024-01-01)\n\n- {'word ' * 80}\n").releases
    assert len(release.features[0].title) <= 120
    assert release.features[0].title.endswith("…")


@pytest.mark.parametrize(
    ("title", "heading"),
    [
        ("[1.2.0] - 2024-03-01", Heading("1.2.0", (2024, 3, 1))),
        ("[1.2.0](https://example.com/1.2.0) (2024-03-01)", Heading("1.2.0", (2024, 3, 1))),
        ("v1.2 / 2024/03/01", Heading("1.2", (2024, 3, 1))),
        ("Version 1.2.0 - March 1st, 2024", Heading("1.2.0", (2024, 3, 1))),
        ("1.2.0 (1 Mar 2024)", Heading("1.2.0", (2024, 3, 1))),
        ("1.2.0-rc.1 - 2024-03-01", Heading("1.2.0-rc.1", (2024, 3, 1))),
        ("1.2.0 – Faster exports (2024-03-01)", Heading("1.2.0", (2024, 3, 1), "Faster exports")),
        ("@scope/pkg@1.2.0", Heading("1.2.0", None)),
        ("[1.2.0] - 2024-03-01 [YANKED]", Heading("1.2.0", (2024, 3, 1))),
        ("2024.3.1 - 2024-03-05", Heading("2024.3.1", (2024, 3, 5))),
        ("2024-03-01", Heading("2024-03-01", (2024, 3, 1))),
        ("2024.03.01", Heading("2024-03-01", (2024, 3, 1))),
        ("1.2.0 - 2024-02-31", Heading("1.2.0", None, "2024-02-31")),
        ("[Unreleased]", Heading(None, None)),
        ("Added", None),
        ("3.11 support", None),
        ("Support for TLS 1.3", None),
        ("Meeting of 2024-03-01", None),
        ("Changelog", None),
    ],
)
def test_headings(title: str, heading: Heading | None) -> None:
    assert heading_of(title) == heading


def test_only_a_short_line_dates_a_release() -> None:
    assert date_of("_Released on 2024-03-01_") == (2024, 3, 1)
    assert date_of("This release was planned for 2024-03-01 and slipped.") is None


@pytest.mark.parametrize(
    ("text", "section", "reason"),
    [
        ("Bump requests from 2.31 to 2.32", "Changed", "dependency bump"),
        ("chore(deps): update foo", None, "dependency bump"),
        ("fix(deps): update foo", None, "dependency bump"),
        ("Update dependency left-pad to v3", None, "dependency bump"),
        ("Upgrade Django to 5.1", None, "dependency bump"),
        ("Updated all non-major dependencies", None, "dependency bump"),
        ("ci: run on arm", None, "build or CI"),
        ("refactor!: split module", None, "refactoring"),
        ("Refactored the parser", None, "refactoring"),
        ("Merge pull request #4 from x", None, "merge"),
        ("Release 1.2.0", None, "version number"),
        ("Fix typo in README", None, "documentation"),
        ("Add missing tests", None, "tests"),
        ("**test:** more", None, "tests"),
        ("Whatever", "🧹 Chores", "chore"),
        ("feat: Export to CSV", "Internal", "chore"),
        ("feat(export): bump the row limit to 10,000", "Features", None),
        ("Export: no more row limit", "Added", None),
        ("Update your profile picture to any size", "Added", None),
        ("Release notes are shown in the app", "Added", None),
        ("Tests can be shared with colleagues", "Added", None),
    ],
)
def test_noise(text: str, section: str | None, reason: str | None) -> None:
    assert noise_reason(text, section) == reason


def test_plain_text() -> None:
    assert plain("feat(api): Add [limits](x) ([abc1234](y)) (#4, #5)") == "Add limits"
    assert plain("**Note:** keep ![img](x) this by @me in #77") == "Note: keep  this"
    assert plain("fix: a `b`") == "a b"


def csv_log(text: str | bytes, zone: ZoneInfo | None = None) -> Changelog:
    raw = text if isinstance(text, bytes) else text.encode()
    return read_release_csv(io.BytesIO(raw), zone=zone or UTC)


def test_a_csv_with_the_columns_people_have() -> None:
    log = csv_log('date,release,note,source\n2017-10-31,iOS 11.1,"autocorrect turns ""i"" into a box",blog\n')
    (release,) = log.releases
    assert (release.change.external_id, release.change.name) == ("iOS 11.1", "iOS 11.1")
    assert release.change.version is None
    assert release.change.released_at == datetime(2017, 10, 31, tzinfo=UTC)
    assert release.features[0].body == 'autocorrect turns "i" into a box'


def test_rows_of_one_key_are_features_of_one_release() -> None:
    log = csv_log(
        "version;name;released_at;description;area;url\n"
        "1.0;First;2024-01-01;New editor;editor;https://example.com\n"
        "1.0;First;2024-01-01;New search;search;\n"
        "1.0;First;2024-01-01;Bump foo;;\n"
        "1.0;First;2024-01-02;Late;;\n"
        "1.1;;2024-02-01;;;\n"
        "1.2;Named only;2024-02-02;;;\n"
    )
    first, bare, named = log.releases
    assert [(each.title, each.area) for each in first.features] == [
        ("New editor", "editor"),
        ("New search", "search"),
    ]
    assert (first.line_number, first.change.version, len(first.change.feature_keys)) == (2, "1.0", 2)
    assert bare.features == ()
    assert [each.title for each in named.features] == ["Named only"]
    assert [(each.line_number, each.reason) for each in log.set_aside] == [
        (4, "dependency bump"),
        (5, "1.0 has another date than on line 2"),
    ]


def test_broken_rows_are_set_aside_with_their_reason() -> None:
    log = csv_log(
        b"key,date,note\n,2024-01-01,x\n1.0,,x\n1.0,soon,x\n1.0,2024-01-01\n1.0,2024-01-01,\xff\n"
        b'1.0,2024-01-01,"a"b\n1.0,2024-01-01,fine\n'
    )
    assert versions(log) == ["1.0"]
    reasons = [each.reason for each in log.set_aside]
    expected = [
        "key is missing",
        "released_at is missing",
        "not a time",
        "2 cells",
        "not UTF-8",
        "quote is not closed",
    ]
    assert all(part in reason for part, reason in zip(expected, reasons, strict=True))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        ("date,note\n", "no column for key among date, note"),
        ("key,note\n", "no column for released_at"),
        ('"key', "cannot be read as column names"),
        ("\n", "cannot be read as column names"),
    ],
)
def test_a_file_without_its_columns_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        csv_log(text)


@given(
    st.lists(st.sampled_from([*KEPT.splitlines(), "", "---", "===", "  - x", "## 1.0 - 2024-99-99", "```"]))
)
def test_any_order_of_lines_can_be_read_and_no_entry_is_lost_silently(lines: list[str]) -> None:
    log = read_changelog("\n".join(lines))
    assert len(set(versions(log))) == len(log.releases)
    assert all(release.change.released_at for release in log.releases)
    assert all(each.reason for each in log.set_aside)
