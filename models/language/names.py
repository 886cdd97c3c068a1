"""Find people's names where letters put them: greetings, signatures, titles and introductions.

There is no list of names: a capitalised word counts as a name only for the place it stands in.
"""

import re
from collections.abc import Iterator

_NAME = r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿA-ZÀ-ÖØ-Þ'’-]{1,24}"
_NAMES = (
    rf"(?:{_NAME}|[A-Z]\.?)(?:[ \t](?:(?:van|von|de|der|la|di|da|del|el)[ \t])?(?:{_NAME}|[A-Z]\.)){{0,3}}"
)

# Words after "Hi" and beside "Thanks," that are nobody's name, in lower case.
_NOBODY = frozenset(
    """
    a again all also am an and another any anybody anyone app are as at be because best board both bot but bonjour can care
    clients colleagues community crew customer customers could day dear dev developers devs do does email everybody everyone
    first folks for friend friends from gentlemen good great guys has have hello help helpdesk hey hi how hr i if im in is
    it its i'm just ladies last lovely ma'am madam many me moderators morning my name need no not now of ok on one only or
    our people please pls product regards sales service services since sir sirs so some someone sorry staff still
    stupid subject support sure team teams tech thank thanks that the their them then there these they this those to today
    together tomorrow two up update urgent very want was we well what when where which while who why will with
    yes yesterday yet you your yours hallo zusammen leute herr frau damen herren liebes tous toutes équipe équipo equipo
    todos todas madame monsieur señor señora señores bonsoir kollegen moin guten tag morgen abend support-team
    world mr mrs ms miss dr prof bye cheers monday tuesday wednesday thursday friday saturday sunday january february
    march april june july august september october november december
    """.split()  # noqa: SIM905
)

_GREETING = re.compile(
    r"(?m)^[ \t>]{0,4}(?i:hi|hello|hey|hiya|dear|good[ \t](?:morning|afternoon|evening|day)|greetings|hallo|hoi|moin|servus|"
    r"liebe[rs]?|guten[ \t](?:tag|morgen|abend)|sehr[ \t]geehrte[rs]?|bonjour|bonsoir|salut|cher|chère|hola|buenos[ \t]días|"
    r"buenas[ \t]tardes|estimad[oa]|querid[oa]|ciao|buongiorno|gentile|olá|beste|geachte|hej|cześć|ahoj)"
    r"[ \t]{1,3}(?:(?i:again|there|herr|frau|mr|mrs|ms|miss|dr|prof|monsieur|madame|mme|señora?|sr|sra|signora?|support)\b\.?[ \t,]{1,3})?"
    rf"(?P<name>{_NAMES}(?:(?:[ \t]?,[ \t]?|[ \t]?[&/][ \t]?|[ \t](?:and|und|et|y)[ \t]){_NAMES})?|[a-zà-öø-ÿ'’-]{{2,16}}(?=[ \t]?[,!]))"
    r"(?=[ \t]*(?:[,!.:;–—-]|$|<)|[ \t]+(?:i|we|the|my|our|this|is|can|it|please|thanks|ich|wir|je|nous)\b)"
)
_SIGNED = re.compile(
    r"(?m)(?:^|(?<=[.!?] )|(?<=[.!?]  ))[ \t]{0,4}(?i:(?:with[ \t])?(?:(?:best|kind|kindest|warm|warmest|many)[ \t](?:regards|wishes|thanks)|regards|rgds|best|"
    r"all[ \t]the[ \t]best|cheers|(?:yours[ \t])?sincerely(?:[ \t]yours)?|yours[ \t](?:truly|faithfully)|yours|cordially|"
    r"thanks?(?:[ \t](?:a[ \t]lot|so[ \t]much|very[ \t]much|again|in[ \t]advance))?|thank[ \t]you(?:[ \t](?:so[ \t]much|very[ \t]much|again|in[ \t]advance))?|thx|ty|"
    r"love|xx?|mfg|lg|vg|(?:mit[ \t])?(?:vielen|besten|herzlichen|freundlichen|lieben|schönen|viele|beste|liebe|herzliche|freundliche|schöne)"
    r"[ \t](?:dank|grüßen|grüssen|gruessen|grüße|grüsse|gruesse)|gr(?:u|ü)(?:ß|ss)e?|danke|(?:bien[ \t])?cordialement|merci(?:[ \t]d'avance)?|amicalement|"
    r"bien[ \t]à[ \t]vous|(?:un[ \t])?(?:cordial[ \t])?saludos?(?:[ \t]cordial(?:es)?)?|atentamente|(?:muchas[ \t])?gracias|cordiali[ \t]saluti|saluti|grazie|"
    r"obrigad[oa]|abraços|met[ \t]vriendelijke[ \t]groet(?:en)?|groet(?:en|jes)?|bedankt|mvh|pozdrawiam))"
    r"[ \t]?(?:[,.!:–—-]{1,2}[ \t]*\n?(?:[ \t]*\n)?|[ \t]*\n(?:[ \t]*\n)?|[ \t])[ \t–—-]{0,3}"
    rf"(?P<name>{_NAMES}|(?<=, )[a-zà-öø-ÿ]{{3,12}})(?=[ \t]*[,.!]?[ \t]*(?:$|\n|\||\())"
)
_DASHED = re.compile(rf"(?m)^[ \t]*(?:[-–—~]{{1,2}})[ \t]?(?P<name>{_NAMES})[ \t]*\Z")
_TITLED = re.compile(
    r"(?<![\w])(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herrn?|Frau|Mme|Monsieur|Madame|Señora?|Sra?|Signora?)\b\.?[ \t]"
    rf"(?:Dr\.?[ \t])?(?P<name>{_NAMES})"
)
_INTRODUCED = re.compile(
    r"(?<![\w])(?i:my[ \t](?:full[ \t])?name(?:[ \t]is|['’]s|[ \t]?:)|(?:mein|ich)[ \t](?:name[ \t]ist|heiße)|je[ \t]m['’]appelle|"
    r"me[ \t]llamo|mi[ \t]nombre[ \t]es|spoke[ \t](?:to|with)|talked[ \t](?:to|with)|speaking[ \t](?:to|with)|agent[ \t](?:named|called)|"
    rf"(?:full[ \t])?name[ \t]?:|this[ \t]is(?=[ \t]{_NAMES}(?:[ \t](?:from|at|here|again|with)\b|[,.])))"
    rf"[ \t](?P<name>{_NAMES})"
)
_ANY_CAPITAL = re.compile(r"[A-ZÀ-ÖØ-Þ]")
PLACES = (_GREETING, _SIGNED, _DASHED, _TITLED, _INTRODUCED)


def find_names(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of people's names, `[start, end)`, in no particular order; spans may overlap."""
    for place in PLACES:
        for found in place.finditer(text):
            name = found.group("name")
            words = name.replace(",", " ").split()
            if words[0].lower().strip(".") not in _NOBODY and not all(_is_nobody(word) for word in words):
                start = found.start("name")
                yield start, start + len(_without_tail(name))


def _is_nobody(word: str) -> bool:
    return word.lower().strip(".,'’") in _NOBODY


def _without_tail(name: str) -> str:
    """Cut words that are no name from the end, as in `Anna I`."""
    words = name.rstrip()
    while " " in words and _is_nobody(words.rsplit(" ", 1)[1]):
        words = words.rsplit(" ", 1)[0].rstrip(" ,&/")
    return words
