"""What quoted replies, signatures, legal notices and automatic text look like, line by line, in several languages.

Every pattern is anchored at the start of one line and is tried on a bounded prefix of it, so that the whole scan
stays linear in the length of a mail. mail-parser-reply's patterns cover more languages but span lines and
backtrack: its time grows with the square of a long line or of a run of blank lines (4,000 blank lines took it a
second), so it serves as a peer in the tests and not here.
"""

import re

from models.language.lines import LINE_READ
from models.language.nameshape import GREETING, UPPER
from models.language.wordlists import any_of

__all__ = ["LINE_READ"]


def _line(*blocks: str, before: str = r"\s*", after: str = "") -> re.Pattern[str]:
    """Match any of the phrases at the start of a line, in any case."""
    return re.compile(f"(?i){before}{any_of(*blocks)}{after}")


# --- quoted replies -----------------------------------------------------------------------------------------

REPLY_MARKER = _line(
    r"""
    (?:please )?(?:(?:type|write|add) your reply|reply|respond)(?: to this e?-?mail)? above this line
    bitte (?:geben|schreiben|antworten)\b.{0,60}\b(?:oberhalb|über)\b.{0,20}\bzeile
    (?:veuillez|merci de|répond\w*)\b.{0,60}au[- ]dessus de cette ligne
    (?:escrib\w+|respond\w+|por favor)\b.{0,60}(?:encima|arriba|sobre) (?:de )?esta línea
    """,
    before=r"[\s#=*_-]*",
)
_FORWARDED = any_of(
    r"""
    original(?:e)? (?:message|appointment|nachricht)  ursprüngliche nachricht  originalnachricht
    forwarded message  forwarded by\b.{0,80}  message (?:d'origine|original|transféré)
    mensaje (?:original|reenviado)  weitergeleitete nachricht  messaggio (?:originale|inoltrato)
    mensagem (?:original|encaminhada)  oorspronkelijk bericht  oprindelig meddelelse
    ursprungligt meddelande  alkuperäinen viesti  (?:oryginalna )?wiadomość(?: oryginalna)?
    doorgestuurd bericht  videresendt (?:meddelelse|besked)  vidarebefordrat (?:meddelande|mejl)
    wiadomość przesłana (?:dalej)?  przekazana wiadomość
    """
)
_FORWARDING = any_of(
    """
    begin forwarded message  anfang der weitergeleiteten nachricht  début du message (?:réexpédié|transféré)
    inicio del mensaje reenviado  inizio messaggio inoltrato  início da mensagem (?:reencaminhada|encaminhada)
    begin doorgestuurd bericht  start på videresendt besked  vidarebefordrat brev  początek przekazywanej wiadomości
    """
)
ORIGINAL_MESSAGE = re.compile(
    rf"(?i)\s*(?:[-_*=]{{2,}}\s*{_FORWARDED}\s*[-_*=]{{2,}}|{_FORWARDING}\s*:?\s*$)"
)

WROTE_START = re.compile(
    r"(?i)[\s>*]*(?:(?:on|am|le|el|il|em|op|den|dnia|dne|pe)\s+\S|\d{1,4}[-./年]\s?\d{1,2}[-./月]"
    r"|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+\S"
    r"|(?:pon|wt|śr|czw|pt|sob|niedz|jeu|lun|mar|mer|ven|sam|dim)\w{0,6}\.,?\s+\S|.{1,60}<[^<>\s]{3,80}@[^<>\s]{3,80}>)"
)
_WROTE = any_of(
    r"""
    \bwrote(?: the following)?  \bwrites  \bschrieb(?: .{1,80})?  \ba écrit  \bescribió  \bha scritto
    \bescreveu  \bschreef(?: .{1,80})?  \bskrev(?: .{1,80})?  \bnapisał(?:\(a\)|a)?  \bnapsal\(?a?\)?
    \bhet volgende geschreven  \bkirjoitti  \byazdı  写道  님이 작성(?:하였습니다)?  のメール
    """
)
# `NAME wrote on 15.01.2026 at 11:03:`, and `2026-01-15 11:03 GMT+01:00 NAME <address>:` without any verb.
_WROTE_ON = rf"{_WROTE}\s+(?:on|at|am|le|el|il|em|op|den|dnia)?\s*\S{{0,12}}\s?\d.{{4,60}}"
WROTE_END = re.compile(rf"(?i)(?:{_WROTE}|{_WROTE_ON}|<[^<>\s]{{3,80}}@[^<>\s]{{3,80}}>)\s*[:：]\s*$")
WROTE_AFTER_NAME = re.compile(rf"(?i)[\s>*]*\S.{{1,60}}\s{_WROTE_ON}[:：]\s*$")
# A date or an address: without one, "On Monday my boss wrote:" would count as an attribution.
WROTE_EVIDENCE = re.compile(r"\d{1,4}[-./:年월月]\s?\d{1,2}|\b(?:19|20)\d\d\b|@|<")

_FIELDS = any_of(
    """
    from  sent  date  to  cc  bcc  subject  reply-to  importance
    von  gesendet  datum  an  betreff  wichtigkeit  antwort an
    de  envoyé  date d'envoi  à  objet  expéditeur  destinataire
    enviado(?: el)?  fecha  para  asunto  da  inviato  a  oggetto  data
    assunto  cópia  copia  kopie  kopia  enviada(?: em)?  para
    van  verzonden  aan  onderwerp  od  wysłano  do  temat  dw  från  skickat  till  ämne  fra  sendt  til  emne
    dato
    发件人  发送时间  收件人  主题  差出人  送信日時  宛先  件名
    """
)
HEADER_FIELD = re.compile(rf"(?i)[\s>*]*{_FIELDS}\s{{0,2}}\*?\s?[:：]\*?(?:\s|$)")
SEPARATOR = re.compile(r"\s*[_=*-]{10,}\s*$")
QUOTE_LINE = re.compile(r"\s{0,3}>")
PROMPT = re.compile(r"\s{0,3}>>>(?:\s|$)")
LESSER_QUOTE = re.compile(r"\s{0,3}>{1,2}(?!>)")
ANNOUNCES = re.compile(r".*[^\s:]\s?:\s*$")
ANSWERS = re.compile(
    r"(?i)\b(?:wrote|writes|asked|asks|you said|answer\w*|repl\w+|below|inline|quot\w+|on .{1,30}\d{4}"
    r"|schrieb\w*|fragt\w*|antwort\w*|unten|a écrit|réponses?|escribió|respuestas?|scritto|risposte|escreveu"
    r"|schreef|napisał\S*|skrev|svar)(?!\w)|@|<|\d{1,2}:\d\d"
)
COMPARISON = re.compile(r"\s{0,3}>=?\s?[\d$€£%]")  # "> 50 users" is arithmetic, not a quotation

# --- signatures ---------------------------------------------------------------------------------------------

STRICT_DELIMITER = re.compile(r"--[ \u00a0]$")
LOOSE_DELIMITER = re.compile(r"\s{0,3}(?:--|—|––|\*\*|__+)\s*$")

_DEVICES = any_of(
    r"""
    iphone  ipad  ipod  android  samsung  galaxy  blackberry  huawei  pixel  nokia  xperia  oneplus  xiaomi
    mobile  phone  smartphone  tablet  handheld  outlook  mail\b  yahoo  gmail  proton  windows  t-mobile
    verizon  at&t  superhuman  front  spark  bluemail  aol  nine  \w+ (?:mobile|phone|mail)
    """
)
_OWN = r"(?:my|meine[mnr]?|mon|ma|mi|mio|mia|meu|minha|mijn|min|mitt|mojego|mojej|mého)"
_SENT = any_of(
    """
    (?:this (?:message|e-?mail) was )?sent  gesendet  verschickt  envoyée?  enviad[oa]  inviat[oa](?: da)?
    verzonden
    verstuurd  wysłan[eoay]  sendt  skickat  odesláno  lähetetty
    """
)
_FROM = (
    r"(?:from|via|by|with|using|von|mit|über|de|depuis|à partir de|avec|desde|do|da|dal|con|com|vanaf|met"
    r"|via|z|ze|przez|fra|från|med)"
)
_NO_SENTENCE = (
    r"(?!.*\b(?:but|is|are|was|were|never|not|nothing|yesterday|today|aber|ist|mais|est|pero|es|ma|mas"
    r"|maar|ale|men)\b)"
)
SENT_FROM = _line(
    # A device of one's own, or one by its name, and a few words behind it that are no sentence.
    rf"{_SENT} {_FROM} {_NO_SENTENCE}(?:{_OWN} \S{{2,20}}(?: \S{{1,20}}){{0,3}}|(?:the |an? |de |der "
    rf"|l')?{_DEVICES}\b.{{0,45}})\s*$",
    r"""
    (?:get|download) outlook for
    (?:téléchargez|obtenez|obtén|consigue|descarga|scarica|hent|hämta|baixe|obter|pobierz) outlook
    (?:holen sie sich|laden sie) outlook  (?:download|ontvang) outlook
    sent (?:with|using) (?:front|proton\s?mail|k-9|superhuman|spark|mailspring|fastmail|canary|airmail|hey|tutanota)
    gesendet mit (?:der )?[\w. -]{2,30}(?:app|mail)  von mein\w+ .{1,40} gesendet
    diese nachricht wurde von mein\w+  von .{1,30} gesendet\s*$
    从我的.{1,20}发送  iphoneから送信
    """,
    before=r"\s*[(\[*]*",
)

POSTSCRIPT = re.compile(r"(?i)\s*(?:p\.?\s?s\.?|edit|update|also|btw)(?!\w)")
DASHED = re.compile(r"\s*(?P<dash>[-–—~/]{1,2})\s?(?P<name>[^\W\d][^\n]{0,60}?)\s*$")
PIPED_NAME = re.compile(
    rf"\s*[{UPPER}][\w.'’()-]{{0,30}}(?:\s+[{UPPER}][\w.'’()-]{{0,30}}){{1,3}}\s*[|·•]\s*\S.{{1,80}}$"
)
IN_BRACKETS = re.compile(r"\s*[(\[][^()]{1,100}[)\]]\s*$")
THANKS = re.compile(
    r"(?i)\b(?:than[kx]|thx|tnx|tia|ty|dank|merci|gracias|grazie|obrigad|bedankt|dzi[eę]k|tak|tack)"
)
SMALL_PARTICLES = frozenset("de du la le les des van von der den da di do dos del y e of und et".split())  # noqa: SIM905
SALUTATION = re.compile(rf"(?i)\s*{GREETING}\b[^.!?]{{0,60}}[,!.:]?\s*$")
_LABELS = any_of(
    r"""
    tel\w*  phone  ph  mob\w*  cell  fax  direct  office  fon  handy  tél\w*  portable  móvil  gsm  e-?mail  mail
    web\w*
    site  skype  linkedin  twitter  instagram  facebook  whatsapp  address  adres\w*  kvk  btw  nip  regon  vat
    ust\S{0,8}
    siret  cvr  org\S{0,10}  c\.?f  p\.?\s?iva  t  m  p  f  e  w
    """
)
_FORMS = any_of(
    r"""
    gmbh(?: & co\.?(?: kg)?)?  kg  ohg  ag  e\.\s?v\.?  inc\.?  ltd\.?  limited  llc  llp  plc  corp\.?
    s\.?a\.?s\.?  sarl  s\.?a\.?
    s\.?l\.?u?\.?  s\.a\. de c\.v\.?  s\.?r\.?l\.?  s\.?p\.?a\.?  lda\.?  ltda\.?  b\.?v\.?  n\.?v\.?  vof
    sp\. z o\.?\s?o\.?  a/s  aps  ab  oy  as
    """
)
CONTACT = re.compile(
    rf"(?i)\s*(?:{_LABELS}\s?[.:|/]\s*\S|(?:https?://|www\.)\S{{1,200}}\s*$|\S{{1,64}}@\S{{1,200}}\s*$"
    r"|[+(]?\d[\d\s()./-]{6,22}\s*$|\S{1,64}@\S{1,200}\s*[|·•]|.{0,80}\|.{0,80}\|"
    rf"|.{{0,80}}[\s,](?-i:(?=[A-Za-z]*[A-Z.]))"
    rf"{_FORMS}\s*$)"
)
_JOBS = any_of(
    r"""
    manager  director  engineer  developer  head of  chief  c[etofm]o  vp  vice president  (?:co-)?founder
    consultant  analyst  coordinator  specialist  officer  administrator  assistant  owner  president
    accountant  designer  lead  partner  architect  bookkeeper  secretary  (?:super)?visor  planner  controller
    nurse  teacher
    technician  operator  buyer  clerk  attorney  chef  principal  representative  executive  advisor
    geschäftsführer(?:in)?  inhaber(?:in)?  leiter(?:in)?  leitung  sachbearbeiter(?:in)?  sekretariat
    buchhaltung  einkauf  vertrieb
    responsable  directeur  directrice  gérante?  comptable  secrétaire  chef de \w+  gerente  jef[ea]  directora?
    encargad[oa]
    responsabile  direttore  direttrice  titolare  ufficio \w+  diretora?  sóci[oa]  setor \w+  eigenaar
    medewerker  hoofd
    kierowni\w+  dyrektor  księgow\w+  właściciel\w*  leder  indehaver  ejer  chef  ansvarig  ekonomi\w*  ägare
    """
)
JOB_TITLE = re.compile(rf"(?i).{{0,60}}\b{_JOBS}\b")
_TRADES = any_of(
    """
    company  group  studios?  consulting  services  solutions  logistics  bakery  hotel  restaurant  café  school
    university  clinic
    partners  foods?  media  labs?  software  systems  catering  design  agency  association  foundation
    institute  holdings?
    industries  international  enterprises  trading  brothers  sons  stores?  shop  club  bank  praxis  verlag
    kanzlei  werkstatt
    """
)
_TRADE = re.compile(rf"(?:.{{0,60}}\s)?(?i:{_TRADES})\s*[.,]?\s*$")
_AND_COMPANY = re.compile(
    rf"\s*[{UPPER}][\w.'’-]*(?:\s[{UPPER}][\w.'’-]*){{0,2}}\s(?:&|\+|et|und|and|y|e)\s[{UPPER}]"
)


def tells_contact(text: str) -> bool:
    """Tell a line with a number, an address of the web, or a company's legal form."""
    return CONTACT.match(text[:300]) is not None


def tells_work(text: str, name: str) -> bool:
    """Tell a line with a job, a trade, or a company that bears the name of the person above it."""
    text = text[:120]
    if JOB_TITLE.match(text) or _TRADE.match(text) or _AND_COMPANY.match(text):
        return True
    return text != name[:120] and len(name.split()) > 1 and name.split()[-1].strip(",.") in text.split()


_MESSAGE = r"this (?:e-?mail|message|communication|transmission)(?: message)?"
_SECRECY = any_of(
    "confidential  privileged  intended (?:only|solely|for)  may contain  contains? confidential"
)
DISCLAIMER = _line(
    rf"(?:the information (?:contained )?in )?{_MESSAGE}.{{0,160}}\b{_SECRECY}",
    r"""
    confidential(?:ity)? (?:notice|note|statement|information)\b  (?:legal )?disclaimer\s?:
    if you (?:have )?received\b.{0,80}\b(?:in error|by mistake)
    if you are not the (?:intended|named)\b.{0,80}\b(?:recipient|addressee)
    (?:privileged|private|important) (?:notice|and confidential)  think before you print
    please consider (?:the environment|your environmental)
    diese (?:e-?mail|nachricht)\b.{0,60}\b(?:vertraulich|enthält|bestimmt)  wichtiger hinweis\s?:
    (?:ce (?:message|courriel|mail)|cet e-?mail)\b.{0,80}\b(?:confidentiel|destinataire|destiné|strictement)
    (?:este|el presente) (?:mensaje|correo)\b.{0,80}\b(?:confidencial|destinatario|dirig|contien)
    aviso (?:legal|de confidencialidad)  (?:.{0,60}\s)?registered (?:in (?:england|scotland|wales|ireland)|office)\b
    (?:le informazioni|quest[oa] (?:messaggio|e-?mail)|il presente)\b.{0,80}\b(?:riservat|destinat|confidenz)
    (?:esta mensagem|este e-?mail|esta comunicação)\b.{0,80}\b(?:confidencia|destinat|dirigid)
    avviso di riservatezza  aviso de confidencialidade
    (?:dit bericht|deze e-?mail|de informatie in)\b.{0,80}\b(?:vertrouwelijk|bestemd|geadresseerde)
    (?:niniejsza|ta|treść tej) (?:wiadomość|wiadomości|korespondencja)\b.{0,80}\b(?:poufn|adresat|przeznaczon)
    (?:denne|indholdet af denne) (?:e-?mail|mail|besked)\b.{0,80}\b(?:fortrolig|modtager|bestemt)
    (?:detta|innehållet i detta) (?:meddelande|mejl|e-?post\w*)\b.{0,80}\b(?:konfidentiell|mottagare|avsett|avsedd)
    der inhalt dieser (?:e-?mail|nachricht)  sollten sie (?:diese|nicht)\b.{0,80}\b(?:irrtümlich|empfänger|adressat)
    falls sie nicht der\b.{0,40}\b(?:empfänger|adressat)  informationen zum datenschutz
    (?:hinweise? zum )?datenschutzhinweise?\b
    (?:please )?(?:consider|think of|respect) the environment\b  n'imprimez ce  pensez à l'environnement
    antes de imprimir
    prima di stampare  denk aan het milieu  bitte (?:denken|prüfen) sie\b.{0,80}\b(?:umwelt|drucken|ausdrucken)
    sitz der gesellschaft  amtsgericht  handelsregister  registergericht  hrb \d
    virus-?free\b.{0,20}(?:www\.|avast|avg|$)
    (?:this email has been )?(?:scanned|checked) (?:for viruses )?by (?:avast|avg)
    """,
    before=r"[\s*_-]*",
)
