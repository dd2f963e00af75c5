"""What a reply says, looked at as it goes by: recorded, masked, or the end of it.

A reply is looked at part by part, each with what came before it. Where policy masks or cuts, words
are held back until what begins in them must have shown itself; what is held back is bounded.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from gateway.domain.decision import Finding, Scan
from gateway.domain.event import Event, TextDelta, ThinkingDelta, ToolCallDelta

LOOK_CHARS = 1_024
HELD_CHARS = 512
HELD_CHARS_MAX = 8 * 1024
STEP_CHARS = 256
BEFORE_CHARS = 512
FINDINGS_MAX = 200
WHOLE_INLINE_CHARS_MAX = 64 * 1024

TAG, MASK, CUT = "tag", "mask", "cut"
NOT_VERIFIED = "not verified"
UNREAD = "unread"
# What opens a secret of many lines, and what ends it.
_OPENS, _CLOSES = "-----BEGIN", "-----END"

Delta = TextDelta | ThinkingDelta | ToolCallDelta


class Looking(Protocol):
    """The detectors, for a part of a reply."""

    def look(self, text: str) -> Scan:
        """Scan one text at once."""


class _Spot(Struct, frozen=True):
    """A finding in what is pending: its characters there, and what policy does with it."""

    start: int
    end: int
    finding: Finding
    action: str


class Orders(Struct, frozen=True):
    """What policy says of replies: an action by detector, and the kinds of tags that it names.

    `named` holds `detector/kind`; to a tag that it does not name nothing is done.
    """

    actions: Mapping[str, str] = {}
    named: frozenset[str] = frozenset()

    @property
    def strict(self) -> bool:
        """Does policy mask or cut anything?"""
        return any(action != TAG for action in self.actions.values())


class Watch:
    """One reply: what was found in it, and what became of it."""

    def __init__(self, scanner: Looking, orders: Orders) -> None:
        self._scanner = scanner
        self._actions = orders.actions
        self.strict = orders.strict
        self._named = orders.named
        self._delta: Delta | None = None
        self._before = ""
        self._pending = ""
        self._passed: dict[str, int] = {}
        self._seen: set[tuple[str, str, int]] = set()
        self.findings: list[Finding] = []
        self.failed: dict[str, None] = {}
        self.masked = 0
        self.cut: str | None = None

    def ended(self) -> bool:
        """Has policy cut the reply?"""
        return self.cut is not None

    def hear(self, event: Event) -> None:
        """Look at an event that passes as it is."""
        said = _said(event)
        if self._delta is not None and (said is None or _path(event) != _path(self._delta)):
            self._note(self._spots())
            self._turn(len(self._pending))
            self._delta = None
        if said is None:
            return
        self._open(event)
        self._pending += said
        if len(self._pending) >= LOOK_CHARS:
            self._note(self._spots())
            self._turn(len(self._pending))

    def passes(self, event: Event) -> list[Event]:
        """Return what the client may have now that this event came; nothing after a cut."""
        said = _said(event)
        if self.ended():
            return []
        if said is None:
            held = self.end()
            return held if self.ended() else [*held, event]
        out: list[Event] = []
        if self._delta is not None and _path(event) != _path(self._delta):
            out = self.end()
        if self.ended():
            return out
        self._open(event)
        self._pending += said
        if len(self._pending) >= HELD_CHARS + STEP_CHARS:
            out += self._released(last=False)
        return out

    def end(self) -> list[Event]:
        """Return what is still held back, looked at."""
        out = self._released(last=True) if self._delta is not None else []
        self._delta = None
        return out

    def missed(self) -> None:
        """Note that a part of the reply could not be read."""
        self.failed[UNREAD] = None

    def blinded(self) -> None:
        """Note that nobody could look; where policy keeps something back, nothing passes unseen."""
        self.missed()
        if self.strict and self.cut is None:
            self.cut = NOT_VERIFIED

    def beside(self, scan: Scan) -> None:
        """Take what stands in a whole reply beside its events; what policy keeps back cuts it.

        WHY: a reply that was not written anew passes with all that it holds, such as a second
        choice, or fields that no reader knows.
        """
        known = {(one.kind, one.fingerprint) for one in self.findings}
        self.failed |= dict.fromkeys(scan.failed)
        for one in scan.findings:
            if one.tag_only or (one.kind, one.fingerprint) in known:
                continue
            known.add((one.kind, one.fingerprint))
            if len(self.findings) < FINDINGS_MAX:
                self.findings.append(one)
            if self._actions.get(one.detector, TAG) != TAG and self.cut is None:
                self.cut = one.kind
        for name in scan.failed:
            if self._actions.get(name, TAG) != TAG and self.cut is None:
                self.cut = NOT_VERIFIED

    async def whole(self, events: Sequence[Event]) -> list[Event]:
        """Return what may pass of a whole reply; a large one is looked at in a thread."""
        if sum(len(_said(event) or "") for event in events) <= WHOLE_INLINE_CHARS_MAX:
            return self._whole(events)
        return await asyncio.to_thread(self._whole, events)

    def _whole(self, events: Sequence[Event]) -> list[Event]:
        if not self.strict:
            for event in events:
                self.hear(event)
            self._note(self._spots())
            return list(events)
        out = [passed for event in events for passed in self.passes(event)]
        return [*out, *self.end()]

    def _open(self, event: Event) -> None:
        if self._delta is None and isinstance(event, Delta):
            self._delta, self._before, self._pending = event, "", ""

    def _released(self, *, last: bool) -> list[Event]:
        spots = self._spots()
        limit = self._limit(spots, last=last)
        if self._delta is None or limit <= 0:
            return []
        said: list[str] = []
        at = 0
        kept = [spot for spot in spots if spot.start < limit]
        self._note(kept)
        for spot in kept:
            if spot.action == TAG or (spot.action == MASK and spot.end <= at):
                continue
            said.append(self._pending[at : max(spot.start, at)])
            if spot.action == CUT:
                self.cut = spot.finding.kind
                break
            said.append(f"[masked: {spot.finding.kind}]")
            self.masked += 1
            at = spot.end
        else:
            said.append(self._pending[at:limit])
        out = _same(self._delta, "".join(said))
        self._turn(max(limit, at) if self.cut is None else len(self._pending))
        return [out] if _said(out) else []

    def _limit(self, spots: Sequence[_Spot], *, last: bool) -> int:
        """Return up to where what is pending may go on its way."""
        size = len(self._pending)
        if last:
            return size
        limit = size - HELD_CHARS
        if size >= HELD_CHARS_MAX:
            return limit
        for spot in spots:
            if spot.start < limit < spot.end:
                limit = spot.start
        opened = self._pending.rfind(_OPENS)
        if opened >= 0 and _CLOSES not in self._pending[opened:]:
            limit = min(limit, opened)
        return limit

    def _spots(self) -> list[_Spot]:
        """Return what stands in the pending text, by place."""
        if not self._pending:
            return []
        try:
            scan = self._scanner.look(self._before + self._pending)
        except Exception:  # noqa: BLE001 - as for detectors: it is judged as failed
            self.missed()
            blind = Finding(UNREAD, NOT_VERIFIED, "", 0, 0)
            return [_Spot(0, 0, blind, CUT)] if self.strict else []
        self.failed |= dict.fromkeys(scan.failed)
        shift = len(self._before)
        spots = [
            _Spot(one.start - shift, one.end - shift, one, self._action(one, shift))
            for one in scan.findings
            if one.end > shift
        ]
        spots += [
            _Spot(0, 0, Finding(name, NOT_VERIFIED, "", 0, 0), CUT)
            for name in scan.failed
            if self._actions.get(name, TAG) != TAG
        ]
        return sorted(spots, key=_place)

    def _action(self, finding: Finding, shift: int) -> str:
        """Return what is done with a finding; a mask that would break its part is a cut.

        INVARIANT: signed reasoning is never altered, nor is JSON of a tool call torn.
        """
        action = self._actions.get(finding.detector, TAG)
        if finding.tag_only and f"{finding.detector}/{finding.kind}" not in self._named:
            return TAG
        if action != MASK:
            return action
        covered = self._pending[max(finding.start - shift, 0) : finding.end - shift]
        tears = isinstance(self._delta, ToolCallDelta) and '"' in covered
        return CUT if tears or isinstance(self._delta, ThinkingDelta) else MASK

    def _note(self, spots: Sequence[_Spot]) -> None:
        """Record findings, each once, with their place in the whole part of the reply."""
        path = _path(self._delta) if self._delta is not None else ""
        offset = self._passed.get(path, 0)
        for spot in spots:
            found = spot.finding
            told = (path, found.kind, offset + spot.start)
            if (
                told in self._seen
                or found.kind == NOT_VERIFIED
                or len(self.findings) >= FINDINGS_MAX
            ):
                continue
            self._seen.add(told)
            self.findings.append(
                Finding(
                    found.detector,
                    found.kind,
                    path,
                    offset + spot.start,
                    offset + spot.end,
                    found.fingerprint,
                    tag_only=found.tag_only,
                )
            )

    def _turn(self, size: int) -> None:
        """Let that much of the pending text be what came before."""
        if self._delta is None:
            return
        path = _path(self._delta)
        self._passed[path] = self._passed.get(path, 0) + min(size, len(self._pending))
        said = self._before + self._pending[:size]
        opened = said.rfind(_OPENS)
        still_open = opened >= 0 and _CLOSES not in said[opened:]
        kept = min(len(said) - opened, HELD_CHARS_MAX) if still_open else 0
        self._before = said[-max(kept, BEFORE_CHARS) :]
        self._pending = self._pending[size:]


def _said(event: Event) -> str | None:
    """Return the words of an event, None for one that has none to look at."""
    if isinstance(event, TextDelta):
        return event.text
    if isinstance(event, ToolCallDelta):
        return event.fragment
    if isinstance(event, ThinkingDelta) and event.signature is None and event.redacted is None:
        return event.text
    return None


def _same(delta: Delta, text: str) -> Delta:
    if isinstance(delta, TextDelta):
        return TextDelta(text)
    if isinstance(delta, ToolCallDelta):
        return ToolCallDelta(delta.index, text)
    return ThinkingDelta(text)


def _path(event: Event) -> str:
    if isinstance(event, ToolCallDelta):
        return f"/tool/{event.index}"
    return "/thinking" if isinstance(event, ThinkingDelta) else "/text"


def _place(spot: _Spot) -> tuple[int, int]:
    return spot.start, -spot.end
