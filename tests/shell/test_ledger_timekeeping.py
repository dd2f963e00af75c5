"""Each record of a boot has the time of a clock that nobody sets; the log says how the other is."""

import asyncio
from pathlib import Path

import pytest

from gateway.audit.canonical import decode
from gateway.audit.record import Admin, Record
from gateway.ledger import timekeeping
from gateway.ledger.ledger import Ledger, open_ledger
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from gateway.ledger.timekeeping import ADRIFT, SYNCHRONISED, UNKNOWN, clock_state
from tests.doubles.ledgers import IDS, Pair, SteadyClock, a_boot, a_new_ledger, check_log
from tests.doubles.records import a_decided, a_settled, an_attempted

pytestmark = pytest.mark.anyio
KNOWN = frozenset({SYNCHRONISED, ADRIFT, UNKNOWN})
HOUR_US = 3_600_000_000
LOOKS_MAX = 2_000


def at(ledger: Ledger, ts_us: int) -> list[Pair]:
    name = IDS.record_id()
    made = (a_decided, an_attempted, a_settled)
    return [(one(name, boot=ledger.boot, ts_us=ts_us), None) for one in made]


def records(paths: LedgerPaths) -> list[Record]:
    return [decode(stored.entry) for stored in Reading(paths.folder)]


def the(what: str, paths: LedgerPaths) -> list[Admin]:
    return [one for one in records(paths) if isinstance(one, Admin) and one.what == what]


async def test_the_clock_that_nobody_sets_goes_on_while_the_other_goes_back(tmp_path: Path) -> None:
    paths, clock = a_new_ledger(tmp_path), SteadyClock()
    ledger = await open_ledger(paths, IDS.record_id(), clock, IDS)
    await ledger.append(at(ledger, clock.now_us()))
    clock.at_us -= HOUR_US
    await ledger.append(at(ledger, clock.now_us()))
    await ledger.close()
    check_log(paths)
    of_boot = [one for one in records(paths) if one.boot]
    steady = [one.mono_us for one in of_boot]
    assert all(isinstance(one, int) and one > 0 for one in steady)
    assert max(steady) - min(steady) < HOUR_US
    (stepped,) = the("clock_stepped", paths)
    assert stepped.facts["from_us"] - stepped.facts["to_us"] > HOUR_US - 1_000_000


async def test_each_start_says_how_the_clock_is(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    for _ in range(2):
        async with a_boot(paths):
            pass
    assert [one.facts["clock"] in KNOWN for one in the("started", paths)] == [True, True]


async def test_each_heartbeat_says_how_the_clock_is(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths, Options(heartbeat_s=0.01)) as ledger:
        for _ in range(LOOKS_MAX):
            if ledger.size >= 4:
                break
            await asyncio.sleep(0.01)
    beats = the("heartbeat", paths)
    assert beats
    assert {one.facts["clock"] for one in beats} <= KNOWN


def said(status: int, maxerror: int = 0, code: int = 0) -> timekeeping.Ask:
    def ask(found: timekeeping._Timex) -> int:
        found.status, found.maxerror = status, maxerror
        return code

    return ask


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (said(0, 1_500), {"clock": SYNCHRONISED, "clock_error_us": 1_500}),
        (said(0x2001, 2**40), {"clock": SYNCHRONISED, "clock_error_us": 16_000_000}),
        (said(0x41, 16_000_000), {"clock": ADRIFT}),
        (said(0, 1_500, code=-1), {"clock": UNKNOWN}),
    ],
)
async def test_what_the_kernel_knows_is_told_in_three_words(
    ask: timekeeping.Ask, expected: dict[str, object]
) -> None:
    assert clock_state(ask) == expected


@pytest.mark.parametrize("error", [AttributeError("adjtimex"), OSError("not permitted")])
async def test_a_machine_that_cannot_be_asked_leaves_it_unknown(error: Exception) -> None:
    def ask(_: timekeeping._Timex) -> int:
        raise error

    assert clock_state(ask) == {"clock": UNKNOWN}
