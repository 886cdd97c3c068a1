"""Replace personal data and secrets in a text by stable placeholders, before anything is stored or embedded."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from models.language.names import find_names
from models.language.numbers import find_cards, find_ibans, find_phones
from models.language.papers import find_accounts, find_documents, find_street_addresses
from models.language.secrets import find_secrets
from models.language.wordlists import any_of
from models.values.text import Removed, RemovedKind

REDACT_VERSION = "redact-3"

Span = tuple[int, int]

# One character stands for each removed span while the other detectors look, so that what they see in a text is
# what they will see in its redacted form: this is why redacting twice changes nothing.
_HOLE = "\ufdd0"
_WHATS = (
    "email", "phone", "card", "iban", "secret", "ip", "name", "query", "login", "address", "account", "document",
)  # fmt: skip
_PLACEHOLDER = re.compile("<(" + "|".join(_WHATS) + ")>")

_ROUNDS = 10

_URL = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s<>\"'`\ufdd0]{1,2000}")
_USERINFO = re.compile(r"(?i)[a-z][a-z0-9+.-]{1,20}://([^\s/@?#<>]{1,300})@")
# An address without a scheme has a query where a name stands before an equals sign: "fixed?" is a question.
_BARE_QUERY = re.compile(
    r"(?<![^\s\"'(<])(?:[\w-]{1,63}(?:\.[\w-]{1,63}){1,6})?/?[\w/.~%-]{1,500}\?(?P<query>[\w.%\[\]-]{1,60}=[^\s<>\"'\ufdd0]{0,2000})"
)
_OWNER = re.compile(
    r"(?i)/(?:(?:user|profile|member|customer|account|contact|person|people)s?|u)/(?P<owner>[\w.~%+@-]{1,100})"
    r"|/(?P<handle>@[\w.-]{1,60})"
)
_PAGES = frozenset(
    """
    all add api billing create delete details edit export import index invite list login logout me new null
    overview password profile register search security self settings sign-in sign-up signin signup undefined
    """.split()  # noqa: SIM905
)
"""What stands after `/users/` in an address and is a page, not a person."""
_QUERY = re.compile(r"\?[^\s#<>]*(?:#\S*)?|#[^\s?<>]*=\S*")

_MAIL_AT = re.compile(
    r"[\w.%+'’~!$&*=-]{0,64}[\w%+~$*=-]@(?:[^\W_](?:[\w-]{0,62})\.){1,8}[^\W\d_]{2,24}(?![\w-]*@)"
)
# The address of a repository, "git@host:owner/name": the same for everybody.
_REPOSITORY = re.compile(r"git@[\w.-]+:[\w~-]+/")
_MAIL_SPELLED = re.compile(
    r"(?i)\b[\w.+-]{1,64}[ \t]?(?:\(at\)|\[at\]|\{at\}|<at>|\(a\)|\(@\)|\[@\])[ \t]?[\w-]{1,63}"
    r"(?:[ \t]?(?:\(dot\)|\[dot\]|\{dot\}|\.|[ \t]dot[ \t])[ \t]?[a-z]{2,24}){1,3}\b"
)
_MAIL_SPACED = re.compile(
    r"(?i)(?<![\w.+-])[\w.+-]{1,64}[ \t]@[ \t](?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24}\b(?!@)"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[ \t](?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24}\b(?!@)"
)
# "john dot doe at example dot com", and "sven AT beispiel DOT de"; "look at example dot com" is advice.
_MAIL_SAID = re.compile(
    r"(?<![\w.])(?:\w{1,40}(?:[ \t](?i:dot|underscore|dash|minus)[ \t]\w{1,40}){1,3}|[\w.+-]{0,40}[\d_.][\w.+-]{0,40}"
    r"|(?<=is )\w{2,40})[ \t](?i:at)[ \t][\w-]{1,40}(?:[ \t]?(?i:dot|\.)[ \t]?[a-z]{2,24}){1,3}\b"
    r"|(?<![\w.])[\w.+-]{1,64}[ \t](?:AT|@)[ \t][\w-]{1,63}(?:[ \t](?:DOT|dot)[ \t][A-Za-z]{2,24}){1,3}\b"
)
# "0x7FFE12345678 at module.dll" stands in reports of crashes.
_FRAME_OF_CODE = re.compile(
    r"(?i)(?:0x[0-9a-f]+|.*\.(?:dll|exe|so|sys|dylib|jar|js|py|java|php|cs|rb|go|ts)$)"
)

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d|-[A-Za-z])")
# Four small numbers are as often the version of a package, unless a word says that they are an address.
_LARGE_OCTET = 100
_IP_LABEL = re.compile(
    r"(?i)\b(?:ips?|ipv4|address|adresse|host|server|from|client|ping|blocked|login|logged|access|vpn|bind|dns|@|//)\b[^\n]{0,24}$"
)
_PORT_AFTER = re.compile(r"[:/]\d{1,5}\b")
_VERSION_AFTER = re.compile(r"(?i) (?:is|was) (?:the|our|my) (?:\w+ )?(?:version|build|release)")
_NAME_SERVERS = frozenset({(8, 8, 8, 8), (8, 8, 4, 4), (1, 1, 1, 1), (1, 0, 0, 1), (9, 9, 9, 9)})
_IPV6 = re.compile(r"(?i)(?<![\w:.])(?:[0-9a-f]{1,4}:|:){2,7}(?::?[0-9a-f]{1,4}){1,2}(?![\w:])")
_VERSIONED = any_of(
    """
    v  version  ver  release  build  firmware  driver  chrome  safari  firefox  edge  android  ios  windows  macos
    agent  sdk  client  app  update  patch  section  chapter  clause  paragraph  step  oid  item  heading
    """
)
_VERSION_LABEL = re.compile(rf"(?i)\b{_VERSIONED}(?: (?:number|no))?\W{{0,3}}(?:is\W{{1,2}}|to\W{{1,2}}|v)?$")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without personal data, and the spans of the input that were replaced.

    `removed` counts in characters of the text that was given to `redact`; `what` names the placeholder.
    """

    text: str
    removed: tuple[Removed, ...] = ()


def redact(text: str) -> Redacted:
    """Replace personal data and secrets by `<email>`, `<phone>`, `<card>`, `<iban>`, `<secret>`, `<ip>`, `<name>`.

    The query of an address becomes `<query>`, its login `<login>`. Cards must pass the Luhn check and belong to a
    known brand, IBANs must pass modulo 97, phone numbers must be possible ones. Order numbers, dates, amounts,
    versions and error codes stay. Names go only where greetings, signatures, titles and introductions put them: a
    name in the middle of a sentence stays, which is a known limit. Redacting twice changes nothing. Never raises.
    """
    working, holes = _open_placeholders(text.replace(_HOLE, "\ufffd"))
    for _ in range(_ROUNDS):
        found = _find(working)
        if not found:
            break
        working, holes = _punch(working, holes, found)
    return _write(working, holes)


@dataclass(frozen=True, slots=True)
class _Hole:
    """One removed span of the original text; `placed` marks a placeholder that was there before."""

    what: str
    start: int
    end: int
    placed: bool = False


def _open_placeholders(text: str) -> tuple[str, list[_Hole]]:
    holes = [
        _Hole(found.group(1), found.start(), found.end(), placed=True)
        for found in _PLACEHOLDER.finditer(text)
    ]
    return (_PLACEHOLDER.sub(_HOLE, text), holes) if holes else (text, holes)


def _find(text: str) -> list[tuple[int, int, str]]:
    """Find all spans to remove in a text with holes; sorted, none overlapping, earlier detectors first."""
    found: list[tuple[int, int, str]] = []
    for what, applies, detector in _DETECTORS:
        if applies(text):
            found += [(start, end, what) for start, end in detector(text)]
    return _disjoint(found)


def _disjoint(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Drop spans that overlap one found earlier in the list; return the rest in order of place."""
    if len(found) < 2:
        return found
    order = {what: rank for rank, (what, _, _) in enumerate(_DETECTORS)}
    chosen: list[tuple[int, int, str]] = []
    for span in sorted(found, key=lambda span: (span[0], order[span[2]], -span[1])):
        if chosen and span[0] < chosen[-1][1]:
            if order[span[2]] < order[chosen[-1][2]]:
                chosen[-1] = span
            continue
        chosen.append(span)
    return chosen


def _punch(text: str, holes: list[_Hole], found: list[tuple[int, int, str]]) -> tuple[str, list[_Hole]]:
    """Put a hole in place of each found span; holes inside a span are swallowed by it."""
    pieces: list[str] = []
    merged: list[_Hole] = []
    shift = at = last = 0

    def pass_holes(upto: int) -> None:
        nonlocal shift, at
        position = text.find(_HOLE, last)
        while position != -1 and position < upto:
            merged.append(holes[at])
            shift += holes[at].end - holes[at].start - 1
            at += 1
            position = text.find(_HOLE, position + 1)

    for start, end, what in found:
        pass_holes(start)
        pieces += (text[last:start], _HOLE)
        origin = start + shift
        inner = text.count(_HOLE, start, end)
        shift += sum(hole.end - hole.start - 1 for hole in holes[at : at + inner])
        at += inner
        merged.append(_Hole(what, origin, end + shift))
        last = end
    merged += holes[at:]
    pieces.append(text[last:])
    return "".join(pieces), merged


def _write(working: str, holes: list[_Hole]) -> Redacted:
    if not holes:
        return Redacted(working)
    parts = working.split(_HOLE)
    out = [parts[0]]
    for hole, part in zip(holes, parts[1:], strict=True):
        out += (f"<{hole.what}>", part)
    removed = tuple(
        Removed(RemovedKind.PERSONAL_DATA, hole.start, hole.end, hole.what)
        for hole in holes
        if not hole.placed
    )
    return Redacted("".join(out), removed)


# --- detectors ----------------------------------------------------------------------------------------------


def _find_queries(text: str) -> Iterator[Span]:
    for url in _URL.finditer(text):
        query = _QUERY.search(url.group())
        if query and len(query.group().rstrip(".,;:!?)]")) > 1:
            yield url.start() + query.start() + 1, url.start() + len(url.group().rstrip(".,;:!?)]"))
    for found in _BARE_QUERY.finditer(text):
        yield found.start("query"), found.start("query") + len(found.group("query").rstrip(".,;:!?)]"))


def _find_logins(text: str) -> Iterator[Span]:
    for login in _USERINFO.finditer(text):
        if login.group(1).strip(_HOLE):
            yield login.span(1)
    for url in _URL.finditer(text):
        for owner in _OWNER.finditer(url.group()):
            group = "owner" if owner.group("owner") else "handle"
            if owner.group(group).lower().rstrip(".") not in _PAGES:
                end = owner.start(group) + len(owner.group(group).rstrip(".,"))
                yield url.start() + owner.start(group), url.start() + end


def _find_mails(text: str) -> Iterator[Span]:
    for found in _MAIL_AT.finditer(text):
        if not _REPOSITORY.match(text, found.start()):
            yield found.span()
    for pattern in (_MAIL_SPELLED, _MAIL_SPACED, _MAIL_SAID):
        for found in pattern.finditer(text):
            if not _FRAME_OF_CODE.match(found.group()):
                yield found.span()


def _find_ips(text: str) -> Iterator[Span]:
    for found in _IPV4.finditer(text):
        octets = [int(octet) for octet in found.group().split(".")]
        before = text[max(0, found.start() - 28) : found.start()]
        after = text[found.end() : found.end() + 24]
        is_version = _VERSION_LABEL.search(before) or _VERSION_AFTER.match(after)
        is_told = max(octets) >= _LARGE_OCTET or _IP_LABEL.search(before) or _PORT_AFTER.match(after)
        if max(octets) <= 255 and is_told and not _is_nobodys(octets) and not is_version:
            yield found.span()
    if "::" in text or text.count(":") >= 7:
        for found in _IPV6.finditer(text):
            if _is_ipv6(found.group()):
                yield found.span()


def _is_nobodys(octets: list[int]) -> bool:
    """Tell addresses that name nobody: of every office (RFC 1918, loopback), masks, public name servers."""
    first, second = octets[:2]
    if first >= 224 or tuple(octets) in _NAME_SERVERS:
        return True
    return first in (0, 10, 127) or (first, second) == (192, 168) or (first == 172 and 16 <= second <= 31)


def _is_ipv6(word: str) -> bool:
    try:
        return word.count(":") >= 3 and not ipaddress.IPv6Address(word).is_loopback
    except ValueError:
        return False


def _has_digit(text: str) -> bool:
    return _DIGIT.search(text) is not None


def _has_many_digits(text: str) -> bool:
    return _DIGITS.search(text) is not None


def _always(text: str) -> bool:
    return bool(text)


_MAIL_HINT = re.compile(r"(?i)@|\(a\)|\bat\b")
_DIGIT = re.compile(r"\d")
_DIGITS = re.compile(r"\d(?:[^\d\n]{0,4}\d){5}")
_DETECTORS: tuple[tuple[str, Callable[[str], bool], Callable[[str], Iterable[Span]]], ...] = (
    ("query", lambda text: "://" in text or "?" in text, _find_queries),
    ("login", lambda text: "://" in text, _find_logins),
    ("email", lambda text: _MAIL_HINT.search(text) is not None, _find_mails),
    ("secret", _always, find_secrets),
    ("iban", _has_many_digits, find_ibans),
    ("card", _has_many_digits, find_cards),
    ("document", _has_digit, find_documents),
    ("account", _has_digit, find_accounts),
    ("ip", _has_digit, _find_ips),
    ("address", _has_digit, find_street_addresses),
    ("phone", _has_many_digits, find_phones),
    ("name", _always, find_names),
)
