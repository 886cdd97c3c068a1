"""Find people's names where letters put them: greetings, signatures, titles, introductions, relations.

There is no list of names: a capitalised word counts as a name only for the place it stands in.
"""

import re
from collections.abc import Iterator

from models.language.closings import read_closing
from models.language.mailrules import JOB_TITLE
from models.language.nameshape import (
    COLLECTIVE,
    GREETING,
    LOWER,
    NAMES,
    PARTICLE,
    SMALL,
    TITLE,
    WORD,
    is_nobody,
    is_small_person,
)
from models.language.signatures import SIGNATURE_LINES, is_headed_block
from models.language.wordlists import any_of

Span = tuple[int, int]

LAST_READ = 1_200  # characters at the end of a text in which a signature without a closing is looked for
CLOSING_READ = 300  # characters of a line in which a closing may begin

_AND = r"(?:[ \t]?[&/][ \t]?|[ \t](?:and|und|et|y|e|en|i|og|och)[ \t])"
_TITLED_NAMES = rf"(?:(?i:{TITLE})\b\.?[ \t]{{1,2}}){{0,3}}{PARTICLE}{{0,2}}{NAMES}"
_SEVERAL = rf"{NAMES}(?:{_AND}{_TITLED_NAMES}){{0,2}}"

_RELATIONS = any_of(
    """
    colleague  co-?worker  boss  manager  wife  husband  partner  son  daughter  brother  sister  friend  mother
    father
    mum  mom  dad  assistant  accountant  agent  driver  technician  rep  representative  teammate  neighbou?r
    tenant
    """
)
_CONTACTS = r"(?:agent|rep|representative|technician|advisor|adviser|operator|colleague|employee)"
_ROLES = any_of(
    "admin\\w*  owner  editor  viewer  user  member  manager  approver  contact  collaborator  guest"
)
_THINGS = frozenset(
    """
    portal app panel guide dashboard account page view role settings import export report profile manual access desk
    menu list group experience story interface activity management console center centre admin api agreement
    """.split()  # noqa: SIM905
)
"""Second words of what is named after its users: `the customer Portal`, `user Access Control`."""

_GREETING = re.compile(
    rf"(?m)^[ \t>*]{{0,4}}(?i:{GREETING})[ \t]{{1,3}}"
    rf"(?:(?i:again|support)\b[ \t]{{1,3}})?(?:(?i:{TITLE})\b\.?[ \t,]{{1,3}}){{0,3}}"
    rf"(?P<name>{PARTICLE}{{0,2}}{_SEVERAL}(?:,[ \t]{WORD}(?=[,!:]|[ \t]*$))?|{SMALL}(?=[ \t]?[,!]))"
    r"(?=[ \t]*(?:[,!.:;–—-]|$|<|\))"
    r"|[ \t]+(?:i|we|the|my|our|this|is|can|it|please|thanks|ich|wir|je|nous)\b)"
)
# "hi sandra the export fails", without a capital or a comma.
_SMALL_GREETED = re.compile(
    rf"(?m)^[ \t>]{{0,4}}(?i:hi|hey|hello|dear)[ \t](?P<name>{SMALL})"
    r"(?=[ \t](?:the|i|i['’]m|my|we|our|can|could|please|this|any)\b)"
)
# The name alone is looked for behind thanks: what closes a message is found by `_find_signed`.
_THANKED = re.compile(
    r"(?m)^[ \t]{0,4}(?i:thanks|thank[ \t]you|danke|merci|gracias|grazie|tack|tak)"
    rf"(?i:[ \t](?:so[ \t]much|a[ \t]lot|very[ \t]much|again))?[ \t](?P<name>{_SEVERAL}(?=[,!])|{SMALL}(?=,))"
)
_SMALL_SIGNED = re.compile(
    rf"(?m)^[ \t(]{{0,4}}(?i:thx|thanks|cheers|ty|danke)[ \t](?P<name>{SMALL})[ \t]*[).!]?\s*\Z"
)
_DASHED = re.compile(
    rf"(?m)(?:^[ \t]*(?:[-–—~]{{1,2}}|/)|(?<=[.!?])[ \t](?:--|[–—]))[ \t]?(?P<name>{NAMES})[ \t]*\Z"
    rf"|^[ \t]*(?:[~/]|[-–—](?!.{{1,40}}[ \t]))[ \t]?(?P<small>{SMALL})[ \t]*\Z"
)
_CLAIMED = re.compile(
    r"(?<!\w)(?:I[ \t]am|I['’]m|[Aa]ccording[ \t]to|[Ii]ch[ \t]bin|[Jj]e[ \t]suis|[Ss]oy|[Ss]ono|[Ss]ou"
    r"|[Ii]k[ \t]ben)[ \t]"
    rf"(?P<name>{WORD}[ \t]{PARTICLE}{{0,2}}{WORD})"
    r"(?=,|[ \t](?:from|of|at|and|the|this|it|und|von|vom|aus|et|de|du|y|del|e|da|en|van)\b)"
)
_MENTIONED = re.compile(
    rf"(?<![\w.])@(?P<name>{WORD}[ \t]{WORD})"
    rf"|(?<![\w.])@(?P<small>{SMALL})(?=[ \t](?:can|could|would|will)[ \t]you\b|[ \t](?:please|pls|any)\b)"
)
_INITIALLED = re.compile(rf"\n[ \t]*\n[ \t]*(?P<name>{WORD}[ \t][A-Z]\.)\s*\Z")
_DISPLAYED = re.compile(
    rf"(?P<name>{WORD}(?:[ \t]{PARTICLE}{{0,2}}{WORD}){{1,2}})[\"']?[ \t]?[<(\[]{{1,2}}\ufdd0"
)
_TITLED = re.compile(
    r"(?=[DFHLMPSdfhmps])(?<!\w)(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof(?:essor)?|Herrn?|Frau|M(?=\.)|Mme|Mlle|[Mm]onsieur|[Mm]adame|Mademoiselle"
    r"|[Ss]eñor(?:a|ita)?|Sra?|Srta|Don|Doña|Dña|Lic|[Ss]ignor[ae]?|Sig(?:\.ra)?|Dott(?:\.ssa|oressa|ore)?|[Ss]enhora?|[Mm]eneer"
    r"|[Mm]evrouw|Dhr|Mevr|[Pp]ani|Fru|Hr)\b"
    rf"\.?[ \t]{{1,2}}(?:Dr\.?[ \t]|Prof\.?[ \t]){{0,2}}(?P<name>{PARTICLE}{{0,2}}{NAMES})"
)
_INTRODUCED = re.compile(
    r"(?=[CFHIJMNSTUYacfhijmnostuy])(?<!\w)(?i:my[ \t](?:full[ \t])?name(?:[ \t]is|['’]s|[ \t]?:)"
    r"|(?:(?:full|customer|contact|display|first|last|client|user|holder)[ \t]?|(?<=\n)"
    r"|(?<=\A))name['’]?s?[ \t]?[:=–-]"
    r"|nom[ \t]?:|nombre[ \t]?:|nome[ \t]?:|naam[ \t]?:|imię(?:[ \t]i[ \t]nazwisko)?[ \t]?:|navn[ \t]?:"
    r"|namn[ \t]?:|(?:signed|attn|contact)[ \t]?:"
    r"|mein[ \t]name[ \t]ist|ich[ \t]heiße|ich[ \t]heisse|je[ \t]m['’]appelle|mon[ \t]nom[ \t]est"
    r"|me[ \t]llamo|mi[ \t]nombre[ \t]es"
    r"|mi[ \t]chiamo|il[ \t]mio[ \t]nome[ \t]è|(?:me[ \t]chamo|chamo-me|(?:o[ \t])?meu[ \t]nome[ \t]é)"
    r"|mijn[ \t]naam[ \t]is|ik[ \t]heet"
    r"|nazywam[ \t]się|mam[ \t]na[ \t]imię|jeg[ \t]hedder|mit[ \t]navn[ \t]er|jag[ \t]heter|mitt[ \t]namn[ \t]är"
    r"|(?:spoke|talked|speaking|spoken|chatted|chatting)[ \t](?:to|with)|agent[ \t](?:named|called))[ \t]"
    rf"(?P<name>{PARTICLE}{{0,2}}{NAMES})"
)
_RELATED = re.compile(
    rf"(?=[IMOTYimoty])(?<!\w)(?:(?i:my|our|your)[ \t](?i:{_RELATIONS}),?[ \t]"
    rf"(?P<name>{NAMES})(?=[ \t][{LOWER}]|[,.]|$)"
    rf"|(?i:it['’]s|this[ \t]is|hier[ \t]ist)[ \t](?P<caller>{NAMES})(?=[ \t](?:again|here|from|speaking)\b))"
)
_IN_ROLE = re.compile(
    rf"(?<!\w)(?:(?i:the|an?|your)[ \t]{_CONTACTS}[ \t](?P<name>{WORD}(?:[ \t]{WORD})?)(?=[ \t][{LOWER}])"
    rf"|(?:user|customer|member|student|patient|employee)[ \t](?P<user>{WORD}[ \t]{WORD})(?=[ \t][{LOWER}])"
    rf"|(?i:add|invite|remove|make)[ \t](?P<invited>{WORD}[ \t]{PARTICLE}{{0,2}}{WORD})(?=[ \t](?:as"
    rf"|to)[ \t](?:an?[ \t]|the[ \t]|our[ \t])?{_ROLES}\b))"
)
_SENDER = re.compile(
    rf"(?m)^[ \t]*(?i:sent|written|submitted|signed)[ \t](?i:by)[ \t]"
    rf"(?P<name>{WORD}[ \t]{PARTICLE}{{0,2}}{WORD})[ \t]*[,.]?[ \t]*$"
)
_OF_YOURS = re.compile(
    rf"(?<![\w.])(?P<name>{NAMES})(?=[ \t](?:from|in|at|of)[ \t](?:your|the|customer|tech|technical|billing)[ \t]"
    r"(?:\w+[ \t])?(?:team|support|service|desk|department|hotline))"
)
# Each with words one of which must stand in a text for it to be worth a look.
_PLACES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (_GREETING, ()),
    (_SMALL_GREETED, ("hi ", "hey ", "hello ", "dear ")),
    (_THANKED, ("thank", "danke", "merci", "gracias", "grazie", "tack", "tak")),
    (_CLAIMED, ()),
    (_MENTIONED, ("@",)),
    (_DISPLAYED, ("\ufdd0",)),
    (_TITLED, ()),
    (_INTRODUCED, ()),
    (_RELATED, ()),
    (_IN_ROLE, ()),
    (_SENDER, (" by ",)),
    (_OF_YOURS, ("team", "support", "service", "desk", "department", "hotline")),
)
_AT_THE_END = (_SMALL_SIGNED, _DASHED, _INITIALLED)
END_READ = 160  # characters at the end of a text in which those are looked for
_JOINT = re.compile(rf"({_AND}|,[ \t])")
_BEFORE_CLOSING = re.compile(r"[.!?…)][\"'”»]*[ \t]+")
_SIGNED_NAME = re.compile(
    rf"[ \t]*(?:(?i:{TITLE})\b\.?[ \t]{{1,2}}){{0,3}}(?P<name>{PARTICLE}{{0,2}}{NAMES}(?:(?:{_AND}"
    rf"|,[ \t](?=[^,]*$)){NAMES}){{0,2}})"
    r"(?=[ \t]*[,.!]?[ \t]*(?:$|\||\(|/[ \t]|[·•]|,))"
)
_SMALL_NAME = re.compile(rf"[ \t]*(?P<name>{SMALL}(?:[ \t]{SMALL}){{0,2}})[ \t]*[.!)]?[ \t]*$")


def find_names(text: str) -> Iterator[Span]:
    """Yield the spans of people's names, `[start, end)`, in no particular order; spans may overlap."""
    small = text.lower()
    for place, words in _PLACES:
        if not words or any(word in small for word in words):
            yield from _found(place, text, 0)
    for place in _AT_THE_END:
        yield from _found(place, text, max(0, len(text) - END_READ))
    yield from _find_signed(text)
    yield from _find_headed(text)


def _found(place: re.Pattern[str], text: str, start: int) -> Iterator[Span]:
    for found in place.finditer(text, start):
        group = next(name for name, value in found.groupdict().items() if value is not None)
        yield from _checked(found.group(group), found.start(group))


def _checked(name: str, start: int) -> Iterator[Span]:
    """Yield the span of a name without words at its end that are none; nothing where it names nobody."""
    parts = _JOINT.split(name)
    while len(parts) > 2 and JOB_TITLE.match(parts[-1]):  # "John Smith / CTO"
        del parts[-2:]
    name = name[: sum(map(len, parts))]
    words = name.replace(",", " ").split()
    last = words[-1].lower()
    if is_nobody(words[0]) or last in COLLECTIVE or not _THINGS.isdisjoint((last, words[0].lower())):
        return
    if not JOB_TITLE.match(name):
        yield start, start + len(_without_tail(name))


def _without_tail(name: str) -> str:
    """Cut words that are no name from the end, as in `Anna I`."""
    words = name.rstrip()
    while " " in words and is_nobody(words.rsplit(" ", 1)[1]):
        words = words.rsplit(" ", 1)[0].rstrip(" ,&/")
    return words


# --- signatures -----------------------------------------------------------------------------------------------


def _find_signed(text: str) -> Iterator[Span]:
    """Yield names behind a closing: on its line, or on the next one that is not empty."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        first = max(start, end - CLOSING_READ)
        line = text[first:end]
        for at in (0, *(found.end() for found in _BEFORE_CLOSING.finditer(line))):
            found = _signed_at(text, first + at, end) if at or first == start else None
            if found is not None:
                yield from _checked(*found)
                break
        start = end + 1


def _signed_at(text: str, start: int, end: int) -> tuple[str, int] | None:
    """Return the name behind the closing at `start`, with its place; None where there is no closing or no name."""
    while start < end and text[start] in " \t>*":
        start += 1
    closing = read_closing(text[start:end])
    if closing is None:
        return None
    rest = start + closing.rest
    if rest < end:
        if closing.shy and not (closing.parted or closing.short):
            return None
        name = _SIGNED_NAME.match(text[rest:end])
        if name is None and (closing.parted or closing.short):
            name = _SMALL_NAME.match(text[rest:end])
            name = name if name and is_small_person(name.group("name"), most=1) else None
        return (name.group("name"), rest + name.start("name")) if name else None
    return _name_below(text, end)


def _name_below(text: str, end: int) -> tuple[str, int] | None:
    """Return the name on the first line that is not empty, at most two empty lines below `end`."""
    at = end
    for _ in range(3):
        if at >= len(text):
            return None
        start = at + 1
        at = text.find("\n", start)
        at = len(text) if at < 0 else at
        line = text[start : min(at, start + CLOSING_READ)]
        if line.strip():
            name = _SIGNED_NAME.match(line.lstrip(" \t-–—~")) or (
                _SMALL_NAME.match(line.lstrip(" \t-–—~")) if _ends(text, at) else None
            )
            if name is None or (name.re is _SMALL_NAME and not is_small_person(name.group("name"), most=2)):
                return None
            shift = len(line) - len(line.lstrip(" \t-–—~"))
            return name.group("name"), start + shift + name.start("name")
    return None


def _ends(text: str, at: int) -> bool:
    """Tell whether a text, or its paragraph, ends at `at`."""
    rest = text[at : at + 80]
    return not rest.strip() or re.match(r"\n[ \t]*\n", rest) is not None


def _find_headed(text: str) -> Iterator[Span]:
    """Yield the name at the head of a last paragraph that is a signature without a closing."""
    last = text[-LAST_READ:].rstrip()
    cut = last.rfind("\n\n")
    block = last[cut + 2 :].split("\n") if cut >= 0 else []
    if not 1 < len(block) <= SIGNATURE_LINES or not is_headed_block(block):
        return
    name = _SIGNED_NAME.match(block[0])
    if name is not None:
        yield from _checked(
            name.group("name"), len(text) - len(text[-LAST_READ:]) + cut + 2 + name.start("name")
        )
