"""Our own checks of personal numbers, against another implementation and published examples."""

import re
from collections.abc import Callable

import pytest
from stdnum import iban as foreign_iban
from stdnum import luhn as foreign_luhn
from stdnum.be import nn
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.pt import nif
from stdnum.se import personnummer

from gateway.classification.detectors.personal.cards import TEST_NUMBERS, is_card, luhn
from gateway.classification.detectors.personal.checks import CHECKS
from gateway.classification.detectors.personal.iban import EXAMPLES, FORMS
from tests.doubles.compiled_detectors import hits_of
from tests.doubles.dice import Dice, dice

DRAWN = 2_000
Drawing = Callable[[Dice], str]


def _digits(chance: Dice, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def _birthday(chance: Dice) -> str:
    return f"{chance.randrange(100):02}{chance.randrange(14):02}{chance.randrange(33):02}"


def _repeating(chance: Dice) -> str:
    digits = chance.sample("0123456789", 9)
    digits.insert(chance.randrange(10), chance.choice(digits))
    return "".join(digits) + _digits(chance, 1)


def _corsican(chance: Dice) -> str:
    department = chance.choice(["2A", "2B", "13", "75", "97"])
    born = f"{_digits(chance, 2)}{chance.randrange(1, 13):02}"
    return f"{chance.choice('12')}{born}{department}{_digits(chance, 6)}"


def _with_key(drawn: str) -> str:
    counted = int(drawn.replace("2A", "19").replace("2B", "18"))
    return f"{drawn}{97 - counted % 97:02}"


def _french(chance: Dice) -> str:
    drawn = _corsican(chance)
    return _with_key(drawn) if chance.random() < 0.5 else drawn + _digits(chance, 2)


def _fiscal(chance: Dice) -> str:
    letters = "".join(chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(6))
    day = chance.choice([chance.randrange(1, 32), chance.randrange(41, 72)])
    place = f"{chance.choice('ABCDEFGHIL')}{_digits(chance, 3)}"
    born = f"{_digits(chance, 2)}{chance.choice('ABCDEHLMPRST')}{day:02}"
    return f"{letters}{born}{place}{chance.choice('ABCDEFGHIJKLMNOPQRSTUVWXYZ')}"


# For each check: the other implementation, and a drawing of which some are valid.
ORACLES: dict[str, tuple[Callable[[str], bool], Drawing]] = {
    "de_tax_id": (idnr.is_valid, _repeating),
    "nl_bsn": (bsn.is_valid, lambda c: _digits(c, 9)),
    "es_dni": (
        lambda text: dni.is_valid(text) or nie.is_valid(text),
        lambda c: (
            f"{c.choice('01234567XYZ')}{_digits(c, 7)}{c.choice('TRWAGMYFPDXBNJZSQVHLCKE')}"
        ),
    ),
    "fr_nir": (nir.is_valid, _french),
    "it_codice_fiscale": (codicefiscale.is_valid, _fiscal),
    "pl_pesel": (pesel.is_valid, lambda c: _birthday(c) + _digits(c, 5)),
    "fi_hetu": (
        hetu.is_valid,
        lambda c: (
            f"{c.randrange(1, 32):02}{c.randrange(1, 14):02}{_digits(c, 2)}{c.choice('+-A')}"
            f"{c.randrange(2, 900):03}{c.choice('0123456789ABCDEFHJKLMNPRSTUVWXY')}"
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ORACLES)
def test_a_check_says_what_another_implementation_says(name: str) -> None:
    foreign, draw = ORACLES[name]
    chance = dice(name)
    drawn = [draw(chance) for _ in range(DRAWN)]
    differing = [one for one in drawn if CHECKS[name](one) != foreign(one)]
    assert differing == []
    assert sum(map(foreign, drawn)) > DRAWN / 100


def test_what_another_implementation_takes_for_a_person_is_one_here_too() -> None:
    chance = dice("persons")
    for _ in range(DRAWN):
        drawn = _birthday(chance) + _digits(chance, 5)
        if nn.is_valid(drawn):
            assert CHECKS["be_national_number"](drawn)
        drawn = f"{_birthday(chance)}-{_digits(chance, 4)}"
        if personnummer.is_valid(drawn):
            assert CHECKS["se_personnummer"](drawn)
        drawn = f"{chance.choice('123')}{_digits(chance, 8)}"
        assert CHECKS["pt_nif"](drawn) == nif.is_valid(drawn)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("de_tax_id", "86095742719"),
        ("de_tax_id", "65929970489"),
        ("nl_bsn", "111222333"),
        ("nl_bsn", "123456782"),
        ("fr_nir", "255081416802538"),
        ("fr_nir", "2 55 08 14 168 025 38"),
        ("es_dni", "54362315K"),
        ("es_dni", "X5253868R"),
        ("se_personnummer", "811218-9876"),
        ("se_personnummer", "19811218-9876"),
        ("se_personnummer", "701063-2391"),
        ("pl_pesel", "44051401359"),
        ("it_codice_fiscale", "RSSMRA85T10A562S"),
        ("it_codice_fiscale", "MRTMTT91D08F205J"),
        ("be_national_number", "85.07.30-033.28"),
        ("be_national_number", "17073003384"),
        ("be_national_number", "40000095579"),
        ("pt_nif", "287024008"),
        ("fi_hetu", "131052-308T"),
        ("fi_hetu", "010594Y9032"),
    ],
)
def test_published_examples_hold_and_a_changed_digit_does_not(name: str, text: str) -> None:
    assert CHECKS[name](text)
    at = max(place for place, one in enumerate(text) if one.isdigit())
    wrong = [f"{text[:at]}{digit}{text[at + 1 :]}" for digit in "0123456789" if digit != text[at]]
    assert not any(CHECKS[name](one) for one in wrong)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pl_pesel", "44991401359"),
        ("fi_hetu", "311352-308T"),
        ("pl_pesel", "44041401359"),
        ("se_personnummer", "811318-9876"),
        ("be_national_number", "85135003328"),
        ("be_national_number", "40130095579"),
        ("it_codice_fiscale", "RSSMRA85T99A562S"),
        ("pt_nif", "501442600"),
        ("nl_bsn", "000000000"),
        ("es_dni", "00000000T"),
        ("fr_nir", "255181416802538"),
        ("de_tax_id", "11111111111"),
    ],
)
def test_what_has_no_birthday_or_is_no_person_is_no_number(name: str, text: str) -> None:
    assert not CHECKS[name](text)


def test_the_forms_of_ibans_are_those_of_the_registry() -> None:
    chance = dice("iban")
    letters, both = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for country, form in FORMS.items():
        for _ in range(20):
            account = "".join(
                "".join(
                    chance.choice({"n": "0123456789", "a": letters, "c": both}[kind])
                    for _ in range(int(count))
                )
                for count, kind in re.findall(r"(\d+)([nac])", form)
            )
            check = foreign_iban.calc_check_digits(f"{country}00{account}")
            whole = f"{country}{check}{account}"
            assert foreign_iban.is_valid(whole, check_country=False), country
            assert CHECKS["iban"](whole), country
            assert not CHECKS["iban"](f"{country}{(int(check) + 1) % 97:02}{account}")


@pytest.mark.parametrize("account", sorted(EXAMPLES))
def test_an_example_of_the_registry_is_no_account(account: str) -> None:
    assert foreign_iban.is_valid(account, check_country=False)
    assert hits_of("personal", f"IBAN: {account}") == []


def test_luhn_is_luhn() -> None:
    chance = dice("luhn")
    for _ in range(DRAWN):
        drawn = _digits(chance, chance.randrange(2, 20))
        assert luhn(drawn) == foreign_luhn.is_valid(drawn)


@pytest.mark.parametrize("number", sorted(TEST_NUMBERS))
def test_a_number_for_tests_is_no_card(number: str) -> None:
    assert luhn(number)
    assert not is_card(number)
    assert hits_of("personal", f"pay with {number}") == []


@pytest.mark.parametrize(
    "number",
    ["4539148803436467", "5425233430109903", "2720994326581252", "347352358990015",
     "6011009580485949", "30043277253245", "3589295535870728", "6240008631401148"],
)  # fmt: skip
def test_a_card_is_found_however_it_is_grouped(number: str) -> None:
    grouped = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    if len(number) in {14, 15}:
        grouped = f"{number[:4]} {number[4:10]} {number[10:]}"
    for written in (number, grouped, grouped.replace(" ", "-")):
        assert hits_of("personal", f"card {written}, valid") == [("payment-card", written)]
        assert hits_of("personal", f"a,{written},b") == [("payment-card", written)]


@pytest.mark.parametrize("before", ["SW12", "AB12 3456", "zu XY99 oder auch", "NL20-INGB"])
@pytest.mark.parametrize("account", ["DE02 1203 0000 0000 2020 51", "AT79-2011-1000-1234-5678"])
def test_an_account_counts_behind_what_begins_like_one(before: str, account: str) -> None:
    number = account.replace(" ", "").replace("-", "")
    found = hits_of("personal", f"{before} {account}")
    assert [text.replace(" ", "").replace("-", "") for _, text in found] == [number]


@pytest.mark.parametrize(
    "text",
    [
        "0.4539148803436467",
        "4539148803436467.5",
        "x4539148803436467",
        "1-4539148803436467",
        "4539148803436468",
        "9999999999999995",
        "id=00004539148803436467",
        "timestamp 1700000000000000",
    ],
)
def test_digits_that_are_part_of_something_else_are_no_card(text: str) -> None:
    assert hits_of("personal", text) == []


@pytest.mark.parametrize(
    ("near", "number", "kind"),
    [
        ("BSN", "111222333", "nl-bsn"),
        ("burgerservicenummer:", "1112.22.333", "nl-bsn"),
        ("PESEL", "44051401359", "pl-pesel"),
        ("NIF", "287024008", "pt-nif"),
        ("personnummer", "8112189876", "se-personnummer"),
        ("dni", "54362315k", "es-dni"),
    ],
)
def test_a_short_number_counts_beside_a_word_that_says_what_it_is(
    near: str, number: str, kind: str
) -> None:
    assert hits_of("personal", f"{near} {number}") == [(kind, number)]
    assert hits_of("personal", f"{number} ({near.upper()})") == [(kind, number)]
    assert hits_of("personal", number) == []
    assert hits_of("personal", f"{near.rstrip(':')}ly {number}") == []
    assert hits_of("personal", near, number) == []


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("de-tax-id", "86 095 742 719"),
        ("fr-nir", "2 55 08 14 168 025 38"),
        ("es-dni", "54362315-K"),
        ("es-dni", "54.362.315-K"),
        ("es-nie", "X-5253868-R"),
        ("it-codice-fiscale", "RSS MRA 85T10 A562S"),
        ("be-national-number", "85.07.30-033.28"),
        ("fi-hetu", "131052-308T"),
        ("se-personnummer", "19811218-9876"),
    ],
)
def test_a_number_with_a_strong_form_needs_no_word(kind: str, number: str) -> None:
    assert hits_of("personal", f"see {number}.") == [(kind, number)]
