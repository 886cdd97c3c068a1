"""Label the turns of a chat's transcript that a bot or the staff wrote; the customer's turns stay."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.language.lines import Labels, Line
from models.language.wordlists import any_of
from models.values.text import RemovedKind

_CLOCK = (
    r"(?:\d{4}-\d\d-\d\d[ T]|\d{1,2}[./]\d{1,2}[./]\d{2,4},? )?\d{1,2}:\d\d(?::\d\d)?(?: ?[APap]\.?[Mm]\.?)?"
)
_TURN = re.compile(
    rf"\s{{0,4}}(?:(?P<clock>[\[(]?{_CLOCK}[\])]?)\s?[-–|]?\s?)?"
    rf"(?P<who>[^\W_][\w .'’&/-]{{0,40}}?(?:\([\w .-]{{1,24}}\))?)\s?(?P<after>[\[(]?{_CLOCK}[\])]?)?\s?:"
    rf"(?:\s+\S|\s*$)"
)
_MACHINE = re.compile(
    "(?i)\\b"
    + any_of(
        """
        \\w*bot  (?:virtual|digital|automated|ai) \\w+  (?:virtual )?assistant  assistent\\w*  asistente  robot
        answer bot  automation
        """
    )
    + "\\b"
)
_STAFF = re.compile(
    "(?i)\\b"
    + any_of(
        """
        agent\\w*  support\\w*  operator\\w*  representative  rep  advisor  adviser  team  helpdesk  staff
        berater\\w*  mitarbeiter\\w*
        kundenservice  service  conseill\\w+  soporte  asesor\\w*  operatore  assistenza  atendente  suporte
        medewerker
        klantenservice  konsultant\\w*  obsługa  kundeservice  medarbejder  kundtjänst  handläggare
        """
    )
    + "\\b"
)
_CUSTOMER = re.compile(
    "(?i)"
    + any_of(
        """
        visitor  customer  client\\w*  user  guest  me  requester  caller  kund\\w*  besucher\\w*  nutzer\\w*
        gast  visiteur  visitante
        usuari[oa]  cliente  ospite  utente  klant  bezoeker  klient\\w*  gość  użytkownik  besøgende  bruger
        besökare  användare
        """
    )
    + r"\b"
)
_FRAME = re.compile(
    r"(?i)\s*[*=–—-]{0,3}\s*(?:(?:the )?(?:chat|conversation|transcript)\b.{0,30}\b(?:started|ended"
    r"|transcript|closed|with)\b"
    r"|.{1,40}\b(?:has )?(?:joined|left) the (?:chat|conversation)\b)"
)
LEAST_TURNS = 2


@dataclass(frozen=True, slots=True)
class _Turn:
    index: int
    who: str
    is_timed: bool


def label_turns(lines: Sequence[Line], labels: Labels) -> None:
    """Label what a bot said as macro and what staff said as quote, where the lines are a transcript.

    A transcript has turns with the time beside the speaker, or a speaker that takes turns twice; a form with fields
    (`Browser: Chrome`) has neither. Where a timed turn is a visitor's or customer's, all others are not the customer.
    """
    turns = [turn for index, line in enumerate(lines) if (turn := _read_turn(index, line, labels))]
    if len(turns) < LEAST_TURNS:
        return
    speakers = [turn.who for turn in turns]
    is_timed = sum(turn.is_timed for turn in turns) >= LEAST_TURNS
    if not is_timed and len(set(speakers)) == len(speakers):
        return
    customers = {who for who in speakers if _CUSTOMER.match(who)}
    is_chat = is_timed and bool(customers)
    others = {who: kind for who in set(speakers) - customers if (kind := _kind_of(who, is_chat))}
    if not others or set(others) == set(speakers):
        return
    starts = {turn.index for turn in turns}
    for turn in turns:
        if turn.who in others:
            _fill_turn(lines, labels, turn, starts, others[turn.who])
    for index, line in enumerate(lines):
        if labels[index] is None and not line.blank and _FRAME.match(line.text):
            labels[index] = RemovedKind.MACRO


def _read_turn(index: int, line: Line, labels: Labels) -> _Turn | None:
    found = _TURN.match(line.text) if labels[index] is None and ":" in line.text else None
    if found is None:
        return None
    return _Turn(index, found.group("who").strip(), bool(found.group("clock") or found.group("after")))


def _kind_of(who: str, is_chat: bool) -> RemovedKind | None:
    if _MACHINE.search(who):
        return RemovedKind.MACRO
    return RemovedKind.QUOTE if is_chat or (who[:1].isupper() and _STAFF.search(who)) else None


def _fill_turn(
    lines: Sequence[Line], labels: Labels, turn: _Turn, starts: set[int], kind: RemovedKind
) -> None:
    """Label a turn up to the next one or an empty line."""
    index = turn.index
    while index < len(lines) and not lines[index].blank and (index == turn.index or index not in starts):
        labels[index] = kind
        index += 1
