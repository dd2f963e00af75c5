"""Placeholders in a reply become again what they stand for, also where chunks cut them.

What a model thinks is never touched: it may be signed. Arguments of tools are restored only where
policy says so, and so is what stands inside an address: a model can be talked into writing one that
carries a secret away, and whoever shows its reply may fetch it unasked.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from gateway.classification.redaction import CLOSES, OPENS, PLACEHOLDER_CHARS_MAX
from gateway.domain.event import (
    Broke,
    Event,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
)
from gateway.flow.addresses import Arguments, Words

# After these no delta goes on with what was held back before.
_ENDS = (ThinkingDelta, ToolCallBegan, Stopped, Broke)
_TEXT = -1
# Of a reply that is longer, or calls more tools, nothing is restored any more from there on.
READ_CHARS_MAX = 4 * 1024 * 1024
PLACES_MAX = 256
# The loss: a placeholder that stayed, because it stands inside an address.
IN_ADDRESS = "placeholder_in_address"


class Placeholders(Struct, frozen=True):
    """What the placeholders of a request stand for.

    `tools` says that tools may be told too, `addresses` that addresses may hold it as well.
    """

    originals: Mapping[str, str] = {}
    tools: bool = False
    addresses: bool = False


NO_PLACEHOLDERS = Placeholders()


class Restoring:
    """One reply, and the placeholders of its request; how many were restored, and how many left."""

    def __init__(self, placeholders: Placeholders) -> None:
        self._texts = originals = placeholders.originals
        self._arguments = {
            placeholder: msgspec.json.encode(text).decode()[1:-1]
            for placeholder, text in originals.items()
            if placeholders.tools
        }
        self._sorted = sorted(originals)
        self._held: dict[int, str] = {}
        self._guards = not placeholders.addresses
        self._read: dict[int, Words | Arguments] = {}
        self._unread = READ_CHARS_MAX
        self.restored = self.left = 0

    def passes(self, event: Event) -> list[Event]:
        """Return what the client may have now that this event came."""
        if isinstance(event, TextDelta):
            return [*self._let(_TEXT), *self._said(_TEXT, event.text)]
        if isinstance(event, ToolCallDelta):
            return [*self._let(event.index), *self._said(event.index, event.fragment)]
        return [*self.end(), event] if isinstance(event, _ENDS) else [event]

    def end(self) -> list[Event]:
        """Return what is still held back."""
        held, self._held = self._held, {}
        return [self._passed(place, text) for place, text in held.items()]

    def whole(self, events: Sequence[Event]) -> list[Event]:
        """Return the events of a whole reply."""
        return [*(passed for event in events for passed in self.passes(event)), *self.end()]

    def _let(self, place: int) -> list[Event]:
        """Let go what was held of the text when a tool speaks, and the reverse."""
        others = [one for one in self._held if (one == _TEXT) != (place == _TEXT)]
        return [self._passed(one, self._held.pop(one)) for one in others]

    def _said(self, place: int, words: str) -> list[Event]:
        known = self._texts if place == _TEXT else self._arguments
        if not known:
            return [_delta(place, words)]
        text = self._held.pop(place, "") + words
        said: list[str] = []
        at = 0
        while (begins := text.find(OPENS, at)) >= 0:
            found = _whole_at(text, begins)
            if found in known:
                said.append(self._heard(place, text[at:begins]))
                said.append(self._heard(place, self._instead(place, known, found)))
                at = begins + len(found)
            elif self._may_become(text[begins : begins + PLACEHOLDER_CHARS_MAX]):
                break
            else:
                # WHY: what is no placeholder of this request passes as it is.
                said.append(self._heard(place, text[at : begins + len(OPENS)]))
                at = begins + len(OPENS)
        rest = text[at:]
        kept = self._kept(rest)
        if kept:
            self._held[place] = rest[-kept:]
            rest = rest[:-kept]
        passed = "".join([*said, self._heard(place, rest)])
        return [_delta(place, passed)] if passed else []

    def _heard(self, place: int, text: str) -> str:
        """Return the text, which the client gets next at that place."""
        if self._guards and (so_far := self._so_far(place)) is not None:
            self._unread -= len(text)
            so_far.feed(text)
        return text

    def _so_far(self, place: int) -> Words | Arguments | None:
        """Return what was read of that place; None where it is too much, or are too many."""
        if self._unread < 0:
            return None
        if place not in self._read and len(self._read) < PLACES_MAX:
            self._read[place] = Words() if place == _TEXT else Arguments()
        return self._read.get(place)

    def _instead(self, place: int, known: Mapping[str, str], found: str) -> str:
        """Return what stands in the place of a placeholder: itself, inside an address."""
        so_far = self._so_far(place)
        if self._guards and (so_far is None or so_far.inside):
            self.left += 1
            return found
        self.restored += 1
        return known[found]

    def _passed(self, place: int, text: str) -> Event:
        return _delta(place, self._heard(place, text))

    def _kept(self, text: str) -> int:
        """Return how many of the last characters may be the beginning of a placeholder."""
        for size in range(min(len(text), PLACEHOLDER_CHARS_MAX - 1), 0, -1):
            if text[-size] == OPENS[0] and self._may_become(text[-size:]):
                return size
        return 0

    def _may_become(self, text: str) -> bool:
        """Is this the beginning of a placeholder of this request?

        WHY: there may be thousands, and a reply of nothing but brackets must not ask them all.
        """
        at = bisect_left(self._sorted, text)
        return at < len(self._sorted) and self._sorted[at].startswith(text)


def _whole_at(text: str, begins: int) -> str:
    """Return what would be a whole placeholder there; empty without an end."""
    end = text.find(CLOSES, begins, begins + PLACEHOLDER_CHARS_MAX)
    return "" if end < 0 else text[begins : end + len(CLOSES)]


def _delta(place: int, text: str) -> Event:
    return TextDelta(text) if place == _TEXT else ToolCallDelta(place, text)
