"""How people end what they write, in ten languages: thanks, regards, wishes, and what they hope for.

A closing is made of words that only closings are made of, one of them telling: `many`, `thanks`, `in`, `advance`.
Wishes and pleas are phrases: `have a nice day`, `looking forward to hearing from you`. Several may follow each other,
`Danke & Gruß`, and a name may stand behind them.
"""

import re
from dataclasses import dataclass

from models.language.nameshape import UPPER, is_person, is_small_person
from models.language.wordlists import any_of

LONGEST = 160  # characters of a closing, pleas apart
LONGEST_PLEA = 300

# Per language: words that tell a closing, then words that stand beside them.
_TELLING_AND_BESIDE = (
    (
        """regards rgds brgds wishes greetings thanks thank thankyou thx thnx tnx tia ty tyvm cheers sincerely
        best yours respectfully cordially gratefully faithfully warmly hugs love xo xoxo xoxoxo xx xxx
        br kr""",
        """with my our the very kind kindest warm warmest many sincere cordial friendly fond a lot bunch million
        ton so much again in advance heaps loads kindly for your any all help time assistance
        understanding attention patience consideration cooperation and you guys everyone truly rgds once""",
    ),
    (
        """gruß grüße grüßen gruss grüsse grüssen gruesse gruessen grus danke dank dankeschön mfg lg vg bg hg
        vlg hochachtungsvoll""",
        """mit vielen viele besten beste bester herzlichen herzliche herzlicher freundlichen freundliche
        freundlicher lieben liebe lieber schönen schöne schöner sonnige im in voraus vorhinein vorab für
        ihre ihren eure deine die hilfe mühe bemühungen unterstützung zeit geduld schon mal schonmal
        schön sehr euch ihnen dir vielmals und nochmals der""",
    ),
    (
        """cordialement amicalement respectueusement sincèrement salutations cdlt cdt merci bises bisous""",
        """bien très mes nos nous sincères meilleures cordiales respectueuses distinguées les à vous d'avance
        beaucoup par avance infiniment de votre ton aide compréhension attention pour l'aide et
        l'expression un grand encore""",
    ),
    (
        """saludo saludos slds sds atte atentamente cordialmente abrazo abrazos gracias""",
        """un reciba reciban con muy cordial cordiales atento atentos afectuoso fuerte muchas mil de antemano
        por adelantado su tu vuestra la ayuda atención tiempo apoyo comprensión y""",
    ),
    (
        """saluti saluto grazie cordialmente ringrazio ciao""",
        """i miei nostri più cordiali distinti cari migliori un caro cordiale mille infinite tante di cuore
        ancora in anticipo anticipatamente per l'aiuto la disponibilità collaborazione e vi ti molte""",
    ),
    (
        """atenciosamente cordialmente respeitosamente att atte cumprimentos abraço abraços abs obrigado
        obrigada grato grata saudações beijinhos bjs""",
        """muito com os melhores meus um forte grande desde já pela ajuda atenção compreensão antecipadamente e
        a""",
    ),
    (
        """groet groeten groetjes hoogachtend bedankt dank mvg gr liefs""",
        """met vriendelijke hartelijke beste sportieve alvast bij voorbaat heel erg u je wel voor uw jullie de
        hulp moeite tijd en""",
    ),
    (
        """pozdrawiam pozdrawiamy pozdrowienia pozdrowieniami pozdro pzdr dziękuję dziękujemy dzięki poważaniem
        szacunku""",
        """z serdecznie gorąco bardzo góry za pomoc wielkie serdeczne wyrazami i""",
    ),
    (
        """hilsen hilsner hilsener mvh vh dvh kh tak""",
        """med venlig venlige vennlig bedste beste kærlig mange gode de på forhånd tusind for hjælpen og""",
    ),
    (
        """hälsning hälsningar hälsar vänligen mvh tack kram kramar""",
        """med vänlig vänliga bästa varma många hjärtliga på i förhand stort så mycket för hjälpen och""",
    ),
    (
        "terveisin pozdravem děkuji üdvözlettel köszönettel saygılarımla",
        "ystävällisin parhain s předem",
    ),
)


def _masks(*parts: int) -> dict[str, int]:
    """Say of every word in these parts of the table in which languages it stands, a bit for each."""
    found: dict[str, int] = {}
    for number, texts in enumerate(_TELLING_AND_BESIDE):
        for word in " ".join(texts[part] for part in parts).split():
            found[word] = found.get(word, 0) | 1 << number
    return found


_TELLING = _masks(0)
_ALLOWED = _masks(0, 1)
_EVERY = (1 << len(_TELLING_AND_BESIDE)) - 1
_SHY = frozenset("best yours love ciao cheers tak tack att br kr gr bg hg abs xx".split())  # noqa: SIM905
"""Words that stand elsewhere too: a name needs a comma or a line end before it, for `Best Buy` and `Love Spotify`."""
_SHORT = frozenset(
    """
    thx thnx tnx ty cheers rgds mfg lg vg vlg bg hg slds sds abs gr groetjes mvg pzdr pozdro mvh vh kh xx xoxo cdlt
    cdt hilsen
    """.split()  # noqa: SIM905
)
"""Words behind which people sign in small letters: `lg sabine`."""
_NEVER_LAST = frozenset(
    """
    with my our the very for your any all and a in of kind many mit im für ihre ihren eure deine die und der
    mes nos les de votre ton pour et un par con por su tu la y i miei di per e os com um pela met voor uw en z za
    med på de och og i för
    """.split()  # noqa: SIM905
)

_GOOD = "(?:(?:nice|good|great|lovely|wonderful|pleasant) )"
_DAY = "(?:day|one|weekend|week|evening)"
_WISH = re.compile(
    "(?i)"
    + any_of(
        rf"""
        (?:have|enjoy) (?:a|the|your) (?:very )?{_GOOD}?(?:rest of (?:your|the) )?{_DAY}(?: ahead)?
        take care  all the best  (?:talk|speak)(?: to you)? soon  see (?:you|ya)(?: soon)?  (?:good)?bye(?: bye)?
        (?:einen )?schönen? (?:tag|abend|feierabend|woche)(?: noch)?  (?:ein )?schönes wochenende
        bis (?:bald|dann)  tschüss?
        bien à (?:vous|toi)
        (?:très |une )?(?:bonne|belle) (?:journée|soirée|réception|fin de (?:journée|semaine))  bon week-?end
        à bientôt
        que (?:tenga|pase)[ns]? (?:un )?(?:buen|buena|lindo|excelente) (?:día|tarde|semana|fin de semana)
        hasta (?:pronto|luego)
        buon(?:a)? (?:giornata|serata|lavoro|week-?end|fine settimana)  a presto
        (?:tenha )?(?:um |uma )?(?:bom|boa|ótim[oa]|excelente) (?:fim de semana|semana|trabalho)
        até (?:logo|breve|já)
        (?:een )?(?:fijne|prettige) (?:dag|avond|week)(?: nog| verder)?  fijn weekend  tot (?:ziens|snel|horens)
        miłego (?:dnia|weekendu|wieczoru)  do (?:widzenia|usłyszenia)
        (?:ha|hav|ha') en (?:god|dejlig|fortsat god) (?:dag|weekend|aften)  god (?:weekend|dag)
        ha en (?:bra|fin|trevlig) (?:dag|helg|kväll|vecka)  trevlig helg  hej(?: )?då
        """
    )
    + r"(?![\w'’-])"
)
_NEEDED = (
    r"(?:help|advice|assistance|feedback|support|ideas?|thoughts|input|guidance|response|reply|pointers?"
    r"|insights?|information|update)"
)
_ANY = "(?:any|your|all|some|a (?:quick|prompt|speedy))"
_ABOUT = "(?:on|with|in|about) (?:this|that|the matter|it|here)"
_VERY = "(?:very|much|greatly|highly|truly|really|most)"
_AWAITING = "(?:look(?:ing)? forward|await(?:ing)?|hop(?:e|ing)|waiting)"
_I_AM = "(?:i |we )?(?:(?:am|are|will be|'m|’m) )?"
_REPLY = "(?:antwort|rückmeldung|nachricht|hilfe)"
_PLEA = re.compile(
    "(?i)"
    + any_of(
        rf"""
        {_ANY} {_NEEDED}(?: {_ABOUT})?(?: (?:is|are|would be|will be))?(?: {_VERY})* (?:appreciated|welcome)
        {_I_AM}{_AWAITING}(?: to| for)? (?:hear(?:ing)? |(?:your|a|an) (?:\w+ )?{_NEEDED})
        please advise\W*$  let me know if you need (?:any(?:thing)? )?(?:more|further|else|other|additional)\b
        (?:ich|wir) (?:freuen?|hoffen?)(?: mich| uns)? (?:auf|über) (?:[ed]?eine|ihre|eure|baldige)\b.{{0,60}}{_REPLY}
        über (?:eine|ihre|eure)\b.{{0,60}}{_REPLY}\b.{{0,60}}(?:freuen|dankbar)
        in erwartung (?:ihrer|eurer|einer)
        dans l['’]attente d  en attend(?:ant|e) (?:votre|de votre)  (?:en |je |nous )(?:vous|te) (?:en )?remerci
        (?:je|nous) (?:vous )?pri(?:e|ons) (?:de |d['’])?(?:croire|recevoir|agréer)
        veuillez (?:agréer|recevoir|croire)
        (?:quedo|quedamos|estoy) (?:a la espera|en espera|a su disposición|atent[oa]s? a|pendiente de)
        (?:a la|en) espera de (?:su|tu|vuestra|una)  (?:le|les|te|se lo) agradec  agradeciendo
        espero su (?:\w+ )?respuesta  sin otro particular
        (?:resto|rimango|restiamo|rimaniamo|sono) in attesa
        in attesa di (?:un|una|vostr|suo|sua|cortese|gentile|riscontro|risposta)
        attendo (?:un |una |vostr[oa] |suo |sua |cortese |gentile )*(?:riscontro|risposta)  (?:la|vi|ti) ringrazi
        (?:fico|ficamos|fica-se) (?:no|ao|a|à) (?:aguardo|aguardar|espera)
        aguard(?:o|amos) (?:o |a |um |uma |por )?(?:seu |sua |vosso |vossa |breve )*(?:retorno|resposta|contac?to)
        (?:desde já )?agradeç?(?:o|emos|cemos) (?:desde já|a atenção|a vossa|antecipadamente|a ajuda)
        desde já agrade
        (?:ik|wij|we) (?:hoor|horen|zie|zien|verneem|vernemen) (?:graag|uw|je|jullie)\b  in afwachting van
        (?:ik|we) kijk(?:en)? uit naar
        (?:czekam|czekamy|oczekuję|liczę) na (?:odpowiedź|szybką|pilną|kontakt|państwa)
        (?:będę|będziemy|byłbym|byłabym) wdzięczn
        (?:jeg|vi) (?:ser frem til|glæder (?:mig|os) til|håber på|håber) (?:at høre|jeres|dit|et|svar)
        (?:jag|vi) (?:ser fram emot|hoppas på|väntar på|hoppas) (?:att höra|ert|ditt|ett|svar)
        hör (?:gärna )?av (?:er|dig)
        """
    )
)
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*(?!-?\w)")
_SENTENCE_END = re.compile(r"[.!…]+[ \t]+")
_GAP = re.compile(r"[\s,.!;:&+/~*()|–—\-\u2600-\u27bf\ufe0f\U0001f300-\U0001faff]*$")
_BREAK = re.compile(r"[,.!;:&+/|–—-]")
_AFTER = " \t,.!;:&+/~*|–—-)\ufe0f"
_FROM_PLACE = re.compile(
    rf"[ \t]*(?i:from|aus|de|uit|da|fra|från|z)[ \t]+(?:the )?[{UPPER}][\w.-]+(?:[ \t][{UPPER}][\w.-]+)?"
)
# Where a last sentence or clause may begin; a closing that is not shy may also follow a comma.
_BOUNDARY = re.compile(
    r"[.!?…)\]:;,]+[\"'”»]*[ \t]+|[ \t](?:--|[-–—])[ \t]+|[\U0001f300-\U0001faff\u2600-\u27bf]\ufe0f?[ \t]+"
)


@dataclass(frozen=True, slots=True)
class Closing:
    """A closing at the start of a text: `end` is where it ends, `rest` where what follows begins.

    `shy` where its last word stands elsewhere too, `short` where people sign in small letters behind it; `parted`
    where a sign stands before what follows.
    """

    end: int
    rest: int
    shy: bool
    short: bool
    parted: bool


def read_closing(text: str) -> Closing | None:
    """Read the closing at the start of one line; None where the line starts otherwise."""
    start = _pleas_end(text)
    end, word = _taken(text[start : start + LONGEST])
    if not (start or end):
        return None
    place = _FROM_PLACE.match(text, start + end)
    rest = end = place.end() if place else start + end
    while rest < len(text) and (text[rest] in _AFTER or _is_sign(text[rest])):
        rest += 1
    parted = word == "" or bool(_BREAK.search(text[end:rest]))
    return Closing(end, rest, shy=word in _SHY, short=word in _SHORT, parted=parted)


def _pleas_end(text: str) -> int:
    """Return where the pleas at the start of a line end, each a sentence; 0 where it starts otherwise."""
    at = len(text) - len(text.lstrip())
    if "?" in text or len(text) > LONGEST_PLEA:
        return 0
    ended = 0
    while _PLEA.match(text, at):
        sentence = _SENTENCE_END.search(text, at)
        ended = at = sentence.end() if sentence else len(text)
    return ended


def closes(text: str) -> bool:
    """Tell whether one line is a closing and nothing else but, perhaps, a name."""
    text = text.strip()
    closing = read_closing(text) if len(text) <= LONGEST_PLEA else None
    return closing is not None and _is_signed(text, closing)


def closing_tail(text: str) -> int | None:
    """Find where a line's last sentences become a closing, as in `It fails. Thanks, Tom`; None where they do not."""
    first = max(0, len(text) - LONGEST_PLEA)
    for boundary in _BOUNDARY.finditer(text, first):
        rest = text[boundary.end() :].rstrip()
        closing = read_closing(rest)
        if closing is None or not _is_signed(rest, closing):
            continue
        is_named = closing.rest < len(rest)
        if boundary.group()[0] in ",:;" and not (
            closing.parted and not closing.shy and (is_named or rest.endswith(","))
        ):
            continue  # "it works again, thanks!" is one sentence, and praise
        if closing.shy and not is_named and not (closing.parted or _is_bare(rest)):
            continue
        return boundary.end()
    return None


def _is_signed(text: str, closing: Closing) -> bool:
    """Tell whether nothing, or only a name, follows a closing."""
    rest = text[closing.rest :].strip()
    if not rest:
        return True
    if closing.shy and not (closing.parted or closing.short):
        return False
    return is_person(rest) or ((closing.short or closing.parted) and is_small_person(rest, most=1))


def _is_bare(text: str) -> bool:
    return text.strip(" .!").lower() in ("cheers", "best", "tak", "tack", "ciao")


def _is_sign(character: str) -> bool:
    return _GAP.match(character) is not None


def _taken(text: str) -> tuple[int, str]:
    """Return how far words of closings reach from the start of a text, and the last telling one of them."""
    found, last, at = 0, "", 0
    languages, told, opened = _EVERY, 0, False
    while token := _TOKEN.search(text, at):
        gap = text[at : token.start()]
        if gap and (not _GAP.match(gap) or (opened and not told and _BREAK.search(gap))):
            break
        if told and _BREAK.search(gap):
            languages, told, opened = _EVERY, 0, False
        if told or not opened:
            wish = _WISH.match(text, token.start())
            if wish:
                found = at = wish.end()
                last, languages, told, opened = "", _EVERY, _EVERY, True
                continue
        word = token.group().lower().replace("’", "'")
        languages &= _ALLOWED.get(word, 0)
        if not languages:
            break
        told, opened, at = (told | _TELLING.get(word, 0)) & languages, True, token.end()
        if told and word not in _NEVER_LAST:
            found, last = token.end(), word if word in _TELLING else last
    return found, last
