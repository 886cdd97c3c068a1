"""What quoted replies, signatures, legal notices and automatic text look like, line by line, in several languages.

Every pattern is anchored at the start of one line and is tried on a bounded prefix of it, so that the whole scan
stays linear in the length of a mail. mail-parser-reply's patterns cover more languages but span lines and
backtrack: its time grows with the square of a long line or of a run of blank lines (4,000 blank lines took it a
second), so it serves as a peer in the tests and not here.
"""

import re

from models.language.wordlists import any_of

LINE_READ = 400  # characters of a line that a rule looks at


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
    ursprungligt meddelande  alkuperäinen viesti  wiadomość oryginalna
    """
)
_FORWARDING = any_of(
    """
    begin forwarded message  anfang der weitergeleiteten nachricht  début du message (?:réexpédié|transféré)
    inicio del mensaje reenviado
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
WROTE_END = re.compile(rf"(?i){_WROTE}\s*[:：]\s*$")
# A date or an address: without one, "On Monday my boss wrote:" would count as an attribution.
WROTE_EVIDENCE = re.compile(r"\d{1,4}[-./:年월月]\s?\d{1,2}|\b(?:19|20)\d\d\b|@|<")

_FIELDS = any_of(
    """
    from  sent  date  to  cc  bcc  subject  reply-to  importance
    von  gesendet  datum  an  betreff  wichtigkeit  antwort an
    de  envoyé  date d'envoi  à  objet  expéditeur  destinataire
    enviado(?: el)?  fecha  para  asunto  da  inviato  a  oggetto  data
    van  verzonden  aan  onderwerp  od  wysłano  do  temat  från  skickat  till  ämne  fra  sendt  til  emne
    发件人  发送时间  收件人  主题  差出人  送信日時  宛先  件名
    """
)
HEADER_FIELD = re.compile(rf"(?i)[\s>*]*{_FIELDS}\s{{0,2}}\*?\s?[:：]\*?(?:\s|$)")
SEPARATOR = re.compile(r"\s*[_=*-]{10,}\s*$")
QUOTE_LINE = re.compile(r"\s{0,3}>")
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
SENT_FROM = _line(
    rf"sent (?:from|via|by) (?:my |the |an? )?{_DEVICES}",
    r"""
    (?:get|download) outlook for  (?:téléchargez|obtenez|obtén|consigue|descarga|scarica|hent|hämta) outlook
    (?:holen sie sich|laden sie) outlook  download outlook
    sent (?:with|using) (?:front|proton ?mail|k-9|superhuman|spark|mailspring|fastmail|canary|airmail|hey|tutanota)
    gesendet mit (?:der )?[\w. -]{2,30}(?:app|mail)  von mein\w+ .{1,40} gesendet
    gesendet (?:von|mit) (?:mein|der|outlook|iphone|android|samsung|yahoo|gmx|web\.de)
    diese nachricht wurde von mein\w+
    envoyé (?:de(?:puis)?|à partir de|avec) (?:mon|ma|l'|outlook|yahoo|un)
    enviado (?:desde|do|a partir d\w|de) (?:mi|meu|el|outlook|un)
    inviato da(?:l)? (?:mio|iphone|outlook|android)  verzonden (?:vanaf|met) (?:mijn|outlook)
    skickat från min  sendt fra min  wysłano z (?:mojego|iphone|outlook)  lähetetty
    odesláno z (?:mého|iphone)  从我的.{1,20}发送  iphoneから送信
    """,
    before=r"\s*[(\[*]*",
)

_CLOSINGS = any_of(
    r"""
    (?:with )?(?:(?:my|our) )?(?:best|kind|kindest|warm|warmest|many|sincere) (?:regards|wishes|thanks)
    regards  rgds  brgds  best  all the best  cheers  (?:yours )?sincerely(?: yours)?
    yours(?: truly| faithfully)?  respectfully  cordially  take care  warmly  cordial regards  thx  tia  ty
    br  kr  talk soon
    thanks?(?: a lot| so much| very much| again| in advance| and (?:best |kind )?regards)?
    thank you(?: so much| very much| again| in advance| kindly)?  many thanks in advance
    have a (?:nice|good|great|lovely) (?:day|one|weekend|week|evening)
    (?:mit )?(?:vielen|besten|herzlichen|freundlichen|lieben|schönen) (?:dank|grüßen|grüssen|gruessen)(?: aus \w+)?
    (?:viele|beste|liebe|herzliche|freundliche|schöne) (?:grüße|grüsse|gruesse)(?: aus \w+)?
    vielen dank im voraus  mfg  lg  vg  hochachtungsvoll  gr[uü](?:ß|ss)e?
    danke(?: schön| im voraus| euch| ihnen)?
    (?:bien )?(?:cordialement|amicalement|respectueusement)(?: vôtre)?  sincères salutations  bien à vous
    cdlt  (?:meilleures )?salutations(?: distinguées)?  merci(?: d'avance| beaucoup| par avance| à vous)?
    bonne (?:journée|soirée|réception)  (?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?  atentamente  atte
    cordialmente  (?:muchas )?gracias(?: de antemano| por adelantado)?  (?:cordiali|distinti) saluti  saluti
    grazie(?: mille)?  atenciosamente  obrigad[oa]  abraços  cumprimentos  met vriendelijke groet(?:en)?
    groet(?:en|jes)?  mvg  bedankt  med vänlig(?:a)? hälsning(?:ar)?  (?:med )?venlig hilsen  mvh
    pozdrawiam  z poważaniem  s pozdravem  よろしくお願いします  此致  谢谢
    """
)
_CAPITALISED = r"[A-ZÀ-ÖØ-Þ][\w.'’()-]{0,30}"
CLOSING = re.compile(
    rf"(?i:\s*{_CLOSINGS})(?!\w)\s*(?:[,.!;:~\-–—🙏🙂😊]|:\))*\s*"
    rf"(?:{_CAPITALISED}(?:\s+[(]?{_CAPITALISED}){{0,3}}|(?<=,\s)[a-zà-öø-þ]{{2,12}})?\s*[,.!]?\s*$"
)
POSTSCRIPT = re.compile(r"(?i)\s*(?:p\.?\s?s\.?|edit|update|also|btw)(?!\w)")
DASH_NAME = re.compile(rf"\s*[-–—~/]{{1,2}}\s?{_CAPITALISED}(?:\s+{_CAPITALISED})?\s*$")
NAME_LINE = re.compile(
    rf"\s*{_CAPITALISED},?(?:\s+(?:(?:van|von|de|der|la|di|y|und|&)\s+)?[(]?{_CAPITALISED},?){{0,4}}\s*$"
)
PIPED_NAME = re.compile(rf"\s*{_CAPITALISED}(?:\s+{_CAPITALISED}){{1,3}}\s*[|·•]\s*\S.{{1,80}}$")
SALUTATION = re.compile(
    r"(?i)\s*(?:hi|hello|hey|dear|good (?:morning|afternoon|day)|hallo|guten tag|liebe[rs]?|sehr geehrte\w*"
    r"|bonjour|hola|ciao)\b[^.!?]{0,60}[,!.]?\s*$"
)
CONTACT = re.compile(
    r"(?i)\s*(?:(?:tel|phone|ph|mobile|mob|cell|fax|direct|office|telefon|mobil|handy|téléphone|tél|portable|teléfono|"
    r"móvil|e-?mail|mail|web|website|skype|linkedin|twitter|whatsapp|address|t|m|p|f|e|w)\s?[.:|/]\s*\S"
    r"|(?:https?://|www\.)\S{1,200}\s*$|\S{1,64}@\S{1,200}\s*$|[+(]?\d[\d\s()./-]{6,22}\s*$"
    r"|\S{1,64}@\S{1,200}\s*[|·•]|.{0,80}\|.{0,80}\|)|.{0,80}\b(?:gmbh|inc\.?|ltd\.?|llc|corp\.?|s\.a\.s?|s\.l\.|b\.v\.|ag|plc)\s*$"
)
_JOBS = any_of(
    r"""
    manager  director  engineer  developer  head of  chief  c[etofm]o  vp  vice president  (?:co-)?founder
    consultant  analyst  coordinator  specialist  officer  administrator  assistant  owner  president
    accountant  designer  lead  partner  architect  bookkeeper  secretary  geschäftsführer(?:in)?
    leiter(?:in)?  responsable  directeur  directrice  gerente  jefe
    """
)
JOB_TITLE = re.compile(rf"(?i).{{0,60}}\b{_JOBS}\b")

_MESSAGE = r"this (?:e-?mail|message|communication|transmission)(?: message)?"
_SECRECY = any_of(
    "confidential  privileged  intended (?:only|solely|for)  may contain  contains? confidential"
)
DISCLAIMER = _line(
    rf"(?:the information (?:contained )?in )?{_MESSAGE}.{{0,160}}\b{_SECRECY}",
    r"""
    confidential(?:ity)? (?:notice|note|statement|information)\b  (?:legal )?disclaimer ?:
    if you (?:have )?received\b.{0,80}\b(?:in error|by mistake)
    if you are not the (?:intended|named)\b.{0,80}\b(?:recipient|addressee)
    (?:privileged|private|important) (?:notice|and confidential)  think before you print
    please consider (?:the environment|your environmental)
    diese (?:e-?mail|nachricht)\b.{0,60}\b(?:vertraulich|enthält|bestimmt)  wichtiger hinweis ?:
    (?:ce (?:message|courriel|mail)|cet e-?mail)\b.{0,80}\b(?:confidentiel|destinataire|destiné|strictement)
    (?:este|el presente) (?:mensaje|correo)\b.{0,80}\b(?:confidencial|destinatario|dirig|contien)
    aviso (?:legal|de confidencialidad)  registered (?:in england|office)\b  sitz der gesellschaft
    amtsgericht  handelsregister  registergericht  hrb \d  virus-?free\b.{0,20}(?:www\.|avast|avg|$)
    (?:this email has been )?(?:scanned|checked) (?:for viruses )?by (?:avast|avg)
    """,
    before=r"[\s*_-]*",
)

# --- automatic text -----------------------------------------------------------------------------------------

_HELPDESKS = "(?:zendesk|intercom|freshdesk|help ?scout|hubspot|front|gorgias|zoho)"
MACRO_LINE = _line(
    rf"(?:delivered|powered) by {_HELPDESKS}  powered by [\w -]{{2,40}}\s*$  sent (?:by|via) {_HELPDESKS}",
    r"""
    (?:how would you rate|please rate|rate) (?:the|our|your|my) (?:support|service|help|experience|customer)
    (?:how would you rate|please rate|rate) (?:the|our|your|my) (?:reply|conversation|answer)
    (?:good|bad), i'?m (?:un|dis)?satisfied  how did we do ?\??\s*$
    was this (?:reply |answer )?helpful ?\?[\s\w👍👎|/·]{0,20}$
    did this (?:help|answer your question|solve your (?:problem|issue)) ?\?[\s\w👍👎|/·]{0,20}$
    wie (?:zufrieden waren|bewerten) sie\b.{0,80}(?:support|hilfe|service)  comment évaluez-vous\b
    (?:¿ ?)?cómo (?:calificaría|valoraría)\b  this e-?mail is a service (?:from|of)
    ticket (?:id|number|#) ?[:#]? ?[\w-]{1,20}\s*$
    you(?:'re| are receiving| received| have received) this (?:(?:e-?mail|message|notification) )?because
    you(?:'re| are) receiving (?:this|these)\b.{0,40}\bbecause  this (?:request )?is shared with \w+
    reply to this e-?mail (?:directly|to (?:add|comment|respond|reach|update))
    view (?:it|this|the|your)? ?(?:ticket|request|conversation|issue)? ?(?:online|on github|on gitlab|in jira)\b
    turn off (?:this|these|all) .{0,30}notifications?
    (?:to )?unsubscribe\b.{0,80}(?:here|link|click|from this|preferences)  unsubscribe\s*$
    (?:manage|update|change|edit) (?:your )?(?:e-?mail |notification )?(?:preferences|settings|notifications?)\s*$
    view (?:this (?:e-?mail|message) )?in (?:your )?browser
    (?:please )?do not reply (?:directly )?to this (?:e-?mail|message)
    this (?:is|was) an? (?:automated|automatic|automatically|auto-?generated|auto-)\b
    external (?:e-?mail|message|sender)\W
    (?:caution|warning|external)\W{1,4}(?:external (?:e-?mail|sender)|e-?mail from outside)
    (?:(?:caution|warning|external)\W{1,4})?this (?:e-?mail|message) (?:originated|came|was sent) (?:from )?outside
    \[?(?:cid|image) ?: ?[^\]]{0,120}\]?\s*$  <?image\d{3}\.(?:png|jpe?g|gif)>?\s*$
    (?:add )?(?:a )?comment by replying to this  to add (?:additional )?comments,? reply
    view (?:this )?(?:ticket|request|conversation) (?:online|in|at|here)
    (?:no-?reply|do-?not-?reply)@\S{1,100}\s*$
    """,
    before=r"[\s*_>\[(#-]*",
)
_AWAY = any_of(
    r"""
    i(?: am|'m|’m| will be) (?:currently |presently )?out of (?:the )?office
    i(?: am|'m|’m| will be) (?:currently )?on (?:annual |parental |maternity |sick )?(?:leave|vacation|holiday)
    i(?: am|'m|’m| will be) (?:currently )?away from (?:my desk|the office)
    ich bin (?:vom|bis|zur zeit|derzeit|aktuell|ab|im|am|nicht)\b.{0,60}(?:nicht im (?:büro|haus)|urlaub|abwesend)
    je suis (?:actuellement )?(?:absent|en congés?|en vacances)
    (?:estoy|estaré) (?:fuera de la oficina|de vacaciones|ausente)
    this is an? (?:automat(?:ed|ic)|auto-?generated) (?:reply|response|message|e-?mail|notification)
    your (?:request|ticket|message|e-?mail|[ei]nquiry) ?\(?#?[\w-]{0,20}\)? ?has been (?:received|logged|created)
    we have received your (?:request|ticket|message|e-?mail|[ei]nquiry)\b.{0,100}(?:will|shortly|soon|#)
    (?:a|your) (?:support )?(?:ticket|request|case) .{0,40}has been (?:created|opened|received|logged)
    """
)
_AUTOMATIC = any_of(
    r"""
    automatic reply  auto(?:matic)?[- ]?(?:reply|response)  automatische antwort  réponse automatique
    respuesta automática  abwesenheitsnotiz  out of (?:the )?office(?: ?:| auto| reply| notice)
    """
)
_SALUTED = r"(?:(?:hi|hello|dear|thank|thanks|hallo|bonjour|hola|vielen)\b.{0,120}?[,.!]\s*)?"
AUTO_REPLY = re.compile(rf"(?i)\s*(?:(?:subject\s*:\s*)?{_AUTOMATIC}|{_SALUTED}{_AWAY})")
