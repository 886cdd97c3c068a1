"""Find people's names where letters put them: greetings, signatures, titles, introductions, relations.

There is no list of names: a capitalised word counts as a name only for the place it stands in.
"""

import re
from collections.abc import Iterator

from models.language.wordlists import any_of

_NAME = r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿA-ZÀ-ÖØ-Þ'’-]{1,24}"
_NAMES = (
    rf"(?:{_NAME}|[A-Z]\.?)(?:[ \t](?:(?:van|von|de|der|la|di|da|del|el)[ \t])?(?:{_NAME}|[A-Z]\.)){{0,3}}"
)
_SMALL = r"[a-zà-öø-ÿ'’-]{2,16}"

# Words that stand where names do and are nobody's.
_NOBODY = frozenset(
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
    why will with world x xx xxx yes yesterday yet you your yours mr mrs ms miss dr prof
    hallo zusammen leute herr frau damen herren liebes guten tag morgen abend moin kollegen
    bonjour bonsoir tous toutes équipe madame monsieur equipo todos todas señor señora señores
    about after although apparently because before cannot concerning couldn't currently did didn't does doesn't during
    each either ever every found guess hope hoping how's i've know lately maybe never often perhaps previously quick
    recently regarding saw see since sometimes suddenly think tried trying unfortunately until usually we're wondering
    without sir/madam madam/sir
    monday tuesday wednesday thursday friday saturday sunday january february march april june july august september
    october november december
    """.split()  # noqa: SIM905
)

_COLLECTIVE = frozenset(
    "billing care crew customer desk helpdesk office sales service staff support team teams".split()  # noqa: SIM905
)
"""Last words of what greets an organisation: `Hi Acme Support` names nobody, and Acme may be the product."""

_GREETINGS = any_of(
    """
    hi  hello  hey  hiya  dear  good morning  good afternoon  good evening  good day  greetings
    hallo  hoi  moin  servus  liebe[rs]?  guten tag  guten morgen  guten abend  sehr geehrte[rs]?
    bonjour  bonsoir  salut  cher  chère  hola  buenos días  buenas tardes  estimad[oa]  querid[oa]
    ciao  buongiorno  gentile  olá  beste  geachte  hej  cześć  ahoj
    """
)
_TITLES = r"(?:mr|mrs|ms|miss|mx|dr|prof|herrn?|frau|monsieur|madame|mme|señora?|sra?|signora?)"
_CLOSINGS = any_of(
    """
    (?:with )?(?:best|kind|kindest|warm|warmest|many) (?:regards|wishes|thanks)  regards  rgds  cheers
    (?:yours )?sincerely(?: yours)?  yours truly  yours faithfully  cordially
    thanks?(?: a lot| so much| very much| again| in advance)?  thx  ty
    thank you(?: so much| very much| again| in advance)?  danke  mfg  lg  vg  gr[uü](?:ß|ss)e?
    (?:mit )?(?:vielen|besten|herzlichen|freundlichen|lieben|schönen) (?:dank|grüßen|grüssen|gruessen)
    (?:viele|beste|liebe|herzliche|freundliche|schöne) (?:grüße|grüsse|gruesse)
    (?:bien )?cordialement  merci(?: d'avance)?  amicalement  bien à vous
    (?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?  atentamente  (?:muchas )?gracias
    cordiali saluti  saluti  grazie  obrigad[oa]  abraços  met vriendelijke groet(?:en)?  groet(?:en|jes)?
    bedankt  mvg  mvh  (?:serdecznie )?pozdrawiam  z poważaniem  s pozdravem  warmly  respectfully  gratefully
    hochachtungsvoll  atenciosamente  (?:com os melhores )?cumprimentos  (?:um )?abraço  distinti saluti
    (?:med )?(?:vänlig|venlig|vennlig|bästa|beste)(?:a|e)? ?(?:hälsning(?:ar)?|hilsen|hilsener)
    ystävällisin terveisin
    """
)
_SHY_CLOSINGS = any_of(
    "best  all the best  yours  love  xx?"
)  # "Best Buy" and "Love Spotify" are no signatures
_RELATIONS = any_of(
    """
    colleague  co-?worker  boss  manager  wife  husband  partner  son  daughter  brother  sister  friend
    assistant  accountant  agent  driver  technician  rep  representative  teammate
    """
)

_GREETING = re.compile(
    rf"(?m)^[ \t>]{{0,4}}(?i:{_GREETINGS})[ \t]{{1,3}}"
    rf"(?:(?i:again|there|support)\b[ \t]{{1,3}}|(?:(?i:{_TITLES})\b\.?[ \t,]{{1,3}}){{1,2}})?"
    rf"(?P<name>{_NAMES}(?:(?:[ \t]?[,&/][ \t]?|[ \t](?:and|und|et|y)[ \t]){_NAMES})?|{_SMALL}(?=[ \t]?[,!]))"
    r"(?=[ \t]*(?:[,!.:;–—-]|$|<)"
    r"|[ \t]+(?:i|we|the|my|our|this|is|can|it|please|thanks|ich|wir|je|nous)\b)"
)
_SIGNED = re.compile(
    rf"(?m)(?:^|(?<=[.!?] ))[ \t]{{0,4}}(?:(?i:{_CLOSINGS})(?:[ \t]?[,.!:–—-]{{1,2}}[ \t]*|[ \t]*\n|[ \t])"
    rf"|(?i:{_SHY_CLOSINGS})(?:,[ \t]*|[ \t]*\n))(?:\n[ \t]*){{0,2}}[ \t–—-]{{0,3}}"
    rf"(?P<name>{_NAMES}|(?<=, ){_SMALL}|(?<=\n){_SMALL}(?=\s*\Z))(?=[ \t]*[,.!]?[ \t]*(?:$|\n|\||\(|/[ \t]))"
)
_DASHED = re.compile(
    rf"(?m)(?:^[ \t]*(?:[-–—~]{{1,2}}|/)|(?<=[.!?])[ \t](?:--|[–—]))[ \t]?(?P<name>{_NAMES})[ \t]*\Z"
)
# "cheers mike" as the last line; "hi sandra the export fails"; both without a capital or a comma.
_SMALL_SIGNED = re.compile(
    rf"(?m)^[ \t(]{{0,4}}(?i:thx|thanks|cheers|ty|danke)[ \t](?P<name>{_SMALL})[ \t]*[).!]?\s*\Z"
)
_SMALL_GREETED = re.compile(
    rf"(?m)^[ \t>]{{0,4}}(?i:hi|hey|hello|dear)[ \t](?P<name>{_SMALL})"
    r"(?=[ \t](?:the|i|i['’]m|my|we|our|can|could|please|this|any)\b)"
)
_THANKED = re.compile(
    rf"(?m)^[ \t]{{0,4}}(?i:thanks|thank[ \t]you|danke|merci|gracias)[ \t](?P<name>{_NAMES})(?=[,!])"
)
_CLAIMED = re.compile(
    r"(?<!\w)(?:I[ \t]am|I['’]m|[Aa]ccording[ \t]to)[ \t]"
    r"(?P<name>[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ'’-]+[ \t][A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ'’-]+)"
    r"(?=,|[ \t](?:from|of|at|and|the|this|it)\b)"
)
_MENTIONED = re.compile(rf"(?<![\w.])@(?P<name>{_NAME}[ \t]{_NAME})")
_INITIALLED = re.compile(rf"\n[ \t]*\n[ \t]*(?P<name>{_NAME}[ \t][A-Z]\.)\s*\Z")
_DISPLAYED = re.compile(rf"(?P<name>{_NAME}(?:[ \t]{_NAME}){{1,2}})[\"']?[ \t]?[<(\[]{{1,2}}\ufdd0")
_TITLED = re.compile(
    r"(?=[DFHMPS])(?<!\w)(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herrn?|Frau|Mme|Monsieur|Madame|Señora?|Sra?|Signora?)\b"
    rf"\.?[ \t](?:Dr\.?[ \t])?(?P<name>{_NAMES})"
)
_INTRODUCED = re.compile(
    r"(?=[FIJMNSTAfijmnsta])(?<!\w)(?i:my[ \t](?:full[ \t])?name(?:[ \t]is|['’]s|[ \t]?:)|(?:full[ \t])?name[ \t]?:"
    r"|mein[ \t]name[ \t]ist|ich[ \t]heiße|je[ \t]m['’]appelle|me[ \t]llamo|mi[ \t]nombre[ \t]es"
    rf"|(?:spoke|talked|speaking|spoken)[ \t](?:to|with)|agent[ \t](?:named|called))[ \t](?P<name>{_NAMES})"
)
_RELATED = re.compile(
    rf"(?=[IMOTYimoty])(?<!\w)(?:(?i:my|our|your)[ \t](?i:{_RELATIONS}),?[ \t](?P<name>{_NAMES})(?=[ \t][a-z]|[,.]|$)"
    rf"|(?i:it['’]s|this[ \t]is|hier[ \t]ist)[ \t](?P<caller>{_NAMES})(?=[ \t](?:again|here|from)\b))"
)
_OF_YOURS = re.compile(
    rf"(?<![\w.])(?P<name>{_NAMES})(?=[ \t](?:from|in|at|of)[ \t](?:your|the|customer|tech|technical|billing)[ \t]"
    r"(?:\w+[ \t])?(?:team|support|service|desk|department|hotline))"
)
_PLACES = (
    _GREETING,
    _SIGNED,
    _DASHED,
    _TITLED,
    _INTRODUCED,
    _RELATED,
    _OF_YOURS,
    _SMALL_SIGNED,
    _SMALL_GREETED,
    _THANKED,
    _CLAIMED,
    _MENTIONED,
    _INITIALLED,
    _DISPLAYED,
)


def find_names(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of people's names, `[start, end)`, in no particular order; spans may overlap."""
    for place in _PLACES:
        for found in place.finditer(text):
            group = "name" if found.group("name") else "caller"
            name = found.group(group)
            words = name.replace(",", " ").split()
            if not _is_nobody(words[0]) and words[-1].lower() not in _COLLECTIVE:
                start = found.start(group)
                yield start, start + len(_without_tail(name))


def _is_nobody(word: str) -> bool:
    return word.lower().strip(".,'’") in _NOBODY


def _without_tail(name: str) -> str:
    """Cut words that are no name from the end, as in `Anna I`."""
    words = name.rstrip()
    while " " in words and _is_nobody(words.rsplit(" ", 1)[1]):
        words = words.rsplit(" ", 1)[0].rstrip(" ,&/")
    return words
