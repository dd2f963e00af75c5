"""Payment card numbers: an issuer's range, a length that it uses, and Luhn's check digit."""

from msgspec import Struct

DISTINCT_DIGITS_MIN = 4

# WHY: numbers that payment companies print in their manuals for tests; no account stands behind.
TEST_NUMBERS = frozenset(
    {
        "4000002500003155",
        "4000056655665556",
        "4012888888881881",
        "4111111111111111",
        "4222222222222",
        "4242424242424242",
        "4444333322221111",
        "4917610000000000",
        "4917610000000000003",
        "4988438843884305",
        "4543474002249996",
        "5105105105105100",
        "5200828282828210",
        "5454545454545454",
        "5555555555554444",
        "5555341244441115",
        "2222400070000005",
        "2223003122003222",
        "2223000048400011",
        "2720992593319364",
        "6759649826438453",
        "6771798021000008",
        "370000000000002",
        "371449635398431",
        "378282246310005",
        "378734493671000",
        "374245455400126",
        "6011000400000000",
        "6011000990139424",
        "6011111111111117",
        "6011000000000004",
        "3056930009020004",
        "30569309025904",
        "36006666333344",
        "36227206271667",
        "38520000023237",
        "3530111333300000",
        "3566002020360505",
        "3569990010095841",
        "6200000000000005",
        "6200000000000047",
        "6205500000000000004",
    }
)


class _Range(Struct, frozen=True):
    """First digits from `low` to `high`, and the lengths of numbers that begin so."""

    low: str
    high: str
    lengths: frozenset[int]

    def holds(self, digits: str) -> bool:
        """Do these digits begin a number of the range?"""
        return self.low <= digits[: len(self.low)] <= self.high


def _range(low: str, high: str, *lengths: int) -> _Range:
    return _Range(low, high, frozenset(lengths))


RANGES = (
    _range("4", "4", 13, 16, 19),
    _range("51", "55", 16),
    _range("2221", "2720", 16),
    _range("34", "34", 15),
    _range("37", "37", 15),
    _range("300", "305", *range(14, 20)),
    _range("3095", "3095", *range(14, 20)),
    _range("36", "36", *range(14, 20)),
    _range("38", "39", *range(14, 20)),
    _range("3528", "3589", *range(16, 20)),
    _range("6011", "6011", *range(16, 20)),
    _range("644", "659", *range(16, 20)),
    _range("62", "62", *range(16, 20)),
    _range("81", "81", *range(16, 20)),
    _range("50", "50", *range(12, 20)),
    _range("56", "58", *range(12, 20)),
    _range("6304", "6304", *range(12, 20)),
    _range("67", "67", *range(12, 20)),
)


_HEAD = 4
# What issuers use, by the first four digits.
_LENGTHS = {
    head: frozenset().union(*lengths)
    for head, lengths in (
        (f"{number:04d}", [one.lengths for one in RANGES if one.holds(f"{number:04d}")])
        for number in range(10**_HEAD)
    )
    if lengths
}
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")
_NONE: frozenset[int] = frozenset()


def is_card(text: str) -> bool:
    """Is the text the number of a payment card that is no well-known example?"""
    digits = text.replace(" ", "").replace("-", "")
    if len(digits) not in _LENGTHS.get(digits[:_HEAD], _NONE) or not luhn(digits):
        return False
    return digits not in TEST_NUMBERS and len(set(digits)) >= DISTINCT_DIGITS_MIN


def luhn(digits: str) -> bool:
    """Does the last digit make the sum of ISO/IEC 7812-1 a multiple of ten?"""
    signs = digits.encode()
    total = sum(signs[-1::-2]) + sum(signs[-2::-2].translate(_DOUBLED))
    return (total - len(signs) * ord("0")) % 10 == 0
