"""On which surfaces each adversarial case is to be shown, and on which a test shows it.

`CASES` says where a case is real: on every surface, on those that do something, or on none, and
why. `tests/house/test_adversaries.py` holds it against the tests that bear the case's number: one
of them alone must go over all of these surfaces, and for each door, which is what may stand before
any path, one must go through it.

What a test goes over is read from its `parametrize` marks and nothing else: the values of the
parameters in `STANDING`. A value stands for the surface in its attribute `surface`; for a path of
the table alone, and not for the others of that surface, where it has a `template`; for the surfaces
of a dialect where it is a dialect's name. A value that stands for nothing fails. So does a
parameter that the test never reads.

To widen a case: let one test of its number take `surface` from `tests.doubles.surfaces_asked`
(`EVERY`, through a gateway), `row` from `tests.doubles.every_surface` (with the vendors' errors),
or `dialect` from `BODIES` of `tests.flow.test_adversaries_surfaces` (in process), and say here
where it is real. With PERIMETER_UPDATE_GOLDENS=1 the house test writes the column of the page.
"""

import dis
from collections.abc import Callable, Iterable, Iterator
from itertools import starmap
from typing import Any

from msgspec import Struct

from gateway.dialects import DIALECTS
from gateway.domain.request import Operation
from gateway.surfaces.surface import SURFACES

NAMES = frozenset(surface.name for surface in SURFACES.values())
# What may stand before the path of any surface.
DOORS = frozenset({"/r/", "/l/", "/v1/route"})
STANDING = ("surface", "row", "dialect", "form", "door")


class Where(Struct, frozen=True):
    """Where a case is real, in words and as names of surfaces and doors."""

    said: str
    names: frozenset[str] = frozenset()


EVERYWHERE = Where("every surface", NAMES)
EVERY_DOOR = Where("every surface, every door", NAMES | DOORS)
NO_SURFACE = Where("every door: what is tried are paths that are none", DOORS)


def nowhere(why: str) -> Where:
    return Where(f"no surface: {why}")


def that(words: str, *operations: Operation) -> Where:
    """Return the surfaces that ask an engine for one of these."""
    found = (one for one in SURFACES.values() if DIALECTS[one.dialect].operation in operations)
    return Where(f"every surface that {words}", frozenset(one.name for one in found))


COUNTING = that("counts", Operation.COUNT)
ANSWERED = that("says or embeds", Operation.GENERATE, Operation.COMPLETE, Operation.EMBED)
STREAMING = that("streams", Operation.GENERATE, Operation.COMPLETE)
YAML = nowhere("it is about files of the operator; a request is JSON")
LOG = nowhere("it is about the ledger, whatever wrote it")

CASES: dict[str, Where] = {
    "1": EVERY_DOOR,
    "2": EVERY_DOOR,
    "3": EVERY_DOOR,
    "4": EVERY_DOOR,
    "5": EVERY_DOOR,
    "6": EVERY_DOOR,
    "7": EVERYWHERE,
    "8": EVERYWHERE,
    "9": EVERYWHERE,
    "10": EVERYWHERE,
    "11": EVERYWHERE,
    "12": EVERYWHERE,
    "13": EVERYWHERE,
    "14": EVERYWHERE,
    "15": EVERYWHERE,
    "16": EVERYWHERE,
    "17": EVERY_DOOR,
    "18": EVERY_DOOR,
    "19": EVERY_DOOR,
    "20": EVERYWHERE,
    "21": EVERYWHERE,
    "22": EVERYWHERE,
    "23": EVERYWHERE,
    "24": EVERYWHERE,
    "25": EVERYWHERE,
    "26": EVERYWHERE,
    "27": EVERYWHERE,
    "28": EVERYWHERE,
    "29": EVERY_DOOR,
    "30": STREAMING,
    "31": EVERY_DOOR,
    "32": nowhere("a region is a fact of an offering; no request names one"),
    "33": nowhere("a region is a fact of an offering; no request names one"),
    "34": nowhere("a profile is a fact of an offering; one in a request is case 31"),
    "35": nowhere("host and path are facts of a backend; a location in a request is case 31"),
    "36": nowhere("a host is a fact of a backend; no request names one"),
    "37": EVERYWHERE,
    "38": EVERYWHERE,
    "39": EVERYWHERE,
    "40": EVERYWHERE,
    "41": COUNTING,
    "42": NO_SURFACE,
    "43": NO_SURFACE,
    "44": EVERYWHERE,
    "45": ANSWERED,
    "46": EVERYWHERE,
    "47": nowhere("no duty can be stated; what would state one is refused where it is written"),
    "48": EVERYWHERE,
    "48b": EVERYWHERE,
    "48c": nowhere("a location is a fact of a backend; one in a request is case 31"),
    "48d": nowhere("the region that is called is a fact of a backend"),
    "49": nowhere("it is about connections: shown with both clients"),
    "50": EVERYWHERE,
    "51": nowhere("it is about connections: shown with both clients"),
    "52": ANSWERED,
    "53": nowhere("it is about connections: one guard stands before both clients"),
    "54": nowhere("it is about connections and signatures, whatever is sent"),
    "55": nowhere("a signature and its host are facts of a backend"),
    "56": nowhere("it is about connections: shown with both clients"),
    "57": nowhere("it is about images, charts and what the node may be told"),
    "58": EVERYWHERE,
    "59": nowhere("it is about connections: shown with both clients"),
    "60": YAML,
    "61": YAML,
    "62": YAML,
    "63": YAML,
    "64": YAML,
    "65": nowhere("it is about rules; a request reaches them as facts, from whatever surface"),
    "66": EVERYWHERE,
    "67": EVERYWHERE,
    "68": nowhere("it is about the files of a policy"),
    "69": nowhere("it is about the files of a policy"),
    "70": nowhere("it is about rules and grants; no request tells the time"),
    "71": nowhere("it is about patterns of a policy; no request brings one"),
    "72": EVERYWHERE,
    "73": STREAMING,
    "74": EVERYWHERE,
    "75": EVERYWHERE,
    "76": LOG,
    "77": LOG,
    "78": LOG,
    "79": LOG,
    "80": LOG,
    "81": LOG,
    "82": EVERYWHERE,
    "83": EVERYWHERE,
    "84": nowhere("it is about numbers that engines and price lists tell"),
    "85": nowhere("an export is asked for by command alone"),
    "86": EVERYWHERE,
    "87": EVERYWHERE,
    "88": STREAMING,
    "89": EVERYWHERE,
    "90": EVERYWHERE,
}


def shown_by(test: Callable[..., Any]) -> frozenset[str]:
    """Return the surfaces and doors that a test goes over, by its marks alone."""
    read = {one.argval for one in dis.get_instructions(test) if one.opname.startswith("LOAD_")}
    read |= {name for pair in read if isinstance(pair, tuple) for name in pair}
    stood = frozenset(
        name
        for parameter, values in _parameters(test)
        if parameter in STANDING and parameter in read
        for value in values
        for name in _stands_for(value)
    )
    return stood | {name for name in NAMES if _paths(name) <= stood}


def _parameters(test: Callable[..., Any]) -> Iterator[tuple[str, list[Any]]]:
    for mark in getattr(test, "pytestmark", ()):
        if mark.name != "parametrize":
            continue
        told, rows = mark.args[0], list(mark.args[1])
        names = [one.strip() for one in told.split(",")] if isinstance(told, str) else list(told)
        columns = starmap(_row, ((names, row) for row in rows))
        yield from zip(names, map(list, zip(*columns, strict=True)), strict=True)


def _row(names: list[str], row: Any) -> Iterable[Any]:
    """Return the values of one row, whether it is a `pytest.param`, a tuple or a lone value."""
    if hasattr(row, "values") and hasattr(row, "marks"):
        return row.values
    return (row,) if len(names) == 1 else row


def _stands_for(value: Any) -> Iterable[str]:
    door = value if isinstance(value, str) else getattr(value, "door", "")
    if door.startswith("/"):
        return {next(one for one in DOORS if f"{door}/".startswith(one))}
    if isinstance(value, str):
        names = {one.name for one in SURFACES.values() if one.dialect == value}
        assert names, f"{value} is the dialect of no surface"
        return names
    path = getattr(value, "template", "")
    assert value.surface in NAMES
    assert not path or path in SURFACES
    return {path or value.surface}


def _paths(name: str) -> frozenset[str]:
    return frozenset(path for path, one in SURFACES.items() if one.name == name)
