"""What quoted replies, signatures, disclaimers and automatic text look like, line by line, in several languages.

Every pattern is anchored at the start of one line and is tried on a bounded prefix of it, so that the whole scan
stays linear in the length of a mail. mail-parser-reply's patterns cover more languages but span lines and
backtrack: its time grows with the square of a long line or of a run of blank lines, so it serves as a peer in the
tests and not here.
"""

import re

LINE_READ = 400  # characters of a line that a rule looks at

# --- quoted replies -----------------------------------------------------------------------------------------

REPLY_MARKER = re.compile(
    r"(?i)[\s#=*_-]*(?:please\s+)?(?:type\s+your\s+reply|reply|respond|write\s+your\s+reply|add\s+your\s+reply)"
    r"\s+(?:to\s+this\s+e?-?mail\s+)?above\s+this\s+line"
    r"|[\s#=*_-]*bitte\s+(?:geben|schreiben|antworten)\b.{0,60}\b(?:oberhalb|über)\b.{0,20}\bzeile"
    r"|[\s#=*_-]*(?:veuillez|merci\s+de|répond\w*)\b.{0,60}au[- ]dessus\s+de\s+cette\s+ligne"
    r"|[\s#=*_-]*(?:escrib\w+|respond\w+|por\s+favor)\b.{0,60}(?:encima|arriba|sobre)\s+(?:de\s+)?esta\s+línea"
)

ORIGINAL_MESSAGE = re.compile(
    r"(?i)\s*[-_*=]{2,}\s*(?:original(?:e)?\s+(?:message|appointment|nachricht)|ursprüngliche\s+nachricht|"
    r"originalnachricht|forwarded\s+message|forwarded\s+by\b.{0,80}|message\s+(?:d'origine|original|transféré)|"
    r"mensaje\s+(?:original|reenviado)|weitergeleitete\s+nachricht|messaggio\s+(?:originale|inoltrato)|"
    r"mensagem\s+(?:original|encaminhada)|oorspronkelijk\s+bericht|oprindelig\s+meddelelse|"
    r"ursprungligt\s+meddelande|alkuperäinen\s+viesti|wiadomość\s+oryginalna)\s*[-_*=]{2,}"
    r"|\s*(?:begin\s+forwarded\s+message|anfang\s+der\s+weitergeleiteten\s+nachricht|début\s+du\s+message\s+"
    r"(?:réexpédié|transféré)|inicio\s+del\s+mensaje\s+reenviado)\s*:?\s*$"
)

WROTE_START = re.compile(
    r"(?i)[\s>*]*(?:on|am|le|el|il|em|op|den|dnia|dne|w\s+dniu|vào|pe|em)\s+\S"
    r"|[\s>*]*\d{1,4}[-./年]\s?\d{1,2}[-./月]"
    r"|[\s>*]*(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+\S|[\s>*]*.{1,60}<[^<>\s]{3,80}@[^<>\s]{3,80}>"
)
WROTE_END = re.compile(
    r"(?i)(?:\bwrote|\bwrites|\bschrieb(?:\s.{1,80})?|\ba\s+écrit|\bescribió|\bha\s+scritto|\bescreveu|"
    r"\bschreef(?:\s.{1,80})?|\bskrev(?:\s.{1,80})?|\bnapisał(?:\(a\)|a)?|\bnapsal\(?a?\)?|写道|님이\s작성|"
    r"のメール|\bkirjoitti|\byazdı|\bwrote\s+the\s+following)\s*[:：]\s*$"
)
# A date or an address: without one, "On Monday my boss wrote:" would count as an attribution.
WROTE_EVIDENCE = re.compile(r"\d{1,4}[-./:年月]\s?\d{1,2}|\b(?:19|20)\d\d\b|@|<")

HEADER_FIELD = re.compile(
    r"(?i)[\s>*]*(?:(?P<first>from|von|de|da|van|od|från|fra|expéditeur|发件人|差出人)|sent|date|to|cc|bcc|subject|"
    r"reply-to|importance|gesendet|datum|an|betreff|wichtigkeit|antwort\s+an|envoyé|date\s+d'envoi|à|objet|"
    r"enviado(?:\s+el)?|fecha|para|asunto|inviato|a|oggetto|data|verzonden|aan|onderwerp|wysłano|do|temat|"
    r"skickat|till|ämne|sendt|til|emne|destinataire|发送时间|收件人|主题|送信日時|宛先|件名)\s{0,2}\*?\s?[:：]\*?(?:\s|$)"
)
SEPARATOR = re.compile(r"\s*[_=*-]{10,}\s*$")
QUOTE_LINE = re.compile(r"\s{0,3}>")
COMPARISON = re.compile(r"\s{0,3}>=?\s?[\d$€£%]")  # "> 50 users" is arithmetic, not a quotation

# --- signatures ---------------------------------------------------------------------------------------------

STRICT_DELIMITER = re.compile(r"--[ \u00a0]$")
LOOSE_DELIMITER = re.compile(r"\s{0,3}(?:--|—|––|\*\*|__+)\s*$")

SENT_FROM = re.compile(
    r"(?i)\s*[(\[*]*(?:sent\s+(?:from|via|by)\s+(?:my\s+|the\s+|an?\s+)?(?:iphone|ipad|ipod|android|samsung|galaxy|"
    r"blackberry|huawei|pixel|nokia|xperia|oneplus|xiaomi|mobile|phone|smartphone|tablet|handheld|outlook|mail\b|"
    r"yahoo|gmail|proton|windows|t-mobile|verizon|at&t|\w+\s+(?:mobile|phone|mail)|superhuman|front|spark|"
    r"bluemail|aol|nine)|get\s+outlook\s+for|download\s+outlook|"
    r"(?:von\s+mein\w+\s+.{1,40}\s+gesendet|gesendet\s+(?:von|mit)\s+(?:mein|der|outlook|iphone|android|samsung|yahoo|gmx|"
    r"web\.de)|diese\s+nachricht\s+wurde\s+von\s+mein\w+)|"
    r"envoyé\s+(?:de(?:puis)?|à\s+partir\s+de|avec)\s+(?:mon|ma|l'|outlook|yahoo|un)|téléchargez\s+outlook|"
    r"enviado\s+(?:desde|do|a\s+partir\s+d\w|de)\s+(?:mi|meu|el|outlook|un)|obtén\s+outlook|"
    r"inviato\s+da(?:l)?\s+|verzonden\s+(?:vanaf|met)\s+|skickat\s+från\s+min|sendt\s+fra\s+min|"
    r"wysłano\s+z\s+|lähetetty\s+|odesláno\s+z\s+|从我的.{1,20}发送|iPhoneから送信)"
)

_CLOSINGS = (
    r"(?:with\s+)?(?:(?:my|our)\s+)?(?:best|kind|kindest|warm|warmest|many|sincere)\s+(?:regards|wishes|thanks)|"
    r"regards|rgds|brgds|best|all\s+the\s+best|cheers|(?:yours\s+)?sincerely(?:\s+yours)?|"
    r"yours(?:\s+(?:truly|faithfully))?|respectfully|cordially|take\s+care|warmly|cordial\s+regards|"
    r"thanks?(?:\s+(?:a\s+lot|so\s+much|very\s+much|again|in\s+advance|and\s+(?:best\s+|kind\s+)?regards))?|"
    r"thank\s+you(?:\s+(?:so\s+much|very\s+much|again|in\s+advance|kindly))?|many\s+thanks(?:\s+in\s+advance)?|"
    r"thx|tia|ty|br|kr|talk\s+soon|have\s+a\s+(?:nice|good|great|lovely)\s+(?:day|one|weekend|week|evening)|"
    r"(?:mit\s+)?(?:vielen|besten|herzlichen|freundlichen|lieben|schönen|viele|beste|liebe|herzliche|freundliche|"
    r"schöne)\s+(?:dank|grüßen|grüssen|gruessen|grüße|grüsse|gruesse)(?:\s+(?:aus|im\s+voraus)(?:\s+\w+)?)?|"
    r"mfg|lg|vg|hochachtungsvoll|gr(?:u|ü)(?:ß|ss)e?|danke(?:\s+(?:schön|im\s+voraus|euch|ihnen))?|"
    r"(?:bien\s+)?(?:cordialement|amicalement|respectueusement)(?:\s+vôtre)?|sincères\s+salutations|bien\s+à\s+vous|"
    r"(?:meilleures\s+)?salutations(?:\s+distinguées)?|merci(?:\s+(?:d'avance|beaucoup|par\s+avance|à\s+vous))?|"
    r"bonne\s+(?:journée|soirée|réception)|cdlt|"
    r"(?:un\s+)?(?:cordial\s+)?saludos?(?:\s+cordial(?:es)?)?|atentamente|atte|(?:muchas\s+)?gracias(?:\s+(?:de\s+antemano|"
    r"por\s+adelantado))?|cordialmente|(?:cordiali|distinti)\s+saluti|saluti|grazie(?:\s+mille)?|"
    r"atenciosamente|obrigad[oa]|abraços|cumprimentos|met\s+vriendelijke\s+groet(?:en)?|groet(?:en|jes)?|mvg|"
    r"bedankt|med\s+vänlig(?:a)?\s+hälsning(?:ar)?|(?:med\s+)?venlig\s+hilsen|mvh|pozdrawiam|z\s+poważaniem|"
    r"s\s+pozdravem|よろしくお願いします|此致|谢谢"
)
CLOSING = re.compile(
    rf"(?i:\s*(?:{_CLOSINGS}))\s*(?:[,.!;:~\-–—🙏🙂😊]|:\))*\s*"
    r"(?:(?<=[\s,.!–—-])[-–—~]?\s?[A-ZÀ-ÖØ-Þ][\w.'’-]{0,30}(?:\s+[A-ZÀ-ÖØ-Þ(][\w.'’()-]{0,30}){0,3}"
    r"|(?<=[,\s])(?<!thanks )(?<!best )(?<!cheers )[a-zà-öø-þ]{2,12})?\s*[,.!]?\s*$"
)
POSTSCRIPT = re.compile(r"(?i)\s*p\.?\s?s\.?\b|\s*edit\b|\s*update\b|\s*also\b|\s*btw\b")
DASH_NAME = re.compile(
    r"\s*(?:[-–—~/]{1,2})\s?[A-ZÀ-ÖØ-Þ][\w.'’-]{1,20}(?:\s+[A-ZÀ-ÖØ-Þ][\w.'’-]{0,20})?\s*$"
)
NAME_LINE = re.compile(
    r"\s*(?:[A-ZÀ-ÖØ-Þ][\w.'’-]{0,30},?)(?:\s+(?:(?:van|von|de|der|la|di|y|und|&)\s+)?[A-ZÀ-ÖØ-Þ(][\w.'’()-]{0,30},?){0,4}\s*$"
)
CONTACT = re.compile(
    r"(?i)\s*(?:(?:tel|phone|ph|mobile|mob|cell|fax|direct|office|telefon|mobil|handy|téléphone|tél|portable|"
    r"teléfono|móvil|e-?mail|mail|web|website|skype|linkedin|twitter|whatsapp|address|t|m|p|f|e|w)\s?[.:|/]\s*\S"
    r"|(?:https?://|www\.)\S{1,200}\s*$|\S{1,64}@\S{1,200}\s*$|[+(]?\d[\d\s()./-]{6,22}\s*$|.{0,80}\|.{0,80}\|)"
    r"|.{0,80}\b(?:gmbh|inc\.?|ltd\.?|llc|corp\.?|s\.a\.s?|s\.l\.|b\.v\.|ag|plc)\s*$"
)
JOB_TITLE = re.compile(
    r"(?i).{0,60}\b(?:manager|director|engineer|developer|head\s+of|chief|c[etofm]o|vp|vice\s+president|founder|"
    r"co-founder|consultant|analyst|coordinator|specialist|officer|administrator|assistant|owner|president|"
    r"accountant|designer|lead|geschäftsführer(?:in)?|leiter(?:in)?|responsable|directeur|directrice|gerente|"
    r"jefe|partner|product\s+owner|architect|bookkeeper|secretary)\b"
)
DISCLAIMER = re.compile(
    r"(?i)[\s*_-]*(?:confidential(?:ity)?\s+(?:notice|note|statement|information)\b|(?:legal\s+)?disclaimer\s*:|"
    r"(?:the\s+information\s+(?:contained\s+)?in\s+)?this\s+(?:e-?mail|message|communication|transmission)"
    r"(?:\s+message)?\s*(?:\(?\s*(?:and|including|with|together)\b.{0,60}(?:attach|files|document)\w*.{0,80})?"
    r".{0,30}\b(?:confidential|privileged|intended\s+(?:only|solely|for)|may\s+contain|contains?\s+(?:confidential|"
    r"privileged))|"
    r"if\s+you\s+(?:have\s+received|received|are\s+not\s+the\s+(?:intended|named))\b.{0,80}\b(?:in\s+error|recipient|by\s+mistake|"
    r"addressee)|(?:privileged|private|important)\s+(?:notice|and\s+confidential)|"
    r"please\s+consider\s+(?:the\s+environment|your\s+environmental)|think\s+before\s+you\s+print|"
    r"diese\s+(?:e-?mail|nachricht)\b.{0,60}\b(?:vertraulich|enthält|bestimmt)|wichtiger\s+hinweis\s*:|"
    r"(?:ce\s+(?:message|courriel|mail)|cet\s+e-?mail)\b.{0,80}\b(?:confidentiel|destinataire|destiné|strictement)|"
    r"(?:este|el\s+presente)\s+(?:mensaje|correo)\b.{0,80}\b(?:confidencial|destinatario|dirig|contien)|"
    r"aviso\s+(?:legal|de\s+confidencialidad)|registered\s+(?:in\s+england|office)\b.{0,80}|"
    r"(?:sitz\s+der\s+gesellschaft|amtsgericht|handelsregister|registergericht|hrb\s+\d)|"
    r"virus-?free\b|(?:this\s+email\s+has\s+been\s+)?(?:scanned|checked)\s+(?:for\s+viruses\s+)?by\s+(?:avast|avg))"
)

# --- automatic text -----------------------------------------------------------------------------------------

MACRO_LINE = re.compile(
    r"(?i)[\s*_>\[(#-]*(?:"
    r"(?:how\s+would\s+you\s+rate|please\s+rate|rate)\s+(?:the|our|your|my)\s+(?:support|service|help|experience|reply|"
    r"conversation|answer|customer)|"
    r"(?:good|bad),\s+i'?m\s+(?:un|dis)?satisfied|how\s+did\s+we\s+do\s*\??\s*$|"
    r"(?:was\s+this\s+(?:helpful|reply\s+helpful|answer\s+helpful)|did\s+this\s+(?:help|answer\s+your\s+question|"
    r"solve\s+your\s+(?:problem|issue)))\s*\?(?:\s*(?:yes|no|👍|👎|[|/·])\s*)*$|"
    r"(?:wie\s+(?:zufrieden\s+waren|bewerten)\s+sie)\b.{0,80}(?:support|hilfe|service)|"
    r"comment\s+évaluez-vous\b|(?:¿\s*)?cómo\s+(?:calificaría|valoraría)\b|"
    r"this\s+e-?mail\s+is\s+a\s+service\s+(?:from|of)|delivered\s+by\s+zendesk|powered\s+by\s+(?:zendesk|intercom|freshdesk|"
    r"help\s?scout|hubspot|front|gorgias|zoho)|ticket\s+(?:id|number|#)\s*[:#]?\s*[\w-]{1,20}\s*$|"
    r"you\s+(?:are\s+receiving|received|have\s+received)\s+this\s+(?:e-?mail|message|notification)\s+because|"
    r"(?:to\s+)?unsubscribe\b.{0,80}(?:here|link|click|from\s+this|preferences|$)|(?:manage|update)\s+(?:your\s+)?"
    r"(?:e-?mail\s+)?(?:preferences|notification)|view\s+(?:this\s+(?:e-?mail|message)\s+)?in\s+(?:your\s+)?browser|"
    r"(?:please\s+)?do\s+not\s+reply\s+(?:directly\s+)?to\s+this\s+(?:e-?mail|message)|"
    r"this\s+(?:is|was)\s+an?\s+(?:automat(?:ed|ic(?:ally)?)|auto-?generated|auto-?)\b|"
    r"\W{0,3}(?:caution|warning|external|\[external\])\W{0,4}\s*(?:external\s+(?:e-?mail|sender)|this\s+(?:e-?mail|message)\s+"
    r"(?:originated|came|was\s+sent)\s+from|e-?mail\s+from\s+outside)|"
    r"this\s+(?:e-?mail|message)\s+originated\s+(?:from\s+)?outside|"
    r"\[?(?:cid|image)\s?:\s?[^\]]{0,120}\]?\s*$|<?image\d{3}\.(?:png|jpe?g|gif)>?\s*$|"
    r"(?:add\s+)?(?:a\s+)?comment\s+by\s+replying\s+to\s+this|to\s+add\s+(?:additional\s+)?comments,?\s+reply|"
    r"view\s+(?:this\s+)?(?:ticket|request|conversation)\s+(?:online|in|at|here)|"
    r"(?:no-?reply|do-?not-?reply)@\S{1,100}\s*$)"
)
AUTO_REPLY = re.compile(
    r"(?i)\s*(?:(?:subject\s*:\s*)?(?:automatic\s+reply|auto(?:matic)?[- ]?(?:reply|response)|automatische\s+antwort|"
    r"réponse\s+automatique|respuesta\s+automática|abwesenheitsnotiz|out\s+of\s+(?:the\s+)?office(?:\s*:|\s+(?:auto|reply|notice))?)\b|"
    r"(?:(?:hi|hello|dear|thank|thanks|hallo|bonjour|hola|vielen)\b.{0,120}?[,.!]\s*)?(?:"
    r"i\s*(?:am|'m|’m|will\s+be)\s+(?:currently\s+|presently\s+)?(?:out\s+of\s+(?:the\s+)?office|on\s+(?:annual\s+|parental\s+|maternity\s+|sick\s+)?"
    r"(?:leave|vacation|holiday)|away\s+from\s+(?:my\s+desk|the\s+office)|travel+ing\s+with\s+limited)|"
    r"ich\s+bin\s+(?:vom|bis|zur\s+zeit|derzeit|aktuell|ab|im|am|nicht)\b.{0,60}(?:nicht\s+im\s+(?:büro|haus)|urlaub|abwesend)|"
    r"je\s+suis\s+(?:actuellement\s+)?(?:absent|en\s+congés?|en\s+vacances)|(?:estoy|estaré)\s+(?:fuera\s+de\s+la\s+oficina|de\s+vacaciones|ausente)|"
    r"this\s+is\s+an?\s+(?:automat(?:ed|ic)|auto-?generated)\s+(?:reply|response|message|e-?mail|notification)|"
    r"your\s+(?:request|ticket|message|e-?mail|enquiry|inquiry)\s*(?:\(?#?[\w-]{0,20}\)?)?\s+has\s+been\s+(?:received|logged|created|registered)|"
    r"we\s+have\s+received\s+your\s+(?:request|ticket|message|e-?mail|enquiry|inquiry)\b.{0,100}(?:will|shortly|soon|#)|"
    r"(?:a|your)\s+(?:support\s+)?(?:ticket|request|case)\s.{0,40}has\s+been\s+(?:created|opened|received|logged)))"
)
