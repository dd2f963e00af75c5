"""Precision and recall of every detector, by `python -m tests.corpus.measure`.

`held` measures what was held out, `shown` the rest. The table of the docs is made here.
"""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from gateway.classification.detectors.dictionary import (
    DictionaryScanner,
    make_dictionary,
    read_dictionary,
)
from gateway.stores.scanner import DetectorScanner
from tests.corpus import hidden, persons, plain, words
from tests.corpus.sample import Maker, Sample, samples
from tests.doubles.compiled_detectors import all_detectors

PAGE = Path(__file__).resolve().parents[2] / "docs" / "detectors.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
KEY = b"a key of the measurement, 32 b.."

CORPUS: dict[str, tuple[dict[str, Maker], dict[str, Maker]]] = {
    "secrets": (hidden.SECRETS, hidden.NO_SECRETS),
    "personal": (persons.POSITIVE, persons.NEGATIVE),
    "contacts": (plain.CONTACTS, plain.NO_CONTACTS),
    "markings": (plain.MARKINGS, plain.NO_MARKINGS),
    "exports": (plain.EXPORTS, plain.NO_EXPORTS),
    "opaque": (hidden.OPAQUE, hidden.NOT_OPAQUE),
    "dictionary": (words.DICTIONARY, words.NO_DICTIONARY),
}


class Figures(Struct):
    """How many were found of those that must be, and of those that must not."""

    found: int = 0
    missed: int = 0
    false: int = 0
    quiet: int = 0

    @property
    def recall(self) -> float:
        return self.found / max(self.found + self.missed, 1)

    @property
    def precision(self) -> float:
        return self.found / max(self.found + self.false, 1)


def all_samples() -> Iterator[Sample]:
    for detector, (positive, negative) in CORPUS.items():
        yield from samples(detector, positive, positive=True)
        yield from samples(detector, negative, positive=False)


def a_scanner() -> DetectorScanner:
    dictionary = read_dictionary(make_dictionary("codenames", words.WORDS, KEY), KEY)
    return DetectorScanner([*all_detectors(), DictionaryScanner([dictionary], KEY)], KEY)


async def measured(*, held_out: bool) -> dict[tuple[str, str, bool], Figures]:
    """Return the figures by detector, sort of sample and whether it must be found.

    What must not be found by one detector must not be found by any other that raises.
    """
    scanner = a_scanner()
    figures: dict[tuple[str, str, bool], Figures] = {}
    for sample in all_samples():
        if sample.held_out != held_out:
            continue
        scan = await scanner.scan(sample.body)
        hits = {one.detector for one in scan.findings if not one.tag_only} | set(scan.failed)
        hits |= {one.detector for one in scan.findings if one.detector == sample.detector}
        figure = figures.setdefault((sample.detector, sample.name, sample.positive), Figures())
        if sample.positive:
            figure.found += sample.detector in hits
            figure.missed += sample.detector not in hits
        else:
            figure.false += bool(hits)
            figure.quiet += not hits
    scanner.close()
    return figures


def by_detector(figures: dict[tuple[str, str, bool], Figures]) -> dict[str, Figures]:
    joined: dict[str, Figures] = {}
    for (detector, _, _), one in figures.items():
        into = joined.setdefault(detector, Figures())
        for name in ("found", "missed", "false", "quiet"):
            setattr(into, name, getattr(into, name) + getattr(one, name))
    return joined


def _share(value: float) -> str:
    """Return the share, never rounded up to a whole."""
    return f"{int(value * 1000) / 10:.1f} %"


def table(shown: dict[str, Figures], held: dict[str, Figures]) -> str:
    rows = [
        "| detector | recall | precision | recall, held out | precision, held out "
        "| positives, hard negatives |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in shown.items():
        other = held[name]
        positives = one.found + one.missed + other.found + other.missed
        negatives = one.false + one.quiet + other.false + other.quiet
        rows.append(
            f"| `{name}` | {_share(one.recall)} | {_share(one.precision)} | {_share(other.recall)} "
            f"| {_share(other.precision)} | {positives}, {negatives} |"
        )
    return "\n".join(rows)


def write(text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    shown = asyncio.run(measured(held_out=False))
    if "shown" in sys.argv:
        for (detector, name, positive), one in shown.items():
            share = one.recall if positive else one.quiet / (one.quiet + one.false)
            print(f"{detector:10} {'must' if positive else 'must not':8} {name:36} {_share(share)}")
        return
    held = asyncio.run(measured(held_out=True))
    write(table(by_detector(shown), by_detector(held)))


if __name__ == "__main__":
    main()
