"""Why a reply ended, and what it used, as a client may be told it."""

from gateway.domain.event import Began, Broke, Event, Stopped, ToolCallBegan, Used
from gateway.domain.money import Tokens
from gateway.translation.limits import admit_call


class Ending:
    """What the end of a reply will say; ValueError when the reply makes too many calls.

    `tokens` are None until the engine says what was used.
    """

    __slots__ = ("_calls", "_input_tokens", "_stopped", "broke", "tokens")

    def __init__(self) -> None:
        self._calls = 0
        self._input_tokens = 0
        self._stopped: Stopped | None = None
        self.broke = False
        self.tokens: Tokens | None = None

    def note(self, event: Event) -> None:
        """Keep what the end will say."""
        match event:
            case Began():
                self._input_tokens = event.input_tokens
            case ToolCallBegan():
                admit_call(self._calls)
                self._calls += 1
            case Stopped():
                self._stopped = event
            case Used():
                self.tokens = event.tokens
            case Broke():
                self.broke = True

    @property
    def cut(self) -> bool:
        """Did the reply reach its length?"""
        return self._stopped is not None and self._stopped.reason == "length"

    @property
    def reason(self) -> str:
        """Why the reply ended, in words of the house, as in `reason_of`."""
        return reason_of(self._stopped, called=self._calls > 0)

    @property
    def sequence(self) -> str | None:
        """The stop sequence that ended the reply, where one did and the engine says which."""
        return self._stopped.sequence if self._stopped else None

    @property
    def tokens_so_far(self) -> Tokens:
        """The usage as far as it is known: of a reply that has only begun, its prompt."""
        return self.tokens or Tokens(input_tokens=self._input_tokens)


def reason_of(stop: Stopped | None, *, called: bool) -> str:
    """Return the reason in words of the house; a reply that told none ended by itself.

    INVARIANT: a reply says that a tool must run if, and only if, it calls one. Engines say `stop`
    after a call, and clients end there; others say `tool_calls` without one, and clients wait.
    """
    reason = stop.reason if stop is not None else "end"
    if reason in {"end", "tool_use"}:
        return "tool_use" if called else "end"
    return reason
