"""Personal numbers as card companies, banks and states form them; checks by another library."""

from datetime import date, timedelta
from itertools import pairwise

from stdnum import iban, luhn
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.pl import pesel
from stdnum.pt import nif

from tests.corpus.sample import BARE, Maker, around, digits, letters, said
from tests.doubles.dice import Dice


def _born(chance: Dice) -> date:
    return date(1935, 1, 1) + timedelta(days=chance.randrange(29_000))


def _first(make: Maker, valid: object) -> Maker:
    """Return what draws until the other library calls it valid."""

    def drawn(chance: Dice) -> str:
        while True:
            one = make(chance)
            if valid(one):  # type: ignore[operator]
                return one

    return drawn


def card(chance: Dice) -> str:
    prefix, length = chance.choice(
        [("4", 16), ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15),
         ("37", 15), ("6011", 16), ("65", 16), ("36", 14), ("3528", 16), ("3589", 16), ("62", 16)]
    )  # fmt: skip
    body = prefix + digits(chance, length - len(prefix) - 1)
    number = body + luhn.calc_check_digit(body)
    if length == 15:
        grouped = f"{number[:4]} {number[4:10]} {number[10:]}"
    else:
        grouped = " ".join(number[at : at + 4] for at in range(0, length, 4))
    if length == 14:
        grouped = f"{number[:4]} {number[4:10]} {number[10:]}"
    return chance.choice([number, grouped, grouped.replace(" ", "-")])


_BANKS = {
    "DE": lambda c: digits(c, 18),
    "AT": lambda c: digits(c, 16),
    "FR": lambda c: digits(c, 10) + letters(c, 1) + digits(c, 12),
    "NL": lambda c: letters(c, 4) + digits(c, 10),
    "BE": lambda c: digits(c, 12),
    "ES": lambda c: digits(c, 20),
    "IT": lambda c: letters(c, 1) + digits(c, 22),
    "PL": lambda c: digits(c, 24),
    "SE": lambda c: digits(c, 20),
    "FI": lambda c: digits(c, 14),
    "GB": lambda c: letters(c, 4) + digits(c, 14),
    "IE": lambda c: letters(c, 4) + digits(c, 14),
    "CH": lambda c: digits(c, 17),
    "LU": lambda c: digits(c, 16),
    "CZ": lambda c: digits(c, 20),
    "RO": lambda c: letters(c, 4) + digits(c, 16),
}


def account(chance: Dice) -> str:
    country = chance.choice(sorted(_BANKS))
    body = _BANKS[country](chance)
    number = f"{country}{iban.calc_check_digits(f'{country}00{body}')}{body}"
    spaced = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    return chance.choice([number, spaced, spaced, number.lower()])


def german(chance: Dice) -> str:
    ten = chance.sample("0123456789", 9)
    ten.insert(chance.randrange(1, 10), chance.choice(ten))
    if ten[0] == "0":
        ten[0], ten[1] = ten[1], ten[0]
    product = 10
    for one in ten:
        product = ((int(one) + product) % 10 or 10) * 2 % 11
    number = "".join(ten) + str((11 - product) % 10)
    spaced = f"{number[:2]} {number[2:5]} {number[5:8]} {number[8:]}"
    return number if ten[0] != "0" and chance.random() < 0.5 else spaced


def dutch(chance: Dice) -> str:
    while True:
        eight = digits(chance, 8)
        check = sum(int(one) * weight for one, weight in zip(eight, range(9, 1, -1), strict=True))
        if check % 11 < 10 and eight[0] != "0":
            return eight + str(check % 11)


def french(chance: Dice) -> str:
    born = _born(chance)
    department = chance.choice(["75", "13", "69", "33", "2A", "2B", "59", "99"])
    body = f"{chance.choice('12')}{born:%y%m}{department}{digits(chance, 6)}"
    number = body + nir.calc_check_digits(body)
    parts = (0, 1, 3, 5, 7, 10, 13, 15)
    spaced = " ".join(number[a:b] for a, b in pairwise(parts))
    return chance.choice([number, spaced])


def spanish(chance: Dice) -> str:
    if chance.random() < 0.4:
        body = chance.choice("XYZ") + digits(chance, 7)
        check = nie.calc_check_digit(body)
        return chance.choice([body + check, f"{body}-{check}", f"{body[0]}-{body[1:]}-{check}"])
    body = chance.choice("123456789") + digits(chance, 7)
    check = dni.calc_check_digit(body)
    dotted = f"{body[:2]}.{body[2:5]}.{body[5:]}"
    return chance.choice([body + check, f"{body}-{check}", f"{dotted}-{check}"])


def swedish(chance: Dice) -> str:
    nine = f"{_born(chance):%y%m%d}{digits(chance, 3)}"
    return f"{chance.choice(['', '19'])}{nine[:6]}-{nine[6:]}{luhn.calc_check_digit(nine)}"


def swedish_plain(chance: Dice) -> str:
    return swedish(chance).replace("-", "")


def polish(chance: Dice) -> str:
    born = _born(chance)
    month = born.month + (20 if born.year >= 2000 else 0)
    body = f"{born:%y}{month:02}{born:%d}{digits(chance, 4)}"
    return body + pesel.calc_check_digit(body)


def italian(chance: Dice) -> str:
    born = _born(chance)
    day = born.day + chance.choice([0, 40])
    body = (
        f"{letters(chance, 6)}{born:%y}{'ABCDEHLMPRST'[born.month - 1]}{day:02}"
        f"{chance.choice('ABCDEFGHIL')}{digits(chance, 3)}"
    )
    code = body + codicefiscale.calc_check_digit(body)
    return chance.choice([code, code, f"{code[:3]} {code[3:6]} {code[6:11]} {code[11:]}"])


def belgian(chance: Dice) -> str:
    born = _born(chance)
    nine = f"{born:%y%m%d}{chance.randrange(1, 998):03}"
    counted = int(f"2{nine}") if born.year >= 2000 else int(nine)
    number = f"{nine}{97 - counted % 97:02}"
    dotted = f"{number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]}"
    return chance.choice([number, dotted, dotted])


def portuguese(chance: Dice) -> str:
    body = chance.choice("123") + digits(chance, 7)
    number = body + nif.calc_check_digit(body)
    return chance.choice([number, f"{number[:3]} {number[3:6]} {number[6:]}"])


def finnish(chance: Dice) -> str:
    born = _born(chance)
    individual = f"{chance.randrange(2, 900):03}"
    sign = "A" if born.year >= 2000 else "-"
    mark = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(f"{born:%d%m%y}{individual}") % 31]
    return f"{born:%d%m%y}{sign}{individual}{mark}"


CARD = said("Karte: {}", "card no. {} exp 04/29", "{}", "pan={}", "Visa {}, CVV 123", "a;{};b")
IBAN = said("IBAN: {}", "Bitte auf {} überweisen.", "{}", "account {}", '{"iban": "{}"}', "a;{};b")
TAX_DE = said("Steuer-ID: {}", "IdNr. {}", "{}", "Steueridentifikationsnummer {}", "a;{};b")
BSN = said("BSN: {}", "burgerservicenummer {}", "mijn BSN is {}.", '{"bsn": "{}"}', "bsn={}")
PESEL = said("PESEL: {}", "pesel {}", "nr PESEL {}", '{"pesel": "{}"}', "PESEL={}")
NIF = said("NIF: {}", "NIF {}", "contribuinte n.º {}", '{"nif": "{}"}', "N.I.F. {}")
PNR = said("personnummer: {}", "personnr {}", "Personnummer {}", '{"personnummer": "{}"}')

POSITIVE: dict[str, Maker] = {
    "payment card": lambda c: CARD(c, card(c)),
    "IBAN": lambda c: IBAN(c, account(c)),
    "Steuer-ID (DE)": lambda c: TAX_DE(c, german(c)),
    "BSN (NL)": lambda c: BSN(c, dutch(c)),
    "NIR (FR)": lambda c: BARE(c, french(c)),
    "DNI and NIE (ES)": lambda c: BARE(c, spanish(c)),
    "personnummer (SE)": lambda c: BARE(c, swedish(c)),
    "personnummer without a dash (SE)": lambda c: PNR(c, swedish_plain(c)),
    "PESEL (PL)": lambda c: PESEL(c, polish(c)),
    "codice fiscale (IT)": lambda c: BARE(c, italian(c)),
    "national number (BE)": lambda c: BARE(c, belgian(c)),
    "NIF (PT)": lambda c: NIF(c, portuguese(c)),
    "henkilötunnus (FI)": lambda c: BARE(c, finnish(c)),
}


def _off_by_one(make: Maker) -> Maker:
    """Return what draws a number of that form, with another last digit."""

    def drawn(chance: Dice) -> str:
        number = make(chance)
        at = max(place for place, one in enumerate(number) if one.isdigit())
        wrong = str((int(number[at]) + chance.randrange(1, 10)) % 10)
        return number[:at] + wrong + number[at + 1 :]

    return drawn


def _time(chance: Dice, places: int) -> str:
    return str(chance.randrange(1_600, 1_800) * 10**places + chance.randrange(10**places))


def _uuid(chance: Dice) -> str:
    return "-".join(f"{chance.getrandbits(4 * n):0{n}x}" for n in (8, 4, 4, 4, 12))


NEGATIVE: dict[str, Maker] = {
    "a card with a wrong digit": lambda c: CARD(c, _off_by_one(card)(c)),
    "an IBAN with a wrong digit": lambda c: IBAN(c, _off_by_one(account)(c)),
    "a card for tests": lambda c: CARD(
        c, c.choice(["4242424242424242", "4111 1111 1111 1111", "5555555555554444"])
    ),
    "a time in microseconds": lambda c: BARE(c, _time(c, 12)),
    "a time in milliseconds": lambda c: BARE(c, _time(c, 9)),
    "a time in seconds": lambda c: BARE(c, _time(c, 6)),
    "a UUID": lambda c: BARE(c, _uuid(c)),
    "a fraction": lambda c: BARE(c, f"{c.random():.16f}"),
    "a hash": lambda c: BARE(c, f"{c.getrandbits(160):040x}"),
    "a number of an order": lambda c: around(c, f"order {digits(c, 9)} of invoice {digits(c, 8)}"),
    "a date and a number": lambda c: BARE(c, f"2026-{c.randrange(1, 13):02}-11 {digits(c, 6)}"),
    "a telephone number": lambda c: around(c, f"Tel. +49 30 {digits(c, 7)}"),
    "a version": lambda c: BARE(c, f"{digits(c, 2)}.{digits(c, 3)}.{digits(c, 4)}-rc1"),
    "a part": lambda c: BARE(c, f"{letters(c, 2)}{digits(c, 4)}{letters(c, 3)}{digits(c, 6)}"),
}  # fmt: skip
