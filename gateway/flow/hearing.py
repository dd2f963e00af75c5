"""What an engine says, heard in passing, so that it is known again when it comes back."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from gateway.classification.turns import Turns, Words, called, turns_of
from gateway.domain.dialect import Dialect, Reader
from gateway.domain.event import Event, TextDelta, ThinkingDelta, ToolCallBegan, ToolCallDelta
from gateway.domain.request import Body, Operation

ARGUMENTS_CHARS_MAX = 1024 * 1024
CALLS_MAX = 256
FAULTS_MAX = 16
READ_INLINE_BYTES_MAX = 256 * 1024
REPLIES = frozenset({Operation.GENERATE, Operation.COMPLETE})


class Hearing:
    """One reply as it goes by: a hash of its words that runs, and its calls.

    `others` hear the other replies that were asked for with it, `said_bytes` counts what was said.

    Of words nothing is kept. Arguments of calls are kept until the end, ARGUMENTS_CHARS_MAX of all
    of them; a call over that is not known again.
    """

    __slots__ = ("_arguments", "_before", "_left", "_names", "_said", "_words", "others")

    def __init__(self, turns: Turns, replies: int = 1) -> None:
        self.others = tuple(Hearing(turns) for _ in range(1, replies))
        self._before = turns.last
        self._words = [Words(), *([Words(turns.begun)] if turns.begun else [])]
        self._names: dict[int, str] = {}
        self._arguments: dict[int, list[str]] = {}
        self._left = ARGUMENTS_CHARS_MAX
        self._said = 0

    @property
    def said_bytes(self) -> int:
        """How many bytes of words, reasoning and arguments were heard, in every reply."""
        return self._said + sum(other.said_bytes for other in self.others)

    def hear(self, event: Event) -> None:
        """Take one event that the client gets."""
        self._said += _size(event)
        if isinstance(event, TextDelta):
            for words in self._words:
                words.add(event.text)
        elif isinstance(event, ToolCallBegan) and len(self._names) < CALLS_MAX:
            self._names[event.index] = event.name
            self._arguments[event.index] = []
        elif isinstance(event, ToolCallDelta) and event.index in self._names:
            self._left -= len(event.fragment)
            if self._left < 0:
                del self._names[event.index], self._arguments[event.index]
            else:
                self._arguments[event.index].append(event.fragment)

    def hear_all(self, events: Iterable[Event]) -> None:
        """Take the events of a whole reply."""
        for event in events:
            self.hear(event)

    def missed(self) -> None:
        """What was not heard is not known again."""

    def hashes(self) -> tuple[bytes, ...]:
        """Return the hashes of what was heard so far."""
        texts = [words.hash(self._before) for words in self._words]
        calls = [
            called(name, "".join(self._arguments[index]), self._before)
            for index, name in self._names.items()
        ]
        beside = [one for other in self.others for one in other.hashes()]
        return tuple(dict.fromkeys([*filter(None, texts), *calls, *beside]))


def _size(event: Event) -> int:
    if isinstance(event, TextDelta | ThinkingDelta):
        said = event.text
    elif isinstance(event, ToolCallDelta):
        said = event.fragment
    else:
        return 0
    return len(said) if said.isascii() else len(said.encode(errors="replace"))


class Ear(Protocol):
    """Whoever hears a reply."""

    def hear(self, event: Event) -> None:
        """Take one event that the client gets."""

    def missed(self) -> None:
        """Note that a part of the reply could not be read."""


class Overhearing:
    """Reads a stream that passes verbatim, each of its replies; what cannot be read is unheard."""

    __slots__ = ("_faults", "_heard")

    def __init__(self, target: Dialect, hearing: Hearing | None, *ears: Ear) -> None:
        first = ears if hearing is None else (hearing, *ears)
        self._heard: list[tuple[Reader, tuple[Ear, ...]]] = [(target.reader(), first)]
        if target.reader_at is not None and hearing is not None:
            for place, other in enumerate(hearing.others, 1):
                self._heard.append((target.reader_at(place), (other,)))
        self._faults = 0

    def feed(self, chunk: bytes) -> None:
        """Take bytes of the engine."""
        for reader, ears in self._heard:
            if self._faults > FAULTS_MAX:
                return
            self._feed(reader, ears, chunk)

    def _feed(self, reader: Reader, ears: tuple[Ear, ...], chunk: bytes) -> None:
        # WHY: a stream that passes must not end for what only its reader cannot say.
        try:
            events = reader.feed(chunk)
        except Exception:  # noqa: BLE001
            self._faults += 1
            for ear in ears:
                ear.missed()
            return
        for event in events:
            for ear in ears:
                ear.hear(event)


def hear_others(target: Dialect, body: bytes, hearing: Hearing) -> None:
    """Take every reply of a whole body but the first; what cannot be read is not heard."""
    if target.read_reply_at is None:
        return
    # WHY: a reply that passes must not end for what only its reader cannot say.
    with suppress(Exception):
        for place, other in enumerate(hearing.others, 1):
            other.hear_all(target.read_reply_at(body, place))


async def turns_in(body: Body, body_bytes: int) -> Turns:
    """Return the turns of a request; those of a large one are read in a thread."""
    if body_bytes <= READ_INLINE_BYTES_MAX:
        return turns_of(body)
    return await asyncio.to_thread(turns_of, body)
