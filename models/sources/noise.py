"""Tell changelog entries that no customer can notice from features, and strip Markdown off the rest."""

import re
from collections.abc import Mapping

_SECTIONS: Mapping[str, str] = {
    **dict.fromkeys(("dependencies", "dependency updates", "deps"), "dependency bump"),
    **dict.fromkeys(
        ("chores", "chore", "miscellaneous chores", "maintenance", "housekeeping", "internal"), "chore"
    ),
    **dict.fromkeys(("ci", "continuous integration", "build", "build system", "builds"), "build or CI"),
    **dict.fromkeys(("code refactoring", "refactoring", "refactor", "refactors"), "refactoring"),
    **dict.fromkeys(("tests", "testing", "test"), "tests"),
    **dict.fromkeys(("styles", "style", "code style"), "code style"),
    **dict.fromkeys(("documentation", "docs"), "documentation"),
    **dict.fromkeys(("contributors", "new contributors", "credits"), "credits"),
}
_TYPES: Mapping[str, str] = {
    "chore": "chore",
    "ci": "build or CI",
    "build": "build or CI",
    "refactor": "refactoring",
    "style": "code style",
    "test": "tests",
    "tests": "tests",
    "docs": "documentation",
    "doc": "documentation",
    "deps": "dependency bump",
}
_TYPE = re.compile(r"^(?:\*\*)?(?P<type>[a-z]+)(?:\((?P<scope>[^)]*)\))?!?:(?:\*\*)?\s+", re.IGNORECASE)
_WORDING: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        ("dependency bump", r"^bump(s|ed)?\b"),
        (
            "dependency bump",
            r"^(update|upgrade|pin|lock)[sd]?\s+(all\s+)?(non-major\s+)?(dev\s+)?(dependenc|deps\b)",
        ),
        ("dependency bump", r"^(update|upgrade)[sd]?\s+\S+\s+(from\s+v?\d\S*\s+)?to\s+v?\d\S*\.?$"),
        ("dependency bump", r"^update[sd]?\s+dependency\b"),
        ("merge", r"^merge[sd]?\s+(branch|pull request|pr\b|remote)"),
        ("version number", r"^(release|version|prepare)\s+(for\s+)?(release\s+)?v?\d+(\.\d+)+\.?$"),
        ("version number", r"^(version bump|bump version|initial commit|update changelog)\b"),
        ("refactoring", r"^refactor(s|ed|ing)?\b"),
        ("code style", r"^(fix(es|ed)?\s+)?(lint|linter|formatting|whitespace|code style)\b"),
        ("documentation", r"^(fix(es|ed)?\s+)?(typos?|readme)\b"),
        ("build or CI", r"^(ci|github actions|travis|circleci|dependabot|renovate)\b"),
        (
            "build or CI",
            r"^(add|fix|update|improve)(s|ed|es|d)?\s+(the\s+)?(ci|github actions?|build pipeline)\b",
        ),
        ("tests", r"^(add|fix|update|improve)(s|ed|es|d)?\s+(missing\s+|more\s+|flaky\s+|unit\s+)*tests?\b"),
        ("chore", r"^(internal|housekeeping|cleanup|clean up|code cleanup)\b"),
    )
)
_MARKUP: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), ""),
    (re.compile(r"\s*\(\[[0-9a-f]{7,40}\]\([^)]*\)\)"), ""),
    (re.compile(r"\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\[[^\]]*\]"), r"\1"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"\1"),
    (re.compile(r"`([^`]*)`"), r"\1"),
    (re.compile(r"[\s,]*\(?(?:by\s+)?@[\w-]+(?:\s+in\s+(?:#\d+|https?://\S+))?\)?\s*$"), ""),
    (re.compile(r"[\s,]*\((?:closes\s+|fixes\s+)?#\d+(?:,\s*#\d+)*\)", re.IGNORECASE), ""),
)


def noise_reason(text: str, section: str | None) -> str | None:
    """Say why an entry is no feature ("dependency bump", "refactoring" ...); None where it may be one.

    Goes by the section it stands in, by a conventional-commit type, and by how it opens. A `fix` or `feat` is
    kept whatever it says: to leave out a feature hides a verdict, to keep a chore only adds a line to the
    list.
    """
    reason = _SECTIONS.get(re.sub(r"[^a-z ]", "", (section or "").lower()).strip())
    typed = _TYPE.match(text)
    if typed:
        scoped = "dependency bump" if (typed.group("scope") or "").lower() in ("deps", "deps-dev") else None
        return reason or scoped or _TYPES.get(typed.group("type").lower())
    wording = plain(text)
    return reason or next((why for why, pattern in _WORDING if pattern.search(wording)), None)


def plain(text: str) -> str:
    """Return an entry without Markdown, commit type, links, issue numbers and credits."""
    typed = _TYPE.match(text)
    if typed and (typed.group("type").lower() in ("feat", "feature", "fix", "perf") or typed.group("scope")):
        text = text[typed.end() :]
    for pattern, instead in _MARKUP:
        text = pattern.sub(instead, text)
    return text.strip()
