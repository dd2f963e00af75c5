"""Texts to measure detectors with, made from what vendors and states publish.

Nothing here reads the rules of the gateway, nor was it written from them. Every third sample is
held out: it is measured only after the rules are frozen.
"""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from tests.doubles.dice import Dice, dice

EACH = 60
HELD_OUT = 3

Maker = Callable[[Dice], str]


class Sample(Struct, frozen=True):
    """One text and the detector that must find something in it, or must not."""

    detector: str
    name: str
    positive: bool
    body: Any
    held_out: bool


def samples(
    detector: str, makers: dict[str, Maker], *, positive: bool, each: int = EACH
) -> Iterator[Sample]:
    """Yield so many texts of each maker, every third held out."""
    for name, make in makers.items():
        for number in range(each):
            chance = dice(f"{detector}/{name}/{number}")
            body = make(chance)
            yield Sample(detector, name, positive, {"x": body}, number % HELD_OUT == HELD_OUT - 1)


def digits(chance: Dice, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def letters(chance: Dice, count: int) -> str:
    return "".join(chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(count))


SENTENCES = (
    "Please have a look at this before Monday.",
    "Der Kunde hat sich gestern gemeldet.",
    "def handler(event, context):\n    return event['body']",
    "The build fails on the second stage.",
    "SELECT * FROM orders WHERE status = 'open';",
    "Merci de confirmer la réception.",
    "see the attached file, row 17 ff.",
    "INFO 2026-03-01 12:00:01 worker-3 started",
)


def around(chance: Dice, text: str) -> str:
    """Return the text between things that people write."""
    before, after = chance.choice(SENTENCES), chance.choice(SENTENCES)
    return f"{before}\n{text}\n{after}"


def said(*forms: str) -> Callable[[Dice, str], str]:
    """Return what writes a value in one of these forms, between things that people write."""

    def write(chance: Dice, value: str) -> str:
        return around(chance, chance.choice(forms).replace("{}", value))

    return write


# A value as it stands in prose, tables, data and code, without a word that says what it is.
BARE = said(
    "{}",
    "value: {}",
    "Muster, Erika;{};Berlin",
    "Jansen,{},Utrecht",
    '{"id": 17, "value": "{}"}',
    "('{}', 'open'),",
    "| 4 | {} | ok |",
    "-> {}.",
    "x = '{}'",
    "({})",
)
