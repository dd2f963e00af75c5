"""How much CPU a translated stream costs per token event: `make bench`.

Each pair reads a stream of one dialect and writes it in another, cut as a socket would cut it, on
one core. The ratio is to a plain copy of the same bytes through the frame alone. Figures depend on
the machine; only what is measured in one run may be compared.
"""

import gc
import sys
from collections.abc import Callable
from time import process_time_ns

from gateway.dialects import DIALECTS
from gateway.domain.dialect import Dialect
from gateway.domain.event import (
    Began,
    Event,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.domain.money import Tokens
from gateway.domain.request import Operation

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
EVENTS = 4_000
ROUNDS = 5
MICROSECONDS_MAX = 30.0
CHUNK_BYTES = 900
WORDS = (" the", " answer", ' "is"', " at\n", " /srv/model.py", " 日本", ".")


STREAMED = (Operation.GENERATE, Operation.COMPLETE)


def talk(operation: Operation) -> tuple[Event, ...]:
    """Return the events of one reply: mostly words, then reasoning and the arguments of a call.

    What goes on with a text has words alone.
    """
    if operation is Operation.COMPLETE:
        words = [TextDelta(WORDS[n % len(WORDS)]) for n in range(EVENTS)]
        return (Began("r-1", "engine", 9), *words, Used(Tokens(9, EVENTS)), Stopped("end"))
    texts: list[Event] = [TextDelta(WORDS[n % len(WORDS)]) for n in range(EVENTS * 6 // 10)]
    thoughts: list[Event] = [ThinkingDelta(WORDS[n % len(WORDS)]) for n in range(EVENTS * 2 // 10)]
    fragments = [f'"{n}":{n},' for n in range(EVENTS * 2 // 10)]
    call: list[Event] = [ToolCallBegan(0, "call_1", "write"), ToolCallDelta(0, "{")]
    call += [ToolCallDelta(0, fragment) for fragment in fragments]
    call.append(ToolCallDelta(0, '"end":0}'))
    end = (Used(Tokens(9, EVENTS)), Stopped("tool_use"))
    return (Began("r-1", "engine", 9), *thoughts, *texts, *call, *end)


def stream_of(dialect: Dialect) -> bytes:
    """Return that reply as an engine of the dialect would stream it."""
    writer = dialect.writer("engine", RECORD, True)
    return b"".join([*(writer.write(event) for event in talk(dialect.operation)), writer.close()])


def cut(raw: bytes) -> list[bytes]:
    return [raw[at : at + CHUNK_BYTES] for at in range(0, len(raw), CHUNK_BYTES)]


def microseconds(work: Callable[[], object]) -> float:
    """Return the CPU time of the quickest of ROUNDS per event of the reply."""
    best = None
    for _ in range(ROUNDS):
        gc.collect()
        gc.disable()
        began = process_time_ns()
        work()
        spent = process_time_ns() - began
        gc.enable()
        best = spent if best is None else min(best, spent)
    return (best or 0) / 1000 / EVENTS


def translated(engine: Dialect, client: Dialect, chunks: list[bytes]) -> Callable[[], object]:
    def work() -> int:
        reader, writer = engine.reader(), client.writer("asked", RECORD, True)
        size = 0
        for chunk in chunks:
            for event in reader.feed(chunk):
                size += len(writer.write(event))
        return size + len(writer.close())

    return work


def copied(engine: Dialect, chunks: list[bytes]) -> Callable[[], object]:
    def work() -> int:
        tap = engine.tap(True)
        return sum(len(tap.feed(chunk)) for chunk in chunks)

    return work


def spoken(operation: Operation) -> tuple[Dialect, ...]:
    """Return the dialects that stream replies to that operation; each is written in each other."""
    return tuple(one for one in DIALECTS.values() if one.operation is operation)


def main() -> int:
    """Print the table; 1 when a pair costs more than MICROSECONDS_MAX."""
    print(f"microseconds of CPU per event, {EVENTS} events, best of {ROUNDS}")
    print(f"{'engine':20} {'client':20} {'us/event':>9} {'x copy':>7}")
    worst = 0.0
    for engine in (one for operation in STREAMED for one in spoken(operation)):
        chunks = cut(stream_of(engine))
        copy = microseconds(copied(engine, chunks))
        print(f"{engine.name:20} {'(passed through)':20} {copy:9.2f} {1:7.1f}")
        for client in spoken(engine.operation):
            cost = microseconds(translated(engine, client, chunks))
            worst = max(worst, cost)
            print(f"{engine.name:20} {client.name:20} {cost:9.2f} {cost / copy:7.1f}")
    print(f"worst {worst:.2f}, at most {MICROSECONDS_MAX}")
    return int(worst > MICROSECONDS_MAX)


if __name__ == "__main__":
    sys.exit(main())
