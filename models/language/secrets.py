"""Find keys, tokens, passwords and one-time codes in a text: by their shape, or by the word before them."""

import re
from collections.abc import Iterator

from models.language.wordlists import any_of

Span = tuple[int, int]

_KEYS = any_of(
    # payment, code hosting, chat, clouds, mail, packages, models; then JSON web tokens
    r"""
    (?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,}  whsec_[A-Za-z0-9+/=]{8,}  sq0(?:atp|csp)-[\w-]{16,}
    gh[pousr]_[A-Za-z0-9]{16,}  github_pat_[A-Za-z0-9_]{16,}  glpat-[A-Za-z0-9_-]{12,}
    xox[abeoprs]-[A-Za-z0-9-]{8,}  xapp-[A-Za-z0-9-]{10,}
    (?:AKIA|ASIA|AGPA|AIDA|AROA)[0-9A-Z]{16}(?![0-9A-Za-z])  AIza[0-9A-Za-z_-]{30,}  ya29\.[0-9A-Za-z_-]{16,}
    SG\.[\w-]{16,}\.[\w-]{16,}  AC[a-f0-9]{32}  SK[a-f0-9]{32}  shp(?:at|ss|ca|pa)_[A-Fa-f0-9]{16,}
    npm_[A-Za-z0-9]{30,}  pypi-[A-Za-z0-9_-]{30,}  dop_v1_[a-f0-9]{32,}  EAA[A-Za-z0-9]{40,}
    \d{8,10}:AA[\w-]{32,36}(?![\w-])
    (?<=hooks\.slack\.com/services/)[\w/]{12,}  (?<=/api/webhooks/)\d{10,}/[\w-]{20,}
    hf_[A-Za-z0-9]{24,}  sk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{16,}
    eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?
    """
)
_SECRET_SHAPES = re.compile(rf"(?<![A-Za-z0-9]){_KEYS}")
_PEM_END = re.compile(r"-----END [A-Z ]{0,40}-----")
_PEM_START = re.compile(r"-----BEGIN [A-Z ]{0,30}(?:PRIVATE KEY|CERTIFICATE)-----")
_SECRET_WORDS = any_of(
    r"""
    pass(?:word|wort|phrase|code)?  passwd  pwd  pw  kennwort  mot de passe  contraseña  senha  wachtwoord  hasło
    lösenord  parola  adgangskode  kodeord  palavra-passe  mdp  zugangsdaten  api[ _-]?key
    secret(?:[ _-](?:access[ _-])?key)?  access[ _-]?(?:key|token)  auth(?:entication)?[ _-]?token  token
    client[ _-]?secret  otp  2fa code  pin(?: ?code)?  cvv2?  cvc  session_?id  sid  csrf\w{0,12}
    jsessionid  phpsessid
    """
)
_LABELLED = re.compile(
    rf"(?i)(?=[2acdhijklmopstw])(?<![a-z0-9])(?P<word>{_SECRET_WORDS})s?(?![a-z0-9_-])"
    r"(?P<link>[ \t](?:is|was|ist|lautet|war|est|es|era|è|é|to|as|jest|är|er)(?:[ \t]?:)?[ \t]"
    r"|[\"'`]?[ \t]?[:=]{1,2}[ \t]?)?[ \t]?[\"'`]?"
    r"(?P<value>[^\s\"'`<>,;\ufdd0]{3,200})"
)
_CODE = re.compile(
    r"(?i)\b(?:otp|2fa|mfa|tan|(?:sms-?|push)?tan|(?:verification|security|login|sign-in|sms|auth"
    r"(?:entication)?|one-time)[ \t]"
    r"(?:code|pin|password)|one-time[ \t]?password|bestätigungscode|sicherheitscode)"
    r"(?:[ \t](?:code|is|was|ist|lautet))*[ \t]?[:=]?[ \t]"
    r"(?P<value>\d{3}[ -]?\d{3}|\d{4,8})(?![\w.,]\d|\w)"
)
_CARD_CODE = re.compile(
    r"(?i)\b(?:cvv2?|cvc2?|cv2|prüfnummer|prüfziffer|kartenprüfnummer)\W{0,3}(?:(?:is|code|number|ist)\W{1,2}){0,2}(?P<value>\d{3,4})(?!\w)"
)
# Names of settings, such as AWS_SECRET_ACCESS_KEY.
_SETTING = re.compile(
    r"(?i:secret|token|passw(?:or)?d|api_?key|access_?key|private_?key|auth_?key)(?i:_?[a-z0-9_]{0,20})"
    r"[\"']?[ \t]?[=:][ \t]?[\"']?(?P<value>(?=[^\s\"']*\d)(?=[^\s\"']*[A-Za-z])[A-Za-z0-9+/_~=-]{12,300})(?![\w./-])"
)
_KEY_GROUPS = re.compile(
    r"(?i)\b(?:licen[cs]e|licen[cs]ing|activation|registration|product|serial|lizenz|aktivierungs"
    r"|produkt)[ _-]?(?:key|code|schlüssel)\b"
    r"(?:[ \t](?:is|was|ist|lautet))?[ \t]?[:=]?[ \t][\"']?(?P<value>[A-Z0-9]{3,8}(?:-[A-Z0-9]{3,8}){2,7})(?![\w-])"
)
_SPARE_CODES = re.compile(
    r"(?i)\b(?:recovery|backup|back-up|scratch|emergency|wiederherstellungs|reserve)[ -]?codes?\b[ \t]?"
    r"(?:are|is)?[ \t]?:?[ \t]"
)
_SPARE_CODE = re.compile(
    r"[ \t]{0,2}(?P<value>(?=[A-Za-z-]*\d)[A-Za-z0-9]{3,12}(?:-[A-Za-z0-9]{3,12}){0,3})(?![\w-])[,;]?"
)
_DATABASE_OPTION = re.compile(
    r"(?i)\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass)\b[^\n]{0,200}?[ \t]-p(?P<value>[^\s\"'\ufdd0]{4,200})"
)
_COOKIE = re.compile(r"(?i)\bcookie:[ \t]*[\w.-]{1,60}=(?P<value>[^\s;,\ufdd0]{6,2000})")
_USER_OPTION = re.compile(
    r"(?i)\bcurl\b[^\n]{0,200}?[ \t](?:-u|--user)[ \t]?[\"']?[\w.@-]{1,80}:"
    r"(?P<value>[^\s\"'\ufdd0]{3,200})"
)
_NO_PASSWORD = frozenset(
    """
    and are blank cannot changed correct does empty expired field fields for form from gone has hidden incorrect
    invalid is link manager missing must none not null optional page policy required requirements reset rules shown
    string text that the too true false undefined unknown was weak with wrong yes
    """.split()  # noqa: SIM905
)
_VERSION = re.compile(r"(?i)v?\d+(?:[.\w-]*)$")
_PASSWORD = re.compile(r"(?i)pass\w|pwd|pw|kennwort|mot|contra|senha|wachtwoord|has|lös|parola")
_BEARER = re.compile(r"(?i)(?=[ab])\b(?:bearer|basic|authorization:)[ \t]+(?P<value>[A-Za-z0-9+/._=~-]{12,})")
_KEY_LABEL = re.compile(rf"(?i)\b(?:{_SECRET_WORDS}|keys?|credentials?)\W{{0,3}}(?:(?:is|was|of)\W{{1,2}})?$")
_SURE_LENGTH = 32  # shorter words that look random are as often public identifiers of tracks, orders or pages
_LONG = re.compile(r"(?<![\w/+.-])[A-Za-z0-9+/_-]{20,}={0,2}(?![\w])")
_SSN = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])")
_HARMLESS = any_of(
    """
    commit  sha-?\\d*  md5  checksum  digest  hash  build  revision  rev  branch  master  main  ref  tree  blob  h1:
    (?:trace|request|correlation|error|event|span|session)[ _-]?id
    """
)
_HARMLESS_LABEL = re.compile(rf"(?i)\b{_HARMLESS}\W{{0,4}}(?:is\W{{1,2}})?$")
_COMMIT = re.compile(r"[0-9a-f]{40}$")  # a commit's name: public in most reports that hold one
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")

_ENTRANCE = re.compile(
    r"(?i)(?<=[a-z0-9])/(?:invit(?:e|ation)|reset|confirm|verify|activate|token|magic|join|auth|unsubscribe|session|share)s?/"
    r"(?P<value>[\w~-]{8,300})(?![\w~-]*\.)"
)


# Each with words one of which must stand in a text for it to be worth a look.
_LABELS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (_CODE, ("otp", "2fa", "mfa", "tan", "code", "pin", "password")),
    (_CARD_CODE, ("cv", "prüf")),
    (_SETTING, ("secret", "token", "passw", "key")),
    (_KEY_GROUPS, ("key", "code", "schlüssel")),
    (_COOKIE, ("cookie",)),
    (_USER_OPTION, ("curl",)),
    (_DATABASE_OPTION, (" -p",)),
)


def find_secrets(text: str) -> Iterator[Span]:
    """Yield spans of keys, tokens, passwords, codes and private keys; spans may overlap."""
    for found in _PEM_START.finditer(text):
        end = _PEM_END.search(text, found.end(), found.end() + 8000)
        yield found.start(), end.end() if end else len(text)
    for found in _SECRET_SHAPES.finditer(text):
        yield found.span()
    for found in _BEARER.finditer(text):
        yield found.span("value")
    for entrance in _ENTRANCE.finditer(text):
        if any(character.isdigit() for character in entrance.group("value")):
            yield entrance.span("value")
    for found in _LONG.finditer(text):
        before = text[max(0, found.start() - 24) : found.start()]
        if not _looks_random(found.group()) or _HARMLESS_LABEL.search(before):
            continue
        is_sure = found.end() - found.start() >= _SURE_LENGTH and not _COMMIT.match(found.group())
        if is_sure or _KEY_LABEL.search(before):
            yield found.span()
    yield from _find_labelled(text)


def _find_labelled(text: str) -> Iterator[Span]:
    """Yield values that a word such as "password" introduces, and social security numbers."""
    for found in _LABELLED.finditer(text):
        value = found.group("value").rstrip(".?)!" if found.group("link") is None else ".?)")
        if _is_secret_value(value, found.group("word"), found.group("link")):
            yield found.start("value"), found.start("value") + len(value)
    small = text.lower()
    for pattern, words in _LABELS:
        if any(word in small for word in words):
            for found in pattern.finditer(text):
                yield found.span("value")
    for label in _SPARE_CODES.finditer(text) if "code" in small else ():
        at = label.end()
        while spare := _SPARE_CODE.match(text, at):
            yield spare.span("value")
            at = spare.end()
    for found in _SSN.finditer(text):
        yield found.span()


def _is_secret_value(value: str, word: str, link: str | None) -> bool:
    """Tell a secret from the word that goes on with the sentence ("password: required", "token expired").

    Without a link such as "is" or a colon only letters and digits mixed count; with "is" a digit or a sign within;
    after a colon or an equals sign any word that is not common, where the label is that of a password.
    """
    has_digit = any(character.isdigit() for character in value)
    if len(value) < 3 or value.lower().strip(".!") in _NO_PASSWORD:
        return False
    if link is None:
        mixed = has_digit and any(character.isalpha() for character in value)
        return mixed and len(value) >= 6 and not _VERSION.match(value)
    if has_digit or (value.isalpha() and len(value) >= 20):
        return True
    return link.strip()[-1:] in ":=" and _PASSWORD.match(word) is not None and len(value) >= 4


def _looks_random(word: str) -> bool:
    """Tell a key from a long word or a path: hexadecimal, or digits and both cases mixed; UUIDs are no keys."""
    body = word.rstrip("=")
    if _UUID.match(body):
        return False
    digits = sum(character.isdigit() for character in body)
    if all(character in "0123456789abcdefABCDEF" for character in body):
        return len(body) >= 32 and 4 <= digits < len(body)
    upper = sum(character.isupper() for character in body)
    lower = sum(character.islower() for character in body)
    least = 3 if len(body) >= 32 else 4
    return min(digits, upper, lower) >= least and body.count("/") <= 4 and body.count("-") <= 4
