"""Why a reply ended, as a client may be told it."""

from gateway.domain.event import Stopped


def reason_of(stop: Stopped | None, *, called: bool) -> str:
    """Return the reason in words of the house; a reply that told none ended by itself.

    INVARIANT: a reply says that a tool must run if, and only if, it calls one. Engines say `stop`
    after a call, and clients end there; others say `tool_calls` without one, and clients wait.
    """
    reason = stop.reason if stop is not None else "end"
    if reason in {"end", "tool_use"}:
        return "tool_use" if called else "end"
    return reason
