"""Bodies up to 32 MiB at every surface, and streams that have no end in sight."""

from pathlib import Path

import pytest

from tests.doubles.every_surface import EVERY
from tests.doubles.raw_http import Line, ask
from tests.doubles.serving_house import House

ONE_OF_MANY = pytest.mark.exhaustive
BODY_BYTES_MAX = 32 * 1024 * 1024
ROWS = {row.name: row for row in EVERY}
EVENTS = 100_000
# One surface for each way to write a text; the others read their bodies by the same code.
STAND_FOR_OTHERS = {"chat", "messages", "responses", "gemini", "converse"}
BODIES = [
    pytest.param(row, id=row.name, marks=() if row.name in STAND_FOR_OTHERS else ONE_OF_MANY)
    for row in EVERY
]
STREAM_BYTES_MIN = 12_000_000
# To Responses the last event says the whole reply again.
GROWN_KIB_MAX = {name: (16 if name == "responses" else 6) * 1024 for name in ROWS}
WORD = b"amber "
# From engine to client: passed through, and translated to every client's form. One of each stands
# for the others, and the one whose last event says everything again.
STREAMS = [
    ("chat", "home-model"),
    ("chat", "local-model"),
    ("responses", "local-model"),
]
MORE_STREAMS = [
    ("messages", "cloud-model"),
    ("ollama chat", "local-model"),
    ("messages", "local-model"),
    ("gemini", "home-model"),
    ("converse", "home-model"),
    ("invoke", "local-model"),
    ("completions", "local-model"),
    ("ollama chat", "home-model"),
]
CELLS = [
    *(pytest.param(*cell, id="-".join(cell)) for cell in STREAMS),
    *(pytest.param(*cell, id="-".join(cell), marks=ONE_OF_MANY) for cell in MORE_STREAMS),
]


def test_the_bodies_that_stand_for_others_are_there() -> None:
    assert STAND_FOR_OTHERS.issubset(ROWS)


@pytest.mark.parametrize("row", BODIES)
def test_a_body_of_32_mib_is_read_and_one_byte_more_is_not(every, row) -> None:
    model, key = row.models[-1], every.gateway.keys["website"]
    bare = row.raw("@", model)
    room = BODY_BYTES_MAX - len(bare) + 1
    raw = bare.replace(b"@", (WORD * (room // len(WORD) + 1))[:room], 1)
    assert len(raw) == BODY_BYTES_MAX
    heard = ask(every.url, row.asks(key, model, raw))
    assert heard.status == 200, heard.body[:300]
    with every.nothing_sent():
        heard = ask(every.url, row.asks(key, model, raw + b" "))
    told = row.told(heard)
    assert (told.status, told.kind) == (413, row.kind(413))
    assert f"larger than {BODY_BYTES_MAX} bytes. Record {heard.record}." in told.said
    record = every.record(heard.record)
    assert (record["outcome"]["error"], record["attempts"]) == ("too_large", [])


@pytest.mark.parametrize(("name", "model"), CELLS)
def test_a_stream_of_a_hundred_thousand_events_is_not_held(every, name, model) -> None:
    _drawn(every, name, model, 1_000)
    peak = Path(f"/proc/{every.gateway.process.pid}/clear_refs")
    peak.write_text("5")
    before = _kib(every, "VmRSS")
    size, record_id = _drawn(every, name, model, EVENTS)
    assert size > STREAM_BYTES_MIN
    assert _kib(every, "VmHWM") - before < GROWN_KIB_MAX[name]
    record = every.record(record_id)
    assert record["outcome"]["kind"] == "completed"
    assert record["outcome"]["usage"]["output_tokens"] >= EVENTS


def _drawn(house: House, name: str, model: str, words: int) -> tuple[int, str]:
    """Read a stream as it comes and keep nothing; return its size and record."""
    row = ROWS[name]
    raw = row.raw(f"mock:words={words}", model, True)
    with Line(house.url) as line:
        line.send(row.asks(house.gateway.keys["website"], model, raw, True))
        status, headers = line.head()
        assert status == 200
        return sum(len(chunk) for chunk in line.chunks()), headers["x-perimeter-record"]


def _kib(house: House, name: str) -> int:
    """Return what the system says of the gateway's memory."""
    lines = Path(f"/proc/{house.gateway.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
