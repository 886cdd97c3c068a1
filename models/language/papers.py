"""Find street addresses, bank accounts without IBAN and numbers of identity papers, where their surroundings tell.

A house number and a street alone are as often a product or a place on a map: an address needs a postcode with its
town behind it, or words such as `I live at` before it. Digits of an account need a bank's code or word beside them,
those of a passport its name.
"""

import re
from collections.abc import Iterator

from models.language.nameshape import LOWER, UPPER
from models.language.wordlists import any_of

Span = tuple[int, int]

_CAP = rf"[{UPPER}][{LOWER}{UPPER}'’.-]{{0,30}}"
_WORDS = (
    rf"{_CAP}(?:[ \t](?:(?:de|del|della|dei|di|da|do|dos|das|des|du|la|le|les|los|las|the|of|am|an|der|den"
    rf"|y|e|et)[ \t])*{_CAP}){{0,3}}"
)
_NUMBER = r"\d{1,5}[ ]?(?:[A-Za-z]\b|bis\b|ter\b)?(?:[ ]?[-/][ ]?\d{1,4}[A-Za-z]?\b)?"
# "Elm Grove", "rue des Lilas", "Lindenstraße", "Keizersgracht", "ul. Długiej": what says that a name is a street's.
_ENGLISH = any_of(
    """
    street  st\\.?  road  rd\\.?  avenue  ave\\.?  lane  ln\\.?  drive  dr\\.?  court  ct\\.?  boulevard  blvd\\.?
    way  place  pl\\.?  square  sq\\.?
    terrace  grove  close  crescent  gardens  hill  mews  parkway  pkwy\\.?  highway  hwy\\.?  row  walk  quay
    circle  cir\\.?  trail  green
    """
)
_GERMANIC = (
    rf"(?:[{UPPER}][{LOWER}{UPPER}.-]{{1,30}}(?:straße|strasse|str\.?|weg|platz|allee|gasse|ring|damm|ufer"
    rf"|chaussee|markt|stieg|straat|gracht|laan|plein|kade|singel|dijk|steeg|vej|gade|stræde|vägen|gatan"
    rf"|gata|gränd|torg)|{_WORDS}[ \t](?:Straße|Strasse|Str\.|Weg|Platz|Allee|Gasse|Ring|Ufer|Damm|Straat"
    rf"|Weg|Laan|Allé|Plads|Gade|Vej))"
)
_ROMANCE = any_of(
    """
    rue  avenue  av\\.?  boulevard  bd\\.?  place  chemin  allées?  impasse  quai  route  cours  calle  c/
    avenida  avda\\.?  plaza  paseo
    camino  carrer  via  viale  piazza  corso  vicolo  largo  strada  rua  travessa  praça  estrada  alameda
    ul\\.  ulica  al\\.  aleja  os\\.  pl\\.
    """
)
_STREET = (
    rf"(?:{_NUMBER},?[ ]{{1,2}}{_WORDS}[ ](?i:{_ENGLISH})(?![\w'’-])"
    rf"|{_NUMBER},?[ ]{{1,2}}(?i:{_ROMANCE})[ ]{{1,2}}(?:(?:de|del|des|du|de la|de l['’]|d['’]|la|les"
    rf"|le)[ ]?)?{_WORDS}"
    rf"|{_GERMANIC}[ ]{{1,2}}{_NUMBER}"
    rf"|(?<!\w)(?i:{_ROMANCE})[ ]{{1,2}}(?:(?:de|del|de la|della|dei|do|da|dos"
    rf"|das)[ ])?{_WORDS},?[ ]{{1,2}}(?:n\.?[º°o]?[ ]?)?{_NUMBER})"
)
_FLOOR = (
    r"(?:,?[ ](?:(?:flat|apt\.?|apartment|unit|suite|floor|stock|og|eg|etage|piso|escalera|puerta|scala"
    r"|interno|andar|bloco|apto|m\.|lok\.)[ ]?[\w.º°ª/-]{1,6}|\d{1,2}\.?[º°ª][ ]?[A-Za-z]?\b"
    r"|#[ ]?\w{1,5}))?"
)
_POSTCODE = (
    r"(?:[A-Z]{1,2}\d[A-Z\d]?[ ]\d[A-Z]{2}\b|\d{2}-\d{3}\b|\d{4}-\d{3}\b|\d{5}-\d{3}\b|\d{4}[ ]?[A-Z]{2}\b"
    r"|(?:[A-Z]{1,2}-)?\d{5}(?:-\d{4})?\b"
    r"|(?:[A-Z]{1,2}-)?\d{4}\b|\d{3}[ ]\d{2}\b)"
)
_TOWN = rf"{_CAP}(?:[ -](?:(?:am|an der|an|der|de|la|le|sur|en|upon|ob|im|in)[ -])?{_CAP}){{0,2}}"
_ADDRESS = re.compile(
    rf"(?<![\w-])(?P<street>{_STREET}){_FLOOR}"
    rf"(?P<town>(?:,|[ \t]*\n|[ ]?[-–·])?[ \t]{{0,2}}(?:{_POSTCODE}[ ]{{1,2}}{_TOWN}|{_TOWN},?[ ]{{1,2}}"
    rf"(?:[A-Z]{{2}},?[ ]{{1,2}})?{_POSTCODE}))?"
    rf"(?P<place>,[ ]{_TOWN})?"
)
_AT_HOME = re.compile(
    "(?i)\\b"
    + any_of(
        """
        (?:i|we|he|she|they) (?:now )?live(?:s|d)? (?:at|in|on)  living at  moved (?:to|from)
        (?:home|postal|billing|shipping|delivery|street|my|our|the|new|old|mailing) address(?: is|:)?
        address(?: is|:)
        (?:ship|send|deliver|mail|post|sent|shipped|delivered)(?: (?:it|them|this|the \\w+|my \\w+))? to
        wohn(?:e|en|haft|t)\\w*(?: in(?: der)?)?  anschrift(?: ist|:)?
        adresse(?: ist|:| est)?  liefer\\w*(?: sie)?(?: bitte)? (?:an|nach|in)  j['’]habite(?: au)?
        habitant(?: au)?  vivo en(?: la)?  mi dirección(?: es|:)  dirección(?: es|:)
        domicilio(?: es|:)?  abito in  abito a  indirizzo(?: è|:)?  moro n[ao]  endereço(?: é|:)?  morada(?: é|:)?
        woon (?:op|aan|in)(?: de)?  adres(?: is|:| to)?
        mieszkam (?:przy|na)  bor (?:på|i)  adress(?:en)?(?: är|:)?  adressen(?: er|:)
        """
    )
    + r"\W{0,4}$"
)


def find_street_addresses(text: str) -> Iterator[Span]:
    """Yield spans of street addresses: street and house number with postcode and town, or introduced as a home."""
    for found in _ADDRESS.finditer(text):
        if found.group("town") or _AT_HOME.search(text[max(0, found.start() - 48) : found.start()]):
            yield found.span()


# --- bank accounts without IBAN ---------------------------------------------------------------------------------

_BANK = any_of(
    """
    sort\\s?code  routing(?: (?:number|no\\.?|nr|code))?  aba(?: (?:number|no))?  bsb  blz  bankleitzahl  swift
    bic  clearing\\w*  bank\\s?(?:details|account|transfer|code)
    transit(?: number)?  ifsc  kontonummer  konto-?nr  kontonr  bankverbindung  bankkonto  rekeningnummer
    cuenta bancaria  conto corrente
    compte bancaire  rib  conta bancária  numer konta  nr konta  reg\\.?\\s?nr  bankgiro  account holder  iban
    """
)
_NEAR_BANK = re.compile(rf"(?i)(?<!\w){_BANK}(?!\w)")
_BANK_CODE = re.compile(
    r"(?i)(?<!\w)(?:sort\s?code|bsb|blz|bankleitzahl|routing(?:\s(?:number|no\.?|nr|code))?|aba(?:\s(?:number|no))?|transit(?:\snumber)?|clearing\w{0,10}|reg\.?\s?nr\.?|bankgiro)"
    r"[\s:.#=-]{1,3}(?:is\s|ist\s|:\s?)?(?P<value>\d{2}[- ]?\d{2}[- ]?\d{2}\b"
    r"|\d{3}[- ]?\d{3}[ -]?\d{2,3}\b|\d{3}[- ]\d{3}\b|\d{4}-\d\b|\d{4,5}\b(?![-.,]\d)|\d{3,4}-\d{4}\b)"
)
_ACCOUNT = re.compile(
    r"(?i)(?<!\w)(?:account|acct|a/c|acc|konto|kontonummer|konto-?nr|kontonr|rekening|rekeningnummer|cuenta|conto|compte|conta|konta)\.?"
    r"(?:\s?(?:number|no|num|nr|numéro|número|numero|n[º°])\.?)?[\s:.#=]{1,3}(?:is\s|ist\s)?(?P<value>\d"
    r"(?:[ -]?\d){5,25})(?![\w]|[-.,]\d)"
)
_SURE_ACCOUNT = re.compile(r"(?i)kontonummer|konto-?nr|kontonr|rekeningnummer|cuenta bancaria|bank")
NEAR = 60  # characters around an account's number in which a bank must be named


def find_accounts(text: str) -> Iterator[Span]:
    """Yield spans of bank codes, and of account numbers that stand near one or near a bank's word."""
    for found in _BANK_CODE.finditer(text):
        yield found.span("value")
    for found in _ACCOUNT.finditer(text):
        around = (
            text[max(0, found.start() - NEAR) : found.start("value")]
            + " "
            + text[found.end("value") : found.end("value") + NEAR]
        )
        if _NEAR_BANK.search(around) or _SURE_ACCOUNT.match(found.group()):
            yield found.span("value")


# --- identity papers ----------------------------------------------------------------------------------------------

_PAPERS = any_of(
    r"""
    passport  (?:driver['’]?s?|driving) licen[cs]e  (?:national )?id(?:entity)? card
    national insurance(?: number)?  ni number  nino
    reisepass\w*  personalausweis\w*  ausweis\w*  führerschein\w*  steuer-?id
    sozialversicherungsnummer
    passeport  carte d['’]identité  permis de conduire  numéro de sécurité sociale  pasaporte  dni  nie
    carnet de conducir  nif
    passaporto  carta d['’]identità  patente  codice fiscale  passaporte  cartão de cidadão  cpf  paspoort
    rijbewijs  bsn  identiteitskaart
    paszport\w*  dow[oó]d(?:u)?(?: osobist\w+)?  pesel  prawo jazdy  cpr(?:-nummer)?  kørekort  körkort
    personnummer
    """
)
_DOCUMENT = re.compile(
    rf"(?i)(?<![\w-]){_PAPERS}(?:[ -]?(?:number|no|nr|num|nummer|numéro|número|numero|n[º°])\b\.?"
    rf"|#)?[ \t:.#=]{{1,3}}(?:(?:is|ist|est|es|è|é|to|er|är)[ \t]:?[ \t]?)?"
    r"(?P<value>(?=(?:[A-Za-z -]{0,4}\d){4})[A-Za-z0-9](?:[ ./-]?[A-Za-z0-9]){5,19})(?![\w-])"
)
# Shapes that say what they are by themselves, their check digits computed below.
_DNI = re.compile(r"(?<![\w-])(?P<value>(?:\d{8}|[XYZ]\d{7})[A-Z])(?![\w-])")
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_CPF = re.compile(r"(?<![\w.-])(?P<value>\d{3}\.\d{3}\.\d{3}-\d{2})(?![\w-])")
_FISCAL = re.compile(r"(?<![\w-])(?P<value>[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z])(?![\w-])")
LEAST_DOCUMENT = 6  # characters
_WORD_OF_PROSE = re.compile(r"[ ][a-z]{2,}")


def find_documents(text: str) -> Iterator[Span]:
    """Yield spans of numbers of identity papers: behind the paper's name, or with a check digit that is right."""
    for found in _DOCUMENT.finditer(text):
        value = found.group("value")
        prose = _WORD_OF_PROSE.search(value)
        end = found.start("value") + (prose.start() if prose else len(value))
        is_long = end - found.start("value") >= LEAST_DOCUMENT
        if is_long and sum(character.isdigit() for character in text[found.start("value") : end]) >= 4:
            yield found.start("value"), end
    for found in _DNI.finditer(text):
        digits = found.group("value")[:-1].translate(str.maketrans("XYZ", "012"))
        if _DNI_LETTERS[int(digits) % 23] == found.group("value")[-1]:
            yield found.span("value")
    for found in _CPF.finditer(text):
        if _passes_cpf(re.sub(r"\D", "", found.group())):
            yield found.span("value")
    for found in _FISCAL.finditer(text):
        yield found.span("value")


def _passes_cpf(digits: str) -> bool:
    """Check the two check digits of a Brazilian taxpayer's number (modulo 11)."""
    for length in (9, 10):
        total = sum(int(digit) * (length + 1 - place) for place, digit in enumerate(digits[:length]))
        if total * 10 % 11 % 10 != int(digits[length]):
            return False
    return len(set(digits)) > 1
