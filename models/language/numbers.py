"""Find bank cards, IBANs and phone numbers among the digits of a text."""

import re
from collections.abc import Iterator

import phonenumbers

from models.language.wordlists import any_of

Span = tuple[int, int]

_CARD = re.compile(r"(?<![\w.,])\d(?:[ -]?\d){11,18}(?![\w]|[.,]\d)")
_BRANDS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}$|5[1-5]\d{14}$|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}$|3[47]\d{13}$"
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12}$|3(?:0[0-5]|[68]\d)\d{11}$|35\d{14}$|62\d{14,17}$|(?:50|5[6-9]|6[0-9])\d{14,17}$"
)
_IDENTIFIERS = any_of(
    """
    order  invoice  ticket  case  tracking  reference  ref  booking  transaction  customer  account  serial
    item  product  sku  article  licen[cs]e  imei  isbn  ean  gtin  ids?  error  code  status  build
    version  po  rma  shipment  parcel  confirmation  policy  request  issue  bug  part  model  voucher
    coupon  promo  meter  seat  room  bestell\\w*  rechnung\\w*  auftrags?\\w*  kunden\\w*  commande
    facture  pedido  factura
    """
)
_IDENTIFIER_LABEL = re.compile(
    rf"(?i)\b{_IDENTIFIERS}(?:[ _-]?(?:number|numbers|no|nr|num|id|code))?[ \t]?(?:is|was|are|ist)?\W{{0,4}}$"
)
_PHONES = any_of(
    """
    tel(?:efon|ephone|éfono)?  phone  cell  mobile?  mob  handy  fax  whatsapp  sms  text me
    call(?:ing)?(?: me| us| back)?  ring me  reach me  tél(?:éphone)?  portable  móvil  rufnummer  dial
    landline  number  extension  ext  hotline  direct line  numer telefonu  tlf  telef[oó]n[eo]?  telefoon  puhelin
    numéro  número  numero  rückruf(?: bitte)?  ruf\\w* .{0,12}an  anrufen  erreichbar  ll[aá]m[ae]n?(?:me|nos)?
    llamad(?:me|nos)?  appelez(?:-moi|-nous)?  joignable  chiam(?:a|ate)(?:mi|ci)?  lig(?:ue|uem|ar)  bel(?:len)?
    zadzwoń(?:cie)?  dzwonić  dzwońcie  ring (?:til|mig|oss|på|us)  ringa  nås  träffas  contact  kontakt
    """
)
_PHONE_LABEL = re.compile(
    rf"(?i)\b{_PHONES}(?:[ _-]?(?:number|no|nr|num|#))?"
    r"(?:[ \t](?:is|at|on|under|unter|ist|au|al|el|me|mir|mich|mig|mij|os|us|uns|via|to|op|på|til|till|para|pod|no"
    r"|sur|numer|nr)){0,3}\W{0,6}$"
)
_IBAN_START = re.compile(r"(?i)(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?=[ -]?[A-Z0-9])")
# Length of an IBAN per country, SWIFT IBAN registry (2024).
_IBAN_LENGTH = {
    code: int(length)
    for length, codes in {
        "15": "NO", "16": "BE", "18": "DK FI FO GL NL FK SD", "19": "MK SI", "20": "AT BA EE KZ LT LU XK MN",
        "21": "CH HR LI LV", "22": "BG BH CR DE GB GE IE ME RS VA", "23": "AE GI IL IQ TL OM SO",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG", "25": "LY PT ST", "26": "IS TR", "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HU LB NI PL SV", "29": "BR EG PS QA UA", "30": "JO KW MU", "31": "MT SC", "33": "RU",
    }.items()
    for code in codes.split()
}  # fmt: skip

_PHONE = re.compile(
    r"(?<![\w.,/#$€£+@-])(?:\+|00|\()?[ ]?\d(?:[ ().\-/\u2010-\u2013\u00a0]{0,3}\d){6,16}(?![\w@%]|[.,:]\d)"
)
_MONTH_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_DATE = re.compile(
    rf"(?:19|20)\d\d[-/. ]{_MONTH_DAY}[-/. ]{_MONTH_DAY}|{_MONTH_DAY}[-/. ]{_MONTH_DAY}[-/. ](?:19|20)\d\d"
)
_MONEY_AFTER = re.compile(
    r"\s?(?:€|\$|£|eur\b|usd\b|gbp\b|chf\b|dollars?\b|euros?\b|%|ms\b|mb\b|gb\b|kb\b|bytes\b|px\b|rows\b|items\b)",
    re.IGNORECASE,
)
_US_SHAPE = re.compile(r"(?:1[ .-]?)?(?:\(\d{3}\)[ ]?|\d{3}[ .-])\d{3}[ .-]\d{4}$")
_LOCAL_SHAPE = re.compile(
    r"0\d{1,5}[ /-]{1,3}\d{3,}|0\d(?:[ .]\d\d){4}$|\(0\d{1,5}\)|0\d{3,4} \d{3} ?\d{3,4}$"
)
_REGIONS = ("US", "GB", "DE", "FR", "ES", "IN", "AU", "IT", "NL", "CH", "AT", "IE", "BE", "SE", "BR", "ZA")


def find_cards(text: str) -> Iterator[Span]:
    """Yield spans of payment card numbers: 13 to 19 digits of a known brand that pass the Luhn check."""
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found.group())
        if (
            _BRANDS.match(digits)
            and _passes_luhn(digits)
            and not _follows(_IDENTIFIER_LABEL, text, found.start())
        ):
            yield found.span()


def find_ibans(text: str) -> Iterator[Span]:
    """Yield spans of IBANs: a country's length and modulo 97 (ISO 13616), blanks or dashes between groups allowed."""
    for found in _IBAN_START.finditer(text):
        length = _IBAN_LENGTH.get(found.group()[:2].upper())
        end = _take(text, found.start(), length) if length else None
        if end is not None and _passes_mod97(text[found.start() : end]):
            yield found.start(), end


def find_phones(text: str) -> Iterator[Span]:
    """Yield spans of phone numbers.

    International numbers must be possible ones; national ones need a telephone's shape, or a word such as
    "call me" before them, and must be valid in one of a few countries. Dates, amounts and numbers that a word such
    as "order" introduces are left alone.
    """
    for found in _PHONE.finditer(text):
        start, end = found.span()
        start += len(found.group()) - len(found.group().lstrip())
        if _is_phone(text, start, end):
            yield start, end


def _is_phone(text: str, start: int, end: int) -> bool:
    word = text[start:end]
    digits = re.sub(r"\D", "", word)
    if not 7 <= len(digits) <= 15 or _DATE.match(word) or _MONEY_AFTER.match(text, end):
        return False
    if word.startswith("+") or (word.startswith("00") and len(digits) >= 10):
        return len(digits) >= 8 and _is_possible("+" + digits.removeprefix("00"))
    if _follows(_IDENTIFIER_LABEL, text, start):
        return False
    if _follows(_PHONE_LABEL, text, start):
        return True
    if _US_SHAPE.match(word):
        return True
    if _LOCAL_SHAPE.match(word) or (word == digits and word[0] == "0" and len(word) in (10, 11)):
        return any(_is_valid(word, region) for region in _REGIONS)
    return False


def _is_possible(number: str) -> bool:
    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(number)))
    except phonenumbers.NumberParseException:
        return False


def _is_valid(number: str, region: str) -> bool:
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, region)))
    except phonenumbers.NumberParseException:
        return False


def _follows(label: re.Pattern[str], text: str, start: int) -> bool:
    return label.search(text[max(0, start - 40) : start]) is not None


def _passes_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _take(text: str, start: int, length: int) -> int | None:
    """Find where `length` letters and digits end that stand in one run or in groups; `None` where they run out."""
    taken = 0
    for at in range(start, min(len(text), start + 2 * length)):
        character = text[at]
        if character.isascii() and character.isalnum():
            taken += 1
            if taken == length:
                follows = text[at + 1 : at + 2]
                return None if follows.isalnum() else at + 1
        elif character not in " -\u00a0":
            return None
    return None


def _passes_mod97(word: str) -> bool:
    letters = re.sub(r"[^A-Za-z0-9]", "", word).upper()
    return int("".join(str(int(character, 36)) for character in letters[4:] + letters[:4])) % 97 == 1
