"""What people's names look like in ten languages: capitals of every cased script, particles, titles, and nobody.

There is no list of names. A capitalised word counts as a name for the place it stands in (`names`, `signatures`).
"""

import re
from collections.abc import Callable

from models.language.wordlists import any_of

_SCRIPTS = (
    (0x41, 0x24F),
    (0x370, 0x52F),
    (0x1E00, 0x1FFF),
)  # Latin, Greek and Cyrillic, with their extensions


def _letters(test: Callable[[str], bool]) -> str:
    """Write the cased letters that pass a test as the inside of a character class."""
    runs: list[list[int]] = []
    for first, last in _SCRIPTS:
        for point in range(first, last + 1):
            if not test(chr(point)):
                continue
            if runs and runs[-1][1] == point - 1:
                runs[-1][1] = point
            else:
                runs.append([point, point])
    return "".join(chr(a) if a == b else f"{chr(a)}-{chr(b)}" for a, b in runs)


UPPER = _letters(str.isupper)
LOWER = _letters(str.islower)
WORD = rf"[{UPPER}][{LOWER}{UPPER}'’-]{{1,24}}"  # one part of a name
SMALL = rf"[{LOWER}][{LOWER}'’-]{{1,15}}"  # one that nobody capitalised
_PARTICLES = any_of(
    """
    van  von  vom  zu  zur  der  den  dem  de  da  do  dos  das  del  della  di  du  des  la  le  el  al  bin  ben
    ter  ten  af  av  y  e
    """
)
PARTICLE = rf"(?:{_PARTICLES}[ \t])"
PART = rf"(?:{WORD}|[{UPPER}]\.?|Mª)"
NAMES = rf"{PART}(?:[ \t]{PARTICLE}{{0,2}}{PART}){{0,3}}"
"""One person: up to four capitalised words or initials, with particles between them."""

GREETING = any_of(
    """
    (?:hi|hello|hey)(?: there)?  hiya  heya  dear  (?:good )?(?:morning|afternoon|evening|day)  greetings
    happy \\w+day
    hallo  hallöchen  hoi  moin  servus  liebe[rs]?  werte[rs]?  guten (?:tag|morgen|abend)  grüß gott  grüezi
    sehr geehrte[rs]?
    bonjour  bonsoir  salut  coucou  ch[eè]re?  madame, monsieur  hola  buen(?:os|as)? (?:días?|tardes|noches)
    buenas
    (?:muy )?(?:estimad|querid|apreciad)[oa]s?  ciao  salve  buon(?:giorno|asera)  gentil[ei]  gentilissim[oa]
    egregi[oa]  spett(?:\\.le|abile)
    car[oai]  olá  oi  bom dia  boa (?:tarde|noite)  prezad[oa]s?  car[oa]s?  exm[oa]s?\\.?  beste  geachte  dag
    hoi  goede(?:morgen|middag|navond|ndag)
    dzień dobry  cześć  witam  witaj  hej(?:san)?  szanown[yaie]  drog[iae]  kære  god (?:dag|morgen|aften)  goddag
    bästa  käre  kära  tjena  god (?:morgon|kväll)  ahoj  dobrý den
    """
)
"""How people greet at the start of what they write."""

TITLE = any_of(
    r"""
    mr  mrs  ms  miss  mx  dr  prof(?:essor)?  sir  rev  capt  herrn?  frau  fr  hr  dipl\.-ing  ing  mag
    monsieur  madame  mademoiselle  mme  mlle  ma[iî]tre  señora?  señorita  sra?  srta  don  doña  lic
    signora?  sig(?:\.ra)?  dott(?:\.ssa|oressa|ore)?  avv  geom  senhora?  dra  meneer  mevrouw  dhr  mevr
    pani?  panie  panu  państwo  fru  frk  univ\.-prof  habil
    """
)

NOBODY = frozenset(
    """
    bro bud buddy dude fam man mate mates pal tho though youuu
    again all already also always am an and another any anybody anyhow anyone anyway anyways app are as at be because
    best board both bot bunch but bye can care cheers clients colleagues community crew customer customers could day
    dear dev developers devs do does email everybody everyone first folks for friend friends from gentlemen good great
    guys has have heaps hello help helpdesk hey hi how hr i if i'm im in is it its just ladies last loads lots lovely
    ma'am madam many me million moderators morning much my name need no nobody none not now of ok on one only or our
    people person please pls product regards sales service services since sir sirs so some someone sorry staff still
    stupid subject support support-team sure team teams tech thank thanks that the their them then there these they
    this those to today together tomorrow two up update urgent very want was we well what when where which while who
    why will with world x xx xxx yes yesterday yet you your yours mr mrs ms miss dr prof ps p.s re fwd
    about after although apparently because before cannot concerning couldn't currently did didn't does doesn't during
    each either ever every found guess hope hoping how's i've know lately maybe never often perhaps previously quick
    recently regarding saw see since sometimes suddenly think tried trying unfortunately until usually we're wondering
    without sir/madam madam/sir solved works worked working done fixed appreciated advance bank bye ciao hugs
    greetings
    webmaster seller valued hiring recruiting
    monday tuesday wednesday thursday friday saturday sunday january february march april june july august september
    october november december weekend week night evening afternoon
    hallo zusammen leute herr frau damen herren liebes guten tag morgen abend moin kollegen kolleginnen ihr euch wir
    ich
    sie sehr dank danke gruß grüße der die das und oder nicht ist
    bonjour bonsoir tous toutes équipe madame monsieur mesdames messieurs merci à l'équipe je nous vous le les une
    equipo todos todas señor señora señores buenas buenos días tardes noches gracias saludos amigos el los no
    tutti tutte ragazzi grazie saluti staff il lo gli equipa equipe pessoal gente galera obrigado obrigada
    allemaal allen iedereen mensen team bedankt groet het een wszyscy wszystkim państwo dziękuję pozdrawiam panie
    pani pan alle allesammen kollegaer hej tak hilsen alla allihopa tack hälsningar kollegor jag och det
    """.split()  # noqa: SIM905
)
"""Words that stand where names do and are nobody's."""

COLLECTIVE = frozenset(
    """
    billing care crew customer desk helpdesk kundenservice office sales service staff support team teams users
    kundendienst vertrieb buchhaltung équipe equipo equipe assistenza soporte suporte suport ondersteuning
    """.split()  # noqa: SIM905
)
"""Last words of what names an organisation: `Hi Acme Support` greets nobody, and Acme may be the product."""

_TITLES = re.compile(rf"\A(?:(?i:{TITLE})\b\.?[ \t]){{1,3}}")
_PERSON = re.compile(
    rf"{PARTICLE}{{0,2}}{PART},?"
    rf"(?:[ \t]{PARTICLE}{{0,2}}\(?{PART}\)?,?){{0,4}}(?:[ \t]?\([^()]{{1,24}}\))?$"
)
_SMALL_PERSON = re.compile(rf"{SMALL}(?:[ \t]{SMALL}){{0,2}}$")
_JOINED = re.compile(r"[ \t]?(?:[&/+]|,)[ \t]?|[ \t](?:and|und|et|y|e|en|i|og|och)[ \t]")


def is_nobody(word: str) -> bool:
    """Tell whether a word is one that stands where names do and names nobody."""
    return word.lower().strip(".,'’!") in NOBODY


def is_person(text: str) -> bool:
    """Tell whether a text is the name of one to three people and nothing else, as its capitals have it."""
    text = text.strip().strip(".!,")
    if not text or len(text) > 80:
        return False
    parts = [_TITLES.sub("", part, count=1) for part in _JOINED.split(text)]
    return (
        len(parts) <= 3
        and all(_PERSON.match(part) for part in parts)
        and not any(is_nobody(word) for part in parts for word in part.split())
        and text.split()[-1].lower() not in COLLECTIVE
    )


def is_small_person(text: str, *, most: int = 2) -> bool:
    """Tell whether a text is up to `most` words without capitals that could be a name."""
    text = text.strip().strip(".!,")
    words = text.split()
    return 0 < len(words) <= most and _SMALL_PERSON.match(text) is not None and not any(map(is_nobody, words))
