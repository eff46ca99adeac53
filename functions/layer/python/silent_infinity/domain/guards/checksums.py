"""Check digits of numbers that people are known by. A number whose digits do not fit is just a number.

Sources: ISO/IEC 7812-1 (cards, Luhn), ISO 13616 and ISO/IEC 7064 mod 97-10 (IBAN), ISO/IEC 7064 mod 11,10
(the German tax number), and the published rules of each issuing office for the rest.
"""

from hashlib import sha256
from typing import Final

_VERHOEFF_TIMES: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_VERHOEFF_SHUFFLE: Final = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_TFN_WEIGHTS: Final = (1, 4, 3, 7, 5, 8, 6, 9, 10)
_IBAN_LENGTHS: Final = {
    **{"AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21, "CY": 28, "CZ": 24, "DE": 22},
    **{"DK": 18, "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22},
    **{"IL": 23, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18},
    **{"NO": 15, "PK": 24, "PL": 28, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19},
    **{"SK": 24, "SM": 27, "TR": 26, "UA": 29},
}


def luhn(digits: str) -> bool:
    """Whether the last of `digits` is the check digit of cards, device numbers and the Canadian SIN."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban(text: str) -> bool:
    """Whether `text`, without spaces and in capitals, has the length of its country and the right digits."""
    if len(text) != _IBAN_LENGTHS.get(text[:2], len(text) if 15 <= len(text) <= 34 else 0):
        return False
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def verhoeff(digits: str) -> bool:
    """Whether the last of `digits` is the check digit of the Indian Aadhaar (Verhoeff 1969)."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = _VERHOEFF_SHUFFLE[value]
        check = _VERHOEFF_TIMES[check][value]
    return check == 0


def dni(text: str) -> bool:
    """Whether the letter of a Spanish DNI, or of a NIE beginning with X, Y or Z, fits."""
    number = text[:-1]
    if number[0] in "XYZ":
        number = str("XYZ".index(number[0])) + number[1:]
    return _DNI_LETTERS[int(number) % 23] == text[-1]


def insee(text: str) -> bool:
    """Whether the key of a French social-security number (15 characters, Corsica as 2A or 2B) fits."""
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return text[0] in "12" and number.isdigit() and 97 - int(number) % 97 == int(text[13:])


def steuer_id(digits: str) -> bool:
    """Whether the last of the 11 digits of a German tax number fits, one digit of the rest coming back."""
    body = digits[:10]
    if digits[0] == "0" or len(set(body)) not in (8, 9):
        return False
    product = 10
    for digit in body:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return (11 - product) % 10 == int(digits[10])


def cpf(digits: str) -> bool:
    """Whether both check digits of a Brazilian CPF (11 digits) fit."""
    if len(set(digits)) == 1:
        return False
    for length in (9, 10):
        total = sum(int(digit) * (length + 1 - place) for place, digit in enumerate(digits[:length]))
        if total * 10 % 11 % 10 != int(digits[length]):
            return False
    return True


def tfn(digits: str) -> bool:
    """Whether the weighted sum of an Australian tax file number (9 digits) is divisible by 11."""
    return sum(int(digit) * weight for digit, weight in zip(digits, _TFN_WEIGHTS, strict=True)) % 11 == 0


def ssn(digits: str) -> bool:
    """Whether the 9 digits may be a US social-security number: no group of noughts, no reserved area."""
    return (
        digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"
    )


def base58check(text: str) -> bool:
    """Whether `text` is an address of the older Bitcoin forms."""
    number = 0
    for character in text:
        number = number * 58 + _BASE58.index(character)
    raw = number.to_bytes(26, "big")[-25:] if number < 1 << 200 else b""
    return bool(raw) and sha256(sha256(raw[:21]).digest()).digest()[:4] == raw[21:]
