"""One engine's stream on its way to the client: verbatim or translated, with one face."""

from collections.abc import Iterable
from itertools import chain
from typing import Protocol

from msgspec import Struct

from gateway.domain.dialect import Bracket, Dialect, Reader, Reframe, Tap, Writer
from gateway.domain.event import CONTENT, Began, Broke, Event, Stopped, Used
from gateway.domain.money import Tokens
from gateway.domain.route import FailureKind
from gateway.flow.hearing import Hearing, Overhearing
from gateway.flow.restoring import Restoring
from gateway.flow.watching import Watch


class Channel(Protocol):
    """Takes the engine's bytes, gives the client's, and knows how the reply is going.

    `cut` is the kind of finding before which policy ended the reply.
    `model` is what the engine calls itself, empty until it says so.
    `finished` says that nothing more comes, `complete` that the reply may end here: a dialect
    without an end mark is never finished.
    """

    content_seen: bool
    finished: bool
    complete: bool
    usage: Tokens | None
    stop: str | None
    model: str
    broke: tuple[FailureKind, str] | None
    cut: str | None

    def feed(self, chunk: bytes) -> bytes:
        """Return what the client gets for these bytes; ValueError if they cannot be read."""

    def close(self) -> bytes:
        """Return what ends a stream that ended well."""

    def fail(self, words: bytes) -> bytes:
        """Return what ends a stream that broke, given the client's own form of the error."""


class Verbatim:
    """The engine speaks the client's dialect: its bytes pass, and are listened to."""

    def __init__(
        self, tap: Tap, overhearing: Overhearing | None = None, *, unmarked: bool = False
    ) -> None:
        self._tap = tap
        self._overhearing = overhearing
        self._marked = not unmarked
        self.complete = False
        self.content_seen = False
        self.finished = False
        self.usage: Tokens | None = None
        self.stop: str | None = None
        self.model = ""
        self.broke: tuple[FailureKind, str] | None = None
        self.cut: str | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Return the bytes to forward."""
        out = self._tap.feed(chunk)
        if self._overhearing is not None:
            self._overhearing.feed(chunk)
        heard = self._tap.heard
        self.content_seen = self._tap.content_seen
        self.complete = self._tap.finished
        self.finished = self.complete and self._marked
        self.usage, self.stop, self.broke = heard.usage, heard.stop, heard.broke
        self.model = heard.model
        return out

    def close(self) -> bytes:
        """The engine's own end mark has passed already."""
        return b""

    def fail(self, words: bytes) -> bytes:
        """Return the error as it is."""
        return words


class Wanted(Struct, frozen=True):
    """What a client wants of its stream: by which name and record, with usage, and who hears it.

    Where policy masks or cuts, `watch` is strict, and the stream is read and written anew; also
    where the request was redacted.
    """

    asked: str
    record_id: str
    usage: bool
    hearing: Hearing | None = None
    watch: Watch | None = None
    restoring: Restoring | None = None

    @property
    def anew(self) -> bool:
        """Must the stream be read and written anew, whoever speaks what?"""
        strict = self.watch is not None and self.watch.strict
        return strict or self.restoring is not None


class Translated:
    """The engine speaks another dialect: its bytes become events, and events the client's bytes."""

    def __init__(
        self, reader: Reader, writer: Writer, wanted: Wanted, *, unmarked: bool = False
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._hearing = wanted.hearing
        self._watch = wanted.watch
        self._restoring = wanted.restoring
        self.cut: str | None = None
        self._marked = not unmarked
        self.complete = False
        self.content_seen = False
        self.finished = False
        self.usage: Tokens | None = None
        self.stop: str | None = None
        self.model = ""
        self.broke: tuple[FailureKind, str] | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Return the translation of everything that these bytes complete."""
        passing = chain.from_iterable(map(self._passed, self._reader.feed(chunk)))
        out = [self._say(event) for event in passing]
        self.complete = self._reader.finished
        self.finished = self.complete and self._marked
        return b"".join(out)

    def close(self) -> bytes:
        """Return what was still held back, and the end of the client's stream."""
        watch = self._watch
        held = watch.end() if watch is not None and watch.strict else []
        if self._restoring is not None:
            held = self._restoring.whole(held)
        last = b"".join(map(self._say, held))
        self.cut = watch.cut if watch is not None else None
        return last if self.cut else last + self._writer.close()

    def fail(self, words: bytes) -> bytes:
        """Return the error as it is."""
        return words

    def _passed(self, event: Event) -> Iterable[Event]:
        """Return what of the engine's events the client gets now."""
        passing = self._watched(event)
        if self._restoring is None:
            return passing
        return chain.from_iterable(map(self._restoring.passes, passing))

    def _watched(self, event: Event) -> Iterable[Event]:
        watch = self._watch
        if watch is None:
            return (event,)
        if not watch.strict:
            watch.hear(event)
            return (event,)
        passing = watch.passes(event)
        self.cut = watch.cut
        return passing

    def _say(self, event: Event) -> bytes:
        if isinstance(event, Broke):
            self.broke = self.broke or (FailureKind(event.code), event.said)
            return b""
        if isinstance(event, CONTENT):
            self.content_seen = True
        elif isinstance(event, Used):
            self.usage = event.tokens
        elif isinstance(event, Stopped):
            self.stop = event.reason
        elif isinstance(event, Began):
            self.model = event.model
        if self.broke:
            return b""
        if self._hearing is not None:
            self._hearing.hear(event)
        return self._writer.write(event)


class _Same:
    """A framing that stays."""

    def feed(self, chunk: bytes) -> bytes:
        return chunk


class Reframed:
    """A channel between an engine and a client of which one frames its stream in its own way."""

    def __init__(self, inner: Channel, unframe: Reframe, frame: Reframe) -> None:
        self._inner = inner
        self._unframe = unframe
        self._frame = frame
        self.content_seen = False
        self.finished = False
        self.complete = False
        self.usage: Tokens | None = None
        self.stop: str | None = None
        self.model = ""
        self.broke: tuple[FailureKind, str] | None = None
        self.cut: str | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Return the client's bytes for these bytes of the engine."""
        inner = self._inner
        out = self._frame.feed(inner.feed(self._unframe.feed(chunk)))
        self.content_seen = inner.content_seen
        self.finished, self.complete = inner.finished, inner.complete
        self.usage, self.stop, self.broke = inner.usage, inner.stop, inner.broke
        self.model = inner.model
        self.cut = inner.cut
        return out

    def close(self) -> bytes:
        """Return the end of the client's stream."""
        last = self._frame.feed(self._inner.close())
        self.cut = self._inner.cut
        if self.cut:
            return last
        return last + self._frame.end(b"") if isinstance(self._frame, Bracket) else last

    def fail(self, words: bytes) -> bytes:
        """Return the error, framed as what came before it."""
        return self._frame.end(words) if isinstance(self._frame, Bracket) else words


def channel(dialect: Dialect, target: Dialect, wanted: Wanted) -> Channel:
    """Return the channel from an engine that speaks `target` to a client that speaks `dialect`."""
    inner: Channel
    hearing, watch = wanted.hearing, wanted.watch
    if dialect.family == target.family and not wanted.anew:
        watching = () if watch is None else (watch,)
        overhearing = Overhearing(target, hearing, *watching) if hearing or watching else None
        inner = Verbatim(dialect.tap(wanted.usage), overhearing, unmarked=target.unmarked)
    else:
        writer = dialect.writer(wanted.asked, wanted.record_id, wanted.usage)
        inner = Translated(target.reader(), writer, wanted, unmarked=target.unmarked)
    if target.unframe is None and dialect.frame is None:
        return inner
    unframe = target.unframe() if target.unframe is not None else _Same()
    frame = dialect.frame() if dialect.frame is not None else _Same()
    return Reframed(inner, unframe, frame)
