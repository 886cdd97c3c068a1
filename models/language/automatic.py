"""Label what no person wrote: absence notes, confirmations of receipt, canned paragraphs, a help desk's lines."""

import re
from collections.abc import Sequence

from models.language.lines import LINE_READ, Labels, Line, fill, paragraphs
from models.language.mailrules import SALUTATION
from models.language.nameshape import GREETING
from models.language.wordlists import any_of
from models.values.text import RemovedKind

EVIDENCE_LINES = 12  # lines of a message in which what an absence note promises must stand

_HELPDESKS = r"(?:zendesk|intercom|freshdesk|help\s?scout|hubspot|front|gorgias|zoho)"
_THING = r"(?:request|ticket|message|e-?mail|[ei]nquiry|case|conversation|issue)"
_SITE = "(?:form(?:ular|ulario|ulaire)?|website|webseite|site|sitio|web|page|widget|shop)"
_MACRO_LINE = re.compile(
    r"(?i)[\s*_>\[(#·•|—–-]*"
    + any_of(
        rf"(?:delivered|powered) by {_HELPDESKS}  powered by [\w -]{{2,40}}\s*$  sent (?:by|via) {_HELPDESKS}",
        rf"""
        (?:how would you rate|please rate|rate) (?:the|our|your|my) (?:support|service|help|experience|customer)
        (?:how would you rate|please rate|rate) (?:the|our|your|my) (?:reply|conversation|answer)
        (?:good|bad), i['’]?m (?:un|dis)?satisfied  how did we do\s?\??\s*$
        was this (?:reply |answer )?helpful\s?\?[\s\w👍👎|/·]{{0,20}}$
        did this (?:help|answer your question|solve your (?:problem|issue))\s?\?[\s\w👍👎|/·]{{0,20}}$
        wie (?:zufrieden waren|bewerten) sie\b.{{0,80}}(?:support|hilfe|service)  comment évaluez-vous\b
        (?:¿\s?)?cómo (?:calificaría|valoraría|evaluaría)\b  come valut(?:a|erebbe)\b  como (?:avalia|classifica)\b
        hoe (?:beoordeelt|tevreden)\b  jak oceniasz\b  hvordan vil du vurdere\b  hur nöjd (?:är|var) du\b
        this e-?mail is a service (?:from|of)
        ticket(?: (?:id|number|#|no\.?|nr\.?))?\s?[:#]+\s?[\w-]{{1,20}}\s*$
        ticket(?: (?:id|number|link|url))?:\s?https?://\S{{1,200}}\s*$
        you(?:['’]re| are receiving| received| have received) this (?:(?:e-?mail|message|notification) )?because
        you(?:['’]re| are) receiving (?:this|these)\b.{{0,40}}\bbecause  this (?:request )?is shared with \w+
        reply to this e-?mail (?:directly|to (?:add|comment|respond|reach|update))
        (?:[^\W\d_]\S{{0,20}} ){{1,3}}just (?:changed|updated) the status of (?:your|this) request
        view (?:(?:it|this|the|your) )?(?:{_THING} )?(?:online|on git(?:hub|lab)|in jira)\b
        view (?:request|ticket|case)\s*(?:$|[·|•<])
        turn off (?:this|these|all) .{{0,30}}notifications?
        (?:to )?unsubscribe\b.{{0,80}}(?:here|link|click|from this|preferences)  unsubscribe\s*(?:$|[·|•<(])
        (?:manage|update|change|edit) (?:your )?(?:e-?mail |notification )?(?:preferences|settings|notifications?)\s*$
        view (?:this (?:e-?mail|message) )?in (?:your )?browser
        (?:please )?do not reply (?:directly )?to this (?:e-?mail|message)  bitte antworten sie nicht auf diese
        (?:merci de )?ne (?:pas répondre|répondez pas) à ce  (?:por favor,? )?no responda a este
        si prega di non rispondere
        this (?:is|was) an? (?:automated|automatic|automatically|auto-?generated|auto-)\b
        this (?:{_THING}|form) (?:was|has been) (?:sent|submitted) (?:from|via|through|by)\b.{{0,60}}\b{_SITE}\b
        diese (?:e-?mail|nachricht|anfrage) wurde (?:über|von|aus)\b.{{0,60}}\b{_SITE}\w*\b
        ce (?:message|courriel|mail|formulaire) a été envoyé (?:depuis|via|par)\b.{{0,60}}\b{_SITE}\b
        este (?:mensaje|correo) (?:fue|ha sido|se ha) enviado (?:desde|a través)\b.{{0,60}}\b{_SITE}\b
        external (?:e-?mail|message|sender)\W
        (?:caution|warning|external)\W{{1,4}}(?:external (?:e-?mail|sender)|e-?mail from outside)
        (?:(?:caution|warning|external)\W{{1,4}})?this {_THING} (?:originated|came|was sent)(?: from)? outside
        do not (?:click|open)\b.{{0,40}}\b(?:links?|attachments?)\b.{{0,40}}\b(?:unless|if you)
        \[?(?:cid|image)\s?:\s?[^\]]{{0,120}}\]\s*$  <?image\d{{3}}\.(?:png|jpe?g|gif)>?\s*$
        (?:add )?(?:a )?comment by replying to this  to add (?:additional |more )?comments,? reply
        your {_THING} \(?#?[\w-]*\d[\w-]{{0,20}}\)? has been (?:(?:re)?opened|updated|solved|closed|assigned)\b
        view (?:this )?(?:ticket|request|conversation) (?:online|in|at|here)
        (?:no-?reply|do-?not-?reply)@\S{{1,100}}\s*$
        """,
    )
)

# "I am on holiday" opens complaints too: without a promise to return or somebody to turn to it is no absence note.
_AWAY = any_of(
    r"""
    i(?: am|'m|’m| will be) (?:currently |presently )?out of (?:the )?office
    i(?: am|'m|’m| will be) (?:currently )?away from (?:my desk|the office)
    ich bin (?:vom|bis|zur zeit|derzeit|aktuell|ab|im|am|nicht)\b.{0,60}(?:nicht im (?:büro|haus)|abwesend)
    je suis (?:actuellement )?absente?
    (?:estoy|estaré) (?:actualmente )?(?:fuera de la oficina|ausente)
    (?:sono|sarò) (?:attualmente |al momento )?(?:assente|fuori (?:ufficio|sede))
    (?:estou|estarei) (?:atualmente |de momento )?(?:ausente|fora do escritório)
    ik ben (?:momenteel |op dit moment |van .{1,30} )?(?:afwezig|niet aanwezig|niet op kantoor)
    (?:jestem|będę) (?:obecnie |aktualnie )?(?:poza biurem|nieobecn[ya])
    jeg er (?:for tiden |i øjeblikket |desværre )?(?:ikke på kontoret|fraværende)
    jag är (?:för närvarande |just nu )?(?:inte på kontoret|frånvarande|ej på kontoret)
    """
)
_ON_LEAVE = any_of(
    r"""
    i(?: am|'m|’m| will be) (?:currently )?on (?:annual |parental |maternity |sick )?(?:leave|vacation|holiday)
    ich bin (?:vom|bis|zur zeit|derzeit|aktuell|ab|im|am)\b.{0,60}urlaub
    je suis (?:actuellement )?en (?:congés?|vacances)  (?:estoy|estaré) (?:actualmente )?de vacaciones
    (?:sono|sarò) (?:attualmente )?in (?:ferie|vacanza)  (?:estou|estarei) (?:atualmente )?de férias
    ik ben (?:momenteel |op dit moment |van .{1,30} )?(?:op|met) vakantie
    (?:przebywam|jestem) (?:obecnie |aktualnie )?na urlopie
    jeg (?:er|holder) (?:for tiden )?(?:på )?ferie
    jag (?:är|har) (?:för närvarande |just nu )?(?:på )?(?:semester|ledig\w*)
    """
)
_RETURNS = re.compile(
    r"(?i)\b"
    + any_of(
        """
        urgent  return(?:ing)?  be back  back (?:on|in)  colleague  contact  (?:no|limited) access to  reply
        respond
        dringend\\w*  zurück  wenden sie sich  vertretung  kolleg\\w+  urgence  de retour  jusqu  hasta  urgente
        regres\\w+
        rientr\\w+  fino al  urgenza  urgenze  regress\\w+  até  terug  spoed  collega  tot en met  pilnych
        wracam  do \\d  kontakt
        tilbage  hastesag\\w*  haster  åter  tillbaka  brådskande
        """
    )
)
_RECEIVED = any_of(
    rf"""
    this is an? (?:automat(?:ed|ic)|auto-?generated) (?:reply|response|message|e-?mail|notification)
    your {_THING}\s?\(?#?[\w-]{{0,20}}\)?\s?has been (?:received|logged|created|registered)
    we have received your {_THING}\b.{{0,100}}(?:will|shortly|soon|#)
    (?:a|your) (?:support )?(?:ticket|request|case) .{{0,40}}has been (?:created|opened|received|logged)
    (?:wir haben )?ihre (?:anfrage|nachricht|e-?mail|mail)\b.{{0,30}}\b(?:erhalten|eingegangen|empfangen|registriert)
    dies(?:e e-?mail)? (?:ist|wurde)(?: eine)? automatisch
    nous avons bien reçu votre (?:demande|message|e-?mail|courriel)
    ceci est un (?:message|e-?mail|courriel) automatique
    votre (?:demande|message)\b.{{0,30}}\ba (?:bien )?été (?:enregistrée?|reçue?|prise? en compte)
    hemos recibido (?:su|tu) (?:solicitud|mensaje|correo|consulta)
    est[ea] (?:es un|mensaje es) (?:mensaje )?automático
    abbiamo ricevuto la (?:sua|vostra|tua) (?:richiesta|e-?mail|segnalazione)  questo è un messaggio automatico
    recebemos (?:o|a) (?:seu|sua|vosso|vossa) (?:pedido|mensagem|solicitação|e-?mail)
    esta é uma mensagem automática
    (?:wij|we) hebben (?:uw|je) (?:bericht|vraag|aanvraag|e-?mail|verzoek)\b.{{0,20}}\bontvangen
    dit is een automatisch
    otrzymaliśmy (?:państwa |twoj[eą] )?(?:zgłoszenie|wiadomość)
    (?:to jest )?wiadomość (?:została )?(?:wygenerowana )?automatyczn
    vi har modtaget (?:din|jeres) (?:henvendelse|besked|mail|e-?mail)  dette er en automatisk
    vi har (?:mottagit|tagit emot|fått) (?:ditt|din|er|ert) (?:ärende|meddelande|mejl|förfrågan)
    detta är ett automatiskt
    """
)
_AUTOMATIC = any_of(
    r"""
    automatic reply  auto(?:matic)?[- ]?(?:reply|response)  automatische antwort  réponse automatique
    message d'absence
    respuesta automática  mensaje de ausencia  abwesenheitsnotiz  risposta automatica  resposta automática
    automatisch antwoord  afwezigheids\w+  (?:auto)?odpowiedź automatyczna  autoodpowiedź  automatisk[t]? svar
    autosvar
    frånvaromeddelande  fraværsbesked  out of (?:the )?office(?:\s?:| auto| reply| notice)
    """
)
_THANKED = (
    r"(?:thank|thanks|vielen dank|danke|merci|gracias|grazie|obrigad|dank|bedankt|dziękuj|tak for|tack för)"
)
_SALUTED = rf"(?:(?:{GREETING}|{_THANKED})\b.{{0,120}}?[,.!]\s*){{0,2}}"
_AUTO_REPLY = re.compile(rf"(?i)\s*(?:(?:subject\s*:\s*)?{_AUTOMATIC}|{_SALUTED}(?:{_AWAY}|{_RECEIVED}))")
_LEAVE_REPLY = re.compile(rf"(?i)\s*{_SALUTED}{_ON_LEAVE}")

# A paragraph that thanks for a message and promises an answer is canned, wherever it stands.
_CANNED = re.compile(
    rf"(?i)\s*(?:{GREETING}\b[^,.!]{{0,40}}[,.!]\s*)?"
    + any_of(
        rf"""
        (?:thank you|thanks)(?: so much)? for (?:contacting|reaching out|getting in touch|writing)(?! me| back)
        (?:thank you|thanks) (?:so much |very much )?for your (?:{_THING}|patience)
        we(?: have|['’]ve)? (?:successfully )?received your {_THING}  your {_THING}\b.{{0,30}}\bhas been received
        (?:vielen dank|danke)\b.{{0,20}}\bfür ihre (?:anfrage|nachricht|e-?mail|geduld|kontaktaufnahme)
        (?:wir haben )?ihre (?:anfrage|nachricht)\b.{{0,20}}\b(?:erhalten|eingegangen)
        (?:nous vous remercions|merci)\b.{{0,30}}\b(?:contacté|votre (?:message|demande|patience))
        nous avons bien reçu votre
        gracias por (?:contactar|ponerse en contacto|su (?:mensaje|paciencia))  hemos recibido (?:su|tu)
        grazie per (?:averci contattato|il (?:suo|tuo) messaggio)
        obrigad[oa] por (?:entrar em contacto|entrar em contato|nos contactar)
        bedankt voor (?:uw|je) (?:bericht|vraag|mail)  dziękujemy za (?:kontakt|wiadomość|zgłoszenie)
        tak for din (?:henvendelse|besked)  tack för (?:ditt|att du)
        """
    )
)
_PROMISE = re.compile(
    "(?i)"
    + any_of(
        r"""
        (?:will|we['’]ll|shall) (?:get back|be in touch|reply|respond|answer|contact you|look into|review)
        as soon as (?:possible|we can)
        within (?:the next )?\d+\S* (?:business |working )?(?:hours|days)
        (?:ticket|reference|case|request) (?:number|id) is  member of our team
        (?:melden|kümmern) (?:uns|wir uns)  schnellstmöglich  so schnell wie möglich  innerhalb von \d+  werktag
        dans les (?:plus brefs|meilleurs) délais  sous \d+\s?h  (?:vous répondr|reviendr)\w+  lo antes posible
        a la mayor brevedad  en breve  le responder
        al più presto  il prima possibile  o mais (?:breve|rápido) possível  zo snel mogelijk  jak najszybciej
        w ciągu \d+  hurtigst muligt  inden for \d+
        så snart (?:som möjligt|vi kan)  inom \d+
        """
    )
)


def label_automatic(lines: Sequence[Line], labels: Labels) -> None:
    """Label a message that opens as a machine's answer, canned paragraphs, and lines of a help desk's footer."""
    first = True
    opened = next((start for start, _ in paragraphs(lines, labels)), 0)
    above: tuple[int, int] | None = None
    for start, stop in paragraphs(lines, labels):
        if first and _is_auto_reply(lines, start, stop):
            fill(lines, labels, range(opened, len(lines)), RemovedKind.MACRO)
            return
        if not first and _is_canned(lines, start, stop):
            fill(lines, labels, range(above[0] if above else start, stop), RemovedKind.MACRO)
        is_salutation = stop == start + 1 and bool(SALUTATION.match(lines[start].text))
        above = (start, stop) if is_salutation else None
        # Below a bare salutation the message has yet to begin.
        first = first and is_salutation
        for index in range(start, stop):
            if _MACRO_LINE.match(lines[index].text):
                labels[index] = RemovedKind.MACRO


def _is_auto_reply(lines: Sequence[Line], start: int, stop: int) -> bool:
    text = _joined(lines, start, min(stop, start + 2))
    if _AUTO_REPLY.match(text):
        return True
    if not _LEAVE_REPLY.match(text):
        return False
    return any(_RETURNS.search(line.text) for line in lines[start : start + EVIDENCE_LINES])


def _is_canned(lines: Sequence[Line], start: int, stop: int) -> bool:
    text = _joined(lines, start, min(stop, start + 4))
    return bool(_CANNED.match(text) and _PROMISE.search(text))


def _joined(lines: Sequence[Line], start: int, stop: int) -> str:
    return " ".join(line.text for line in lines[start:stop])[: 2 * LINE_READ]
