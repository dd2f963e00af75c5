"""Names of tools on their way back: the engine's name for a tool becomes the client's again."""

from collections.abc import Mapping

from msgspec.structs import replace

from gateway.domain.dialect import Dialect, Reader
from gateway.domain.event import Event, ToolCallBegan


def renaming(dialect: Dialect, names: Mapping[str, str]) -> Dialect:
    """Return the dialect whose replies call tools by the client's names."""
    if not names:
        return dialect
    return replace(
        dialect,
        read_reply=lambda body: _restored(dialect.read_reply(body), names),
        reader=lambda: _RenamingReader(dialect.reader(), names),
    )


class _RenamingReader:
    """A reader that restores names."""

    def __init__(self, reader: Reader, names: Mapping[str, str]) -> None:
        self._reader = reader
        self._names = names

    @property
    def finished(self) -> bool:
        return self._reader.finished

    def feed(self, chunk: bytes) -> tuple[Event, ...]:
        return _restored(self._reader.feed(chunk), self._names)


def _restored(events: tuple[Event, ...], names: Mapping[str, str]) -> tuple[Event, ...]:
    return tuple(
        replace(event, name=names.get(event.name, event.name))
        if isinstance(event, ToolCallBegan)
        else event
        for event in events
    )
