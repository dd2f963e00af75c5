"""A scan does not become many times as dear unnoticed: it is counted in calls of functions.

Calls are the same on each machine, at each load; `make bench` holds a scan to its milliseconds.
"""

import sys
import threading
from types import FrameType
from typing import Any

import pytest

from tests.bench.detection import DENSE, INPUT_BYTES, INPUTS, a_scanner, an_input, dense, source

# Half a call for each byte: what a loop over bytes would exceed, and one over all matches.
CALLS_MAX = INPUT_BYTES // 2
SOURCE_CALLS_MAX = INPUT_BYTES // 20
CALLING = frozenset({"call", "c_call"})


class Calls:
    """Counts every call, also of what is no Python, in this thread and in those that begin."""

    def __init__(self) -> None:
        self.counted = 0

    def _note(self, _frame: FrameType, event: str, _argument: Any) -> None:
        self.counted += event in CALLING

    def __enter__(self) -> "Calls":
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)


async def calls_of(text: str) -> int:
    scanner = a_scanner()
    with Calls() as calls:
        await scanner.scan({"messages": [{"role": "user", "content": text}]})
    scanner.close()
    return calls.counted


@pytest.mark.anyio
@pytest.mark.parametrize("name", [*INPUTS, *DENSE])
async def test_no_large_text_takes_a_call_for_each_of_its_bytes(name: str) -> None:
    text = an_input(name) if name in INPUTS else dense(name, "test")
    assert 0 < await calls_of(text) < CALLS_MAX


@pytest.mark.anyio
async def test_source_code_is_scanned_in_few_calls() -> None:
    assert 0 < await calls_of(source()[:INPUT_BYTES]) < SOURCE_CALLS_MAX
