"""National numbers of persons in ten states of the EU, by the check that each state prescribes."""

from collections.abc import Sequence
from datetime import date

from gateway.classification.detectors.personal.cards import luhn

_LETTERS_ES = "TRWAGMYFPDXBNJZSQVHLCKE"
_MARKS_FI = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_CENTURIES_FI = {
    "+": 1800,
    **dict.fromkeys("-YXWVU", 1900),
    **dict.fromkeys("ABCDEF", 2000),
}
_ODD_IT = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)
_OMOCODES_IT = str.maketrans("LMNPQRSTUV", "0123456789")
_DIGIT_PLACES_IT = (6, 7, 9, 10, 12, 13, 14)
_MONTHS_IT = "ABCDEHLMPRST"
_WEIGHTS_PL = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
_CENTURIES_PL = (1900, 2000, 2100, 2200, 1800)
_FIRST_PT = frozenset("123")
_COORDINATION_DAYS_SE = 60
_WOMEN_DAYS_IT = 40
# WHY: beside the months, what offices wrote who knew none.
_MONTHS_FR = frozenset((*range(1, 13), *range(20, 43), *range(50, 100)))
_CHECKS_PT = {10: 0, 11: 0}
_KINDS_DE = frozenset({8, 9})
_MONTHS = 12
_DAYS_MAX = 31


def is_german(text: str) -> bool:
    """Steuerliche Identifikationsnummer: one digit repeats in ten, then ISO 7064 mod 11,10."""
    digits = _digits(text)
    # WHY: in ten digits of which one repeats there are eight or nine kinds.
    if len(set(digits[:10])) not in _KINDS_DE:
        return False
    counts = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    if counts[-1] not in {2, 3} or counts[-2:-1] != [1] or digits[0] == "0":
        return False
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def is_dutch(text: str) -> bool:
    """Burgerservicenummer: eight or nine digits, the test of eleven."""
    digits = _digits(text).zfill(9)
    weighted = _weighed(digits[:8], range(9, 1, -1)) - int(digits[8])
    return weighted % 11 == 0 and len(set(digits)) > 1


def is_french(text: str) -> bool:
    """Numéro de sécurité sociale (NIR) with its key: mod 97; Corsica counts as 19 and 18."""
    number = text.replace(" ", "").replace(".", "").replace("-", "").upper()
    month = int(number[3:5])
    if month not in _MONTHS_FR:
        return False
    counted = number[:13].replace("2A", "19").replace("2B", "18")
    return counted.isdigit() and 97 - int(counted) % 97 == int(number[13:])


def is_spanish(text: str) -> bool:
    """DNI or NIE: the last letter is the number modulo 23; X, Y and Z stand for 0, 1 and 2."""
    number = text.replace("-", "").replace(" ", "").replace(".", "").upper()
    counted = number[:-1].translate(str.maketrans("XYZ", "012"))
    return _LETTERS_ES[int(counted) % 23] == number[-1] and len(set(counted)) > 1


def is_swedish(text: str) -> bool:
    """Personnummer or samordningsnummer: a date, and Luhn over ten digits."""
    digits = _digits(text)[-10:]
    day = int(digits[4:6])
    day -= _COORDINATION_DAYS_SE if day > _COORDINATION_DAYS_SE else 0
    return _is_day(_any_century(int(digits[:2])), int(digits[2:4]), day) and luhn(digits)


def is_polish(text: str) -> bool:
    """PESEL: a date whose month tells the century, and a weighted sum."""
    digits = _digits(text)
    century, month = divmod(int(digits[2:4]), 20)
    year = _CENTURIES_PL[century] + int(digits[:2])
    check = -_weighed(digits[:10], _WEIGHTS_PL) % 10
    return _is_day(year, month, int(digits[4:6])) and check == int(digits[10])


def is_italian(text: str) -> bool:
    """Codice fiscale: a birth date in letters and digits, and a check letter."""
    code = text.replace(" ", "").upper()
    plain = "".join(
        one.translate(_OMOCODES_IT) if place in _DIGIT_PLACES_IT else one
        for place, one in enumerate(code)
    )
    day = int(plain[9:11])
    day -= _WOMEN_DAYS_IT if day > _WOMEN_DAYS_IT else 0
    month = _MONTHS_IT.find(plain[8]) + 1
    if not _is_day(_any_century(int(plain[6:8])), month, day):
        return False
    values = [int(one) if one.isdigit() else ord(one) - ord("A") for one in code[:15]]
    total = sum(_ODD_IT[value] for value in values[::2]) + sum(values[1::2])
    return ord("A") + total % 26 == ord(code[15])


def is_belgian(text: str) -> bool:
    """Rijksregisternummer: a date, and mod 97; from 2000 on a 2 stands in front of the number."""
    digits = _digits(text)
    if not _is_belgian_day(digits):
        return False
    check = int(digits[9:])
    return check in {97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97}


def is_portuguese(text: str) -> bool:
    """NIF of a person: nine digits that begin with 1, 2 or 3 (or 45), weighted mod 11."""
    digits = _digits(text)
    if digits[0] not in _FIRST_PT and digits[:2] != "45":
        return False
    check = 11 - _weighed(digits[:8], range(9, 1, -1)) % 11
    return _CHECKS_PT.get(check, check) == int(digits[8])


def is_finnish(text: str) -> bool:
    """Henkilötunnus: a date, a sign for its century, and a mark modulo 31."""
    code = text.upper()
    year = _CENTURIES_FI[code[6]] + int(code[4:6])
    if not _is_day(year, int(code[2:4]), int(code[:2])):
        return False
    return _MARKS_FI[int(code[:6] + code[7:10]) % 31] == code[10]


def _digits(text: str) -> str:
    return text if text.isdigit() else "".join(filter(str.isdigit, text))


def _weighed(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def _any_century(year: int) -> int:
    """Return a year of which nobody knows the century; of `00` the one that was a leap year."""
    return 2000 + year


def _is_belgian_day(digits: str) -> bool:
    """Is it a birthday, or one of which month or day are unknown (00)?"""
    month, day = int(digits[2:4]), int(digits[4:6])
    month %= 20
    if month == 0 or day == 0:
        return month <= _MONTHS and day <= _DAYS_MAX
    return _is_day(_any_century(int(digits[:2])), month, day)


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
