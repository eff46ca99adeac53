"""Personal data in a text: where it stands, of what type it is, and the text without it.

Numbers are told apart by what holds of them, check digits first; only what has none leans on a word before
it. Numbers and addresses of help lines are never personal data. Every pattern is bounded and free of nested
repetition, so the time taken grows with the length of the text and nothing else.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from silent_infinity import data
from silent_infinity.domain.guards import checksums

_BEFORE: Final = 40
"""How many characters before a number are searched for a word that says what it is."""


@dataclass(frozen=True, slots=True)
class Span:
    """Personal data from `start` up to `end` (characters of the text as it was given)."""

    start: int
    end: int
    type: str
    rule_id: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without personal data, and the rules that took something out, each once, in order."""

    text: str
    rule_ids: tuple[str, ...]


NOTES: Final = {
    "EMAIL": "(an e-mail address, left out)",
    "IBAN": "(an account number, left out)",
    "BANK_ACCOUNT": "(an account number, left out)",
    "ADDRESS": "(an address, left out)",
    "NAME": "(a name, left out)",
    "DATE_OF_BIRTH": "(a date, left out)",
    "USERNAME": "(a user name, left out)",
    "URL": "(a link, left out)",
    "IP_ADDRESS": "(a network address, left out)",
    "MAC_ADDRESS": "(a network address, left out)",
    "CRYPTO_ADDRESS": "(an account number, left out)",
}
OTHER_NOTE: Final = "(a number, left out)"

MENTIONED: Final = "mentioned_name"
"""The rule for names without a cue, which are often those of public people."""

Found = Iterator[tuple[int, int, str]]
"""Start, end and type."""


def find(text: str, allowed: Iterable[str] = ()) -> tuple[Span, ...]:
    """Return the personal data in `text`, in order, never overlapping.

    `allowed` are contacts that are no one's own, such as the help lines of a reply; those of the help-line
    data are known anyway.
    """
    public = _public(tuple(allowed))
    taken: list[Span] = []
    for rule_id, finder in _FINDERS:
        for start, end, kind in finder(text):
            value = text[start:end]
            if any(start < span.end and span.start < end for span in taken) or public.holds(value):
                continue
            taken.append(Span(start, end, kind, f"personal_data.{rule_id}"))
    return tuple(sorted(taken, key=lambda span: span.start))


def redact(
    text: str, allowed: Iterable[str] = (), keep: Callable[[Span, str], bool] | None = None
) -> Redacted:
    """Return `text` with a note in place of all personal data but that which `keep` (a span and its text)
    wants kept.
    """
    return without(text, find(text, allowed), keep)


def without(text: str, spans: Iterable[Span], keep: Callable[[Span, str], bool] | None = None) -> Redacted:
    """Return `text` with a note in place of each of `spans`, which are in order and do not overlap."""
    pieces: list[str] = []
    rule_ids: dict[str, None] = {}
    done = 0
    for span in spans:
        if span.start < done or (keep is not None and keep(span, text[span.start : span.end])):
            continue
        pieces += [text[done : span.start], NOTES.get(span.type, OTHER_NOTE)]
        rule_ids[span.rule_id] = None
        done = span.end
    return Redacted("".join([*pieces, text[done:]]), tuple(rule_ids))


def is_public(value: str, allowed: Iterable[str] = ()) -> bool:
    """Whether `value` is how to reach a help line, or one of the contacts that are `allowed`."""
    return _public(tuple(allowed)).holds(value)


# --- what is public ---


_LETTER: Final = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class _Public:
    digits: frozenset[str]
    addresses: frozenset[str]

    def holds(self, value: str) -> bool:
        if not _LETTER.search(value):
            number = re.sub(r"\D", "", value)
            if number in self.digits or (len(number) == 11 and number.removeprefix("1") in self.digits):
                return True
        address = _bare(value)
        return address in self.addresses or address.split("/")[0] in self.addresses


@cache
def _public(allowed: tuple[str, ...]) -> _Public:
    guards = data.load("guards.json")
    contacts = (*_contacts(data.load("help_lines.json")), *guards["allowed_contacts"], *allowed)
    digits: set[str] = set()
    addresses: set[str] = set(guards["allowed_hosts"])
    for contact in contacts:
        for number in re.findall(r"\+?\d(?:[ ().\u2010-\u2015/-]{0,2}\d){1,22}", contact):
            digits.add(re.sub(r"\D", "", number))
        addresses |= {_bare(word) for word in contact.split() if "@" in word or "." in word}
    return _Public(frozenset(digits), frozenset(addresses))


def _contacts(value: Any) -> Iterator[str]:
    """Yield whatever the help-line data gives people to call, write to or open, however it is laid out."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key in ("at", "web", "contact", "numbers", "url") and isinstance(part, str):
                yield part
            elif key == "numbers" and isinstance(part, list):
                yield from (str(number) for number in part)
            else:
                yield from _contacts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _contacts(part)


def _bare(address: str) -> str:
    plain = re.sub(r"^[a-z]{2,6}://", "", address.strip(".,;:()<>[] ").lower())
    return plain.removeprefix("www.").rstrip("/")


# --- addresses on the net ---

_EMAIL: Final = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.%+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}"
    r"|"
    r"(?<![\w.+-])[A-Za-z0-9][\w.%+-]{0,40} ?[(\[{] ?at ?[)\]}] ?[A-Za-z0-9-]{1,40}"
    r" ?[(\[{.] ?(?:dot ?[)\]}] ?)?[A-Za-z]{2,12}"
)
_URL: Final = re.compile(
    r"\b(?:https?|ftp)://[^\s<>\"')\]]{3,500}|\bwww\.[^\s<>\"')\]]{3,500}"
    r"|(?<![@\w.-])(?:facebook|instagram|linkedin|twitter|x|tiktok|github|gitlab|youtube|reddit|medium|t|wa|"
    r"fb|snapchat"
    r"|pinterest|tumblr|soundcloud|onlyfans|paypal|linktr)\.(?:com|me|ee|org|tv|co)/[^\s<>\"')\]]{2,300}",
    re.IGNORECASE,
)
_IPV4: Final = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6: Final = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?![\w:])")
_MAC: Final = re.compile(
    r"(?<![\w:-])(?:[0-9A-Fa-f]{2}([:-]))(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:-])"
)
_HANDLE: Final = re.compile(
    r"(?<![\w.@/])@(?=[\w.]{0,29}[A-Za-z])\w[\w.]{1,28}\w\b|(?<![\w/])/?u/[\w-]{3,20}\b"
)
_TAGGED: Final = re.compile(r"(?<![\w#])[A-Za-z][\w.]{1,31}#\d{4}(?!\d)")
_USERNAME_CUED: Final = re.compile(
    r"\b(?:(?:user ?name|user ?id|handle|gamer ?tag|screen ?name|nickname|login|insta(?:gram)?|"
    r"snap(?:chat)?|discord|telegram"
    r"|twitter|tiktok|reddit|skype|usuario|benutzername|nom d['’]utilisateur|pseudo|usuário)(?: ?name| id|"
    r" handle| account)?)"
    r"(?: ?[:=] ?| (?:is|es|est|ist|é|hai) (?:now )?|"
    r" @)[\"'@]?(?P<value>(?=[\w.-]{0,30}[A-Za-z])[\w][\w.-]{2,30}\w)",
    re.IGNORECASE,
)
_PLAIN_WORDS: Final = frozenset(
    [
        "about",
        "account",
        "also",
        "based",
        "been",
        "blocked",
        "broken",
        "called",
        "deleted",
        "down",
        "from",
        "full",
        "gone",
        "hacked",
        "have",
        "here",
        "just",
        "locked",
        "name",
        "not",
        "page",
        "password",
        "private",
        "public",
        "really",
        "taken",
        "that",
        "the",
        "this",
        "very",
        "what",
        "with",
        "your",
    ]
)


def _emails(text: str) -> Found:
    if "@" in text or "at" in text:
        yield from ((m.start(), m.end(), "EMAIL") for m in _EMAIL.finditer(text))


def _urls(text: str) -> Found:
    for match in _URL.finditer(text):
        yield match.start(), match.start() + len(match.group().rstrip(".,;:!?")), "URL"


def _networks(text: str) -> Found:
    for match in _IPV4.finditer(text):
        if all(int(part) <= 255 for part in match.group().split(".")):
            yield match.start(), match.end(), "IP_ADDRESS"
    for match in _MAC.finditer(text):
        yield match.start(), match.end(), "MAC_ADDRESS"
    for match in _IPV6.finditer(text):
        value = match.group()
        if value.count(":") >= 5 or ("::" in value and value.count("::") == 1 and len(value) > 5):
            yield match.start(), match.end(), "IP_ADDRESS"


def _usernames(text: str) -> Found:
    for match in _USERNAME_CUED.finditer(text):
        value = match.group("value")
        if value.lower() not in _PLAIN_WORDS and (
            re.search(r"[\d_.-]", value)
            or ":" in match.group()
            or "@" in match.group()
            or " is " in match.group()
        ):
            yield match.start("value"), match.end("value"), "USERNAME"
    for pattern in (_HANDLE, _TAGGED):
        yield from ((m.start(), m.end(), "USERNAME") for m in pattern.finditer(text))


# --- numbers ---

_NUMBER: Final = re.compile(r"(?<![\w.,])\+?\(?\d(?:[ ().\u2010-\u2015/-]{0,2}\d){5,29}(?![\w]|[.,]\d)")
_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)?\d\d"
    r"|(?:19|20)\d\d ?[-\u2013/] ?(?:19|20)\d\d"
)
_LETTERED: Final = re.compile(r"(?<![\w])[A-Za-z0-9](?:[ .-]?[A-Za-z0-9]){7,33}(?![\w])")
_IBAN: Final = re.compile(r"(?<![\w])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![\w])")
_NINO: Final = re.compile(
    r"(?<![\w])(?!BG|GB|NK|KN|TN|NT|"
    r"ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?![\w])",
    re.IGNORECASE,
)
_PAN: Final = re.compile(r"(?<![\w])[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z](?![\w])")
_DNI: Final = re.compile(
    r"(?<![\w])(?:\d{2}\.?\d{3}\.?\d{3}|[XYZ][ -]?\d{7})[ -]?[A-Z](?![\w])", re.IGNORECASE
)
_INSEE: Final = re.compile(r"(?<![\w])[12](?: ?\d){4} ?(?:\d{2}|2[AB])(?: ?\d){6} ?\d{2}(?![\w])")
_CRYPTO: Final = re.compile(
    r"(?<![\w])(?:bc1[a-z0-9]{25,60}|[13][1-9A-HJ-NP-Za-km-z]{25,34}|0x[0-9a-fA-F]{40})(?![\w])"
)

_SAYS_PHONE: Final = re.compile(
    r"(?:phone|mobile|cell|tel(?:efon[eo]?|éfono|éphone|\.)?|call|text|ring|reach|whatsapp|sms|fax|handy|"
    r"nummer|móvil|celular"
    r"|portable|numéro|número|फोन|नंबर|number|contact|dial)\b[^\d]{0,30}$",
    re.IGNORECASE,
)
_SAYS_ACCOUNT: Final = re.compile(
    r"(?:account|acct|a/c|routing|sort code|konto|kontonummer|cuenta|compte|conta|खाता|iban|"
    r"bank)[^\d]{0,25}$",
    re.IGNORECASE,
)
_SAYS_CARD: Final = re.compile(
    r"(?:card|visa|master ?card|amex|credit|debit|karte|tarjeta|carte|cartão)[^\d]{0,25}$", re.IGNORECASE
)
_SAYS_CODE: Final = re.compile(r"(?:cvv2?|cvc|security code)[^\d]{0,15}$", re.IGNORECASE)
_SAYS_NATIONAL: Final = re.compile(
    r"(?:ssn|social security|social insurance|s\.?i\.?n\.?|national (?:insurance|id)|aadhaa?r|आधार|"
    r"tax (?:file|id)|tfn|steuer\S{0,30}"
    r"|cpf|nif|nie|dni|insee|sécu\S{0,20}|sécurité sociale|id (?:card|number|no)|identity|nhs|medicare|"
    r"ausweis\S{0,12})\b[^\d]{0,30}$",
    re.IGNORECASE,
)
_SAYS_IMEI: Final = re.compile(r"imei[^\d]{0,20}$", re.IGNORECASE)
_GROUPED_SSN: Final = re.compile(r"\d{3}-\d{2}-\d{4}")
_GROUPED_SIN: Final = re.compile(r"\d{3}([ -])\d{3}\1\d{3}")
_GROUPED_AADHAAR: Final = re.compile(r"\d{4}([ -])\d{4}\1\d{4}")
_GROUPED_CPF: Final = re.compile(r"\d{3}\.\d{3}\.\d{3}-\d{2}")
_GROUPED_STEUER: Final = re.compile(r"\d{2} \d{3} \d{3} \d{3}")
_US_PHONE: Final = re.compile(r"(?:\+?1[ .-]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])\d{3}[ .-]\d{4}")
_LEADING_NOUGHT: Final = re.compile(r"\(?0[1-9]\d{0,4}\)?(?:[ ./-]{0,2}\d{1,8}){1,6}")
_FRENCH_STYLE: Final = re.compile(r"0[1-9](?:[ .-]\d{2}){4}")
_INDIAN_MOBILE: Final = re.compile(r"[6-9]\d{4}[ -]?\d{5}")
_SPANISH_PHONE: Final = re.compile(r"[6-9]\d{2}([ -])\d{3}\1\d{3}|[6-9]\d{2}([ -])\d{2}\2\d{2}\2\d{2}")
_BRAZILIAN_PHONE: Final = re.compile(r"\(\d{2}\) ?9?\d{4}[ -]?\d{4}")
_CUED_VALUE: Final = (
    (
        "PASSPORT",
        re.compile(
            r"\b(?:passport|reisepass\w*|pasaporte|passeport|passaporte|पासपोर्ट)(?: ?(?:number|no\.?|nr\.?|"
            r"num\.?|nummer|número|#|is|es|ist))"
            r"{0,3}\s?[:#]?\s?(?P<value>(?=[A-Z]{0,3}[A-Z0-9]{0,5}\d)[A-Z0-9]{6,9})\b",
            re.IGNORECASE,
        ),
    ),
    (
        "DRIVER_LICENSE",
        re.compile(
            r"\b(?:driv(?:er'?s?|ing) ?licen[cs]e|licen[cs]e number|dl(?= ?(?:no|number|#|:))|"
            r"führerschein\w*|permiso de conducir"
            r"|carnet de conducir|permis de conduire|cnh)(?: ?(?:number|no\.?|nr\.?|num\.?|nummer|número|#|"
            r"is|es|ist)){0,3}\s?[:#]?\s?"
            r"(?P<value>(?=[A-Z0-9 -]{0,8}\d)[A-Z0-9][A-Z0-9-]{4,19})\b",
            re.IGNORECASE,
        ),
    ),
    (
        "VEHICLE_PLATE",
        re.compile(
            r"\b(?i:licen[cs]e plate|number ?plate|plate(?: number)?|registration(?: number| plate)?|"
            r"kennzeichen|matrícula|"
            r"plaque(?: d['’]immatriculation)?|immatriculation|placa)(?: (?:number|no\.?|is|was|ist|es|est|"
            r"é)){0,2}\s?[:#]?\s?"
            r"(?P<value>(?=[A-ZÄÖÜ0-9 -]{0,9}\d)[A-ZÄÖÜ0-9]{1,4}(?:[ -]?[A-Z0-9]{1,4}){1,3})\b"
        ),
    ),
    (
        "BANK_ACCOUNT",
        re.compile(
            r"\b(?:sort code|routing(?: number)?|swift(?: code)?|bic|ifsc(?: code)?|bsb)(?: is)?\s?[:#]?\s?"
            r"(?P<value>\d{2}[- ]\d{2}[- ]\d{2}|\d{3}-\d{3}|\d{9}|[A-Z]{4}0[A-Z0-9]{6}|"
            r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)\b",
            re.IGNORECASE,
        ),
    ),
)


def _cued_values(text: str) -> Found:
    for kind, pattern in _CUED_VALUE:
        for match in pattern.finditer(text):
            if any(character.isdigit() for character in match.group("value")) or kind == "BANK_ACCOUNT":
                yield match.start("value"), match.end("value"), kind


def _lettered(text: str) -> Found:
    for match in _IBAN.finditer(text):
        # A word after the number may look like its last group.
        value = match.group()
        for end in dict.fromkeys((len(value), value.rfind(" "))):
            if end > 14 and checksums.iban(re.sub(r"[ -]", "", value[:end])):
                yield match.start(), match.start() + end, "IBAN"
                break
    for pattern, fits in (
        (_NINO, None),
        (_PAN, None),
        (_DNI, checksums.dni),
        (_INSEE, checksums.insee),
    ):
        for match in pattern.finditer(text):
            if fits is None or fits(re.sub(r"[ .-]", "", match.group()).upper()):
                yield match.start(), match.end(), "NATIONAL_ID"
    for match in _CRYPTO.finditer(text):
        value = match.group()
        if value[0] not in "13" or checksums.base58check(value):
            yield match.start(), match.end(), "CRYPTO_ADDRESS"


def _numbers(text: str) -> Found:
    for match in _NUMBER.finditer(text):
        # A bracket that only opens belongs to the sentence.
        start = match.start() + (1 if match.group().startswith("(") and ")" not in match.group() else 0)
        value = text[start : match.end()]
        if _DATE.fullmatch(value.strip()):
            continue
        kind = _kind_of_number(value, text[max(0, start - _BEFORE) : start])
        if kind:
            yield start, match.end(), kind


def _kind_of_number(value: str, before: str) -> str:
    digits = re.sub(r"\D", "", value)
    size = len(digits)
    if size == 15 and _SAYS_IMEI.search(before):
        return "DEVICE_ID"
    if _is_national(value, digits, before):
        return "NATIONAL_ID"
    if not value.startswith("+"):
        if 13 <= size <= 19 and digits[0] in "23456" and checksums.luhn(digits):
            return "CREDIT_CARD"
        if 12 <= size <= 19 and _SAYS_CARD.search(before):
            return "CREDIT_CARD"
        if 6 <= size <= 18 and _SAYS_ACCOUNT.search(before):
            return "BANK_ACCOUNT"
    return "PHONE" if _is_phone(value, digits, before) else ""


def _is_national(value: str, digits: str, before: str) -> bool:
    size = len(digits)
    cued = bool(_SAYS_NATIONAL.search(before))
    if not cued and _SAYS_PHONE.search(before):
        return False
    if size == 9:
        grouped = bool(_GROUPED_SSN.fullmatch(value))
        return (
            ((grouped or cued) and checksums.ssn(digits))
            or (
                (bool(_GROUPED_SIN.fullmatch(value)) or cued)
                and digits[0] not in "08"
                and checksums.luhn(digits)
            )
            or (cued and checksums.tfn(digits))
        )
    if size == 11:
        return ((bool(_GROUPED_CPF.fullmatch(value)) or cued) and checksums.cpf(digits)) or (
            (bool(_GROUPED_STEUER.fullmatch(value)) or cued) and checksums.steuer_id(digits)
        )
    if size == 12:
        grouped = bool(_GROUPED_AADHAAR.fullmatch(value))
        return (grouped or cued) and digits[0] not in "01" and checksums.verhoeff(digits)
    return cued and 8 <= size <= 15


def _is_phone(value: str, digits: str, before: str) -> bool:
    size = len(digits)
    if value.startswith("+") or value.startswith("00"):
        return 8 <= size <= 16
    if _US_PHONE.fullmatch(value) or _BRAZILIAN_PHONE.fullmatch(value) or _FRENCH_STYLE.fullmatch(value):
        return True
    if 9 <= size <= 12 and _LEADING_NOUGHT.fullmatch(value):
        return True
    if _INDIAN_MOBILE.fullmatch(value) or _SPANISH_PHONE.fullmatch(value):
        return True
    return 7 <= size <= 15 and bool(_SAYS_PHONE.search(before))


def _card_codes(text: str) -> Found:
    for match in re.finditer(r"(?<![\d.,])\d{3,4}(?![\d.,]\d|\d)", text):
        if _SAYS_CODE.search(text[max(0, match.start() - _BEFORE) : match.start()]):
            yield match.start(), match.end(), "CREDIT_CARD"


# --- dates of birth ---

_MONTHS: Final = (
    "jan(?:uary|uar|ner)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni?|july?|juli?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    "|oct(?:ober)?|okt(?:ober)?|nov(?:ember)?|dec(?:ember)?|dez(?:ember)?|enero|febrero|marzo|abril|mayo|junio|julio|agosto|"
    "septiembre|octubre|noviembre|diciembre|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|"
    "janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro|जनवरी|फरवरी|मार्च|अप्रैल|मई|जून|जुलाई|अगस्त|"
    "सितंबर|अक्टूबर|नवंबर|दिसंबर"
)
_BORN: Final = re.compile(
    r"(?:\b(?:born(?: on)?|d\.?o\.?b\.?|date of birth|birth ?date|birthday|geboren(?: am)?|geburtsdatum|"
    r"nací(?: el)?|nacid[oa] el|"
    r"fecha de nacimiento|née?(?: le)?|date de naissance|nasci(?: em)?|nascid[oa] em|data de nascimento)|"
    r"जन्म(?: तिथि)?)"
    r"(?: is| was| ist| es| est| é|:|,){0,2}\s?(?:on |the |am |el |le |em |dia )?"
    rf"(?P<value>\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{2,4}}|\d{{4}}[./-]\d{{1,2}}[./-]\d{{1,2}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.|er)? (?:of |de )?(?:{_MONTHS})\.?,?(?: de| of)?(?: \d{{4}}| '?\d{{2}})?"
    rf"|(?:{_MONTHS})\.? \d{{1,2}}(?:st|nd|rd|th)?,?(?: \d{{4}}| '?\d{{2}})?)(?!\w)",
    re.IGNORECASE,
)


def _births(text: str) -> Found:
    yield from ((m.start("value"), m.end("value"), "DATE_OF_BIRTH") for m in _BORN.finditer(text))


# --- postal addresses ---

_PLACE: Final = r"[A-ZÀ-Þ][a-zß-ÿ'’-]{1,25}(?: [A-ZÀ-Þ][a-zß-ÿ'’-]{1,25}){0,2}"
_UNIT: Final = r"(?:,? (?i:apt|apartment|flat|unit|suite|ste|room|floor|fl|#)\.? ?#?\w{1,5})?"
_POSTCODE_UK: Final = r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"
_STREETS: Final = (
    r"(?i:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|way|terrace|close|"
    r"crescent|cres|square|sq|"
    r"highway|hwy|parkway|pkwy|circle|cir|trail|row|gardens|grove|mews|hill|walk|marg|nagar|colony|layout|"
    r"cross|main)"
)
_ADDRESSES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:(?:[Hh]ouse|[Ff]lat|[Pp]lot|[Dd]oor|"
        r"H\.?) ?(?:[Nn]o\.?)? ?#?(?=[\w/-]{0,8}\d)[\w/-]{1,10}),? (?:[\w. '-]{2,35},? ?){0,3}?"
        rf"(?:Nagar|Colony|Road|Street|Marg|Layout|Enclave|Vihar|Sector \d+|Block \w+|Puram|Bagh|Extension)\b"
        rf"(?:,? {_PLACE})?(?:,? ?[-–]? ?\d{{3}} ?\d{{3}}\b)?",
        rf"(?<![\w.])\d{{1,5}}[A-Za-z]?,? (?:[NSEW]\.? )?(?:[A-Z0-9][\w'’.-]{{0,20}} ){{1,4}}"
        rf"{_STREETS}\b\.?{_UNIT}"
        rf"(?:,? {_PLACE})?(?:,? [A-Z]{{2}}\b)?(?:,? \d{{5}}(?:-\d{{4}})?\b|,? {_POSTCODE_UK}\b)?",
        r"\b[Pp]\.? ?[Oo]\.? ?[Bb]ox \d{1,6}\b",
        rf"\b{_POSTCODE_UK}\b",
        r"\b[A-ZÄÖÜ][\wäöüß.-]{0,30}(?:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer|"
        r"ring) \d{1,4} ?[a-z]?\b"
        rf"(?:,? \d{{5}} {_PLACE})?",
        r"\b(?:Am|An der|Auf der|Im|In der|Zum|Zur|Unter den) [A-ZÄÖÜ][\wäöüß-]{2,25} \d{1,4} ?[a-z]?\b"
        rf"(?:,? \d{{5}} {_PLACE})?",
        r"(?<![\w.])\d{1,4}(?: (?:bis|ter))?,? (?:rue|avenue|av\.|boulevard|bd|place|chemin|impasse|allée|"
        r"quai|cours|route|square)"
        rf"(?: [\wÀ-ÿ'’-]{{1,25}}){{1,5}}?(?:,? \d{{5}} {_PLACE}|(?=[,.;!?\n]|$))",
        r"\b(?:[Cc]alle|C/|[Aa]venida|[Aa]vda\.?|[Aa]v\.|[Pp]laza|[Pp]aseo|[Cc]arrera|[Cc]amino|[Rr]ua|"
        r"[Tt]ravessa|[Aa]lameda|[Vv]ia) "
        rf"(?:[\wÀ-ÿ'’.-]{{1,25}} ){{0,4}}?[\wÀ-ÿ'’.-]{{1,25}},? (?:n[ºo°.]{{0,2}} ?|"
        rf"número )?\d{{1,4}}(?:[ºª°]?,? ?\d{{1,2}}[ºª°]? ?[A-Z]?\b)?"
        rf"(?:,? \d{{5}}(?:-\d{{3}})? {_PLACE})?",
        rf"\b{_PLACE} ?[-–] ?\d{{6}}\b",
    )
)


@cache
def _after_address_cue() -> re.Pattern[str]:
    cues = "|".join(data.load("personal_data.json")["address_cues"])
    return re.compile(rf"\b(?:{cues}) (?P<value>[^\n.;!?]{{4,100}})", re.IGNORECASE)


def _addresses(text: str) -> Found:
    for pattern in _ADDRESSES:
        for match in pattern.finditer(text):
            yield match.start(), match.start() + len(match.group().rstrip(" ,.")), "ADDRESS"
    # Without a house number it names a place, and people have to be able to speak of places.
    if not any(map(str.isdigit, text)):
        return
    for match in _after_address_cue().finditer(text):
        value = re.split(
            r" (?:and|but|because|with|since|if|und|aber|y|pero|et|mais|e|mas) ", match.group("value")
        )[0]
        value = value.rstrip(" ,")
        if (
            re.search(r"\d", value)
            and re.search(r"[A-Za-zÀ-ÿ]{3}", value)
            and not re.match(r"\d{1,2}(?::\d\d)? ?(?:am|pm|o)", value)
        ):
            yield match.start("value"), match.start("value") + len(value), "ADDRESS"


# --- names ---

_NAME_WORD: Final = r"[A-ZÀ-Þ][A-Za-zÀ-ÿ'’-]{0,24}\.?"
_PARTICLE: Final = r"(?:de|da|do|dos|van|von|der|den|la|del|di|bin|al|el|le|du) "
_NAME: Final = rf"{_NAME_WORD}(?: (?:{_PARTICLE}){{0,2}}{_NAME_WORD}){{0,3}}"


@dataclass(frozen=True)
class _NamePatterns:
    cued: re.Pattern[str]
    cued_lower: re.Pattern[str]
    honorific: re.Pattern[str]
    hindi: re.Pattern[str]
    full: re.Pattern[str]
    no_names: frozenset[str]
    given: frozenset[str]


@cache
def _name_patterns() -> _NamePatterns:
    raw = data.load("personal_data.json")
    cues, lower = ("|".join(raw[key]) for key in ("name_cues", "name_cues_lower"))
    titles = "|".join(re.escape(title) for title in raw["honorifics"].split())
    return _NamePatterns(
        cued=re.compile(rf"(?<![^\W_])(?i:{cues}) {{0,2}}\n?\"?(?P<value>{_NAME})"),
        cued_lower=re.compile(
            rf"(?<![^\W_])(?i:{lower}) (?P<value>[a-zà-ÿ]{{2,20}}(?: [a-zà-ÿ]{{3,20}})?)(?=[ ,.!?]|$)"
        ),
        honorific=re.compile(rf"(?<![^\W_])(?P<title>(?i:{titles}))\.? (?P<value>{_NAME})"),
        hindi=re.compile(
            r"(?:मेरा नाम|मेरी बहन का नाम|मेरे भाई का नाम|"
            r"नाम) (?P<value>[\u0900-\u0963\u0971-\u097f]{2,20}(?: [\u0900-\u0963\u0971-\u097f]{2,20}){0,2}?)"
            r"(?= है| हैं|[,.।]|$)"
        ),
        full=re.compile(
            rf"(?<![^\W_]){_NAME_WORD}(?: [A-Z]\.)?(?: (?:de|da|van|von|der|la|del|di|bin|"
            rf"al) ){{0,1}}(?: {_NAME_WORD}){{1,2}}"
        ),
        no_names=frozenset(raw["no_names"].split()),
        given=frozenset(raw["given_names"].split()),
    )


_SELF: Final = re.compile(r"(?:i'm|i am) (?!called|named)", re.IGNORECASE)
"""What more often begins a feeling than a name."""


def _names(text: str) -> Found:
    patterns = _name_patterns()
    for match in patterns.cued.finditer(text):
        value = _trimmed(match.group("value"), patterns.no_names)
        if _SELF.match(match.group()) and " " not in value and value.lower() not in patterns.given:
            continue
        if value:
            yield match.start("value"), match.start("value") + len(value), "NAME"
    for match in patterns.cued_lower.finditer(text):
        words = match.group("value").split()
        if words[0] in patterns.no_names:
            continue
        keep = 2 if len(words) > 1 and words[0] in patterns.given and words[1] not in patterns.no_names else 1
        yield match.start("value"), match.start("value") + len(" ".join(words[:keep])), "NAME"
    yield from ((m.start("value"), m.end("value"), "NAME") for m in patterns.hindi.finditer(text))


def _mentioned_names(text: str) -> Found:
    patterns = _name_patterns()
    for match in patterns.honorific.finditer(text):
        value = _trimmed(match.group("value"), patterns.no_names)
        if value:
            yield match.start("value"), match.start("value") + len(value), "NAME"
    for match in patterns.full.finditer(text):
        # Two capitalised words are a name only if the first is a given name.
        value = _trimmed(match.group(), patterns.no_names)
        if " " in value and value.split()[0].lower() in patterns.given:
            yield match.start(), match.start() + len(value), "NAME"


def _trimmed(value: str, no_names: frozenset[str]) -> str:
    """Return the words of `value` up to the first that is no name, without the sentence's full stop."""
    kept: list[str] = []
    for word in value.split(" "):
        if word.strip(".'’").lower() in no_names:
            break
        kept.append(word)
        if word.endswith(".") and len(word) > 3:
            break
    joined = " ".join(kept)
    joined = re.sub(r"['’]s$", "", joined)
    return joined.rstrip(".") if len(joined.split(" ")[-1]) > 2 else joined


_FINDERS: Final[tuple[tuple[str, Callable[[str], Found]], ...]] = (
    ("email", _emails),
    ("url", _urls),
    ("network", _networks),
    ("cued", _cued_values),
    ("document", _lettered),
    ("birth", _births),
    ("address", _addresses),
    ("number", _numbers),
    ("card_code", _card_codes),
    ("username", _usernames),
    ("name", _names),
    (MENTIONED, _mentioned_names),
)
"""What looks for personal data, in order: where two find the same, the first is right."""
