"""How much of a reply may be held while it is translated.

A stream that needs more is broken off: an engine must not fill the memory of the gateway.
"""

CALLS_MAX = 4_096
HELD_BYTES_MAX = 8 * 1024 * 1024
KEPT_BYTES_MAX = 32 * 1024 * 1024


def admit_call(made: int) -> None:
    """Raise ValueError when a reply that has made so many calls makes another."""
    if made >= CALLS_MAX:
        raise ValueError(f"more than {CALLS_MAX} tool calls in one reply")
