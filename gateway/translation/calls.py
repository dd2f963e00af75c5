"""Tool calls of a reply in the making, for a dialect that says each of them whole."""

from gateway.domain.event import Event, ToolCallBegan, ToolCallDelta
from gateway.translation.arguments import Arguments, answered
from gateway.translation.limits import HELD_BYTES_MAX, admit_call


class Calls:
    """Holds what belongs to calls; ValueError when more than HELD_BYTES_MAX waits.

    ValueError too for the arguments of a call that has not begun, or was taken already.
    """

    __slots__ = ("_arguments", "_began", "_held", "_made")

    def __init__(self) -> None:
        self._began: dict[int, ToolCallBegan] = {}
        self._arguments: dict[int, bytearray] = {}
        self._held = 0
        self._made = 0

    def note(self, event: Event) -> None:
        """Keep what belongs to a call."""
        if isinstance(event, ToolCallBegan):
            admit_call(self._made)
            self._made += 1
            self._began[event.index] = event
            self._arguments[event.index] = bytearray()
        elif isinstance(event, ToolCallDelta):
            if event.index not in self._began:
                raise ValueError("arguments of a tool call that has not begun, or has ended")
            fragment = event.fragment.encode()
            self._arguments[event.index] += fragment
            self._held += len(fragment)
            if self._held > HELD_BYTES_MAX:
                raise ValueError(f"more than {HELD_BYTES_MAX} bytes of arguments")

    def take(self, *, cut: bool) -> list[tuple[ToolCallBegan, Arguments]]:
        """Return the calls with their arguments, and forget them; ValueError as in `answered`."""
        made = [
            (began, answered(bytes(self._arguments[index]), cut=cut))
            for index, began in self._began.items()
        ]
        self._began, self._arguments, self._held = {}, {}, 0
        return made
