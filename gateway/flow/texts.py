"""What is kept of the texts of one request: nothing, unless the node says so and policy lets it."""

from msgspec.structs import replace

from gateway.audit.record import Decided, Settled
from gateway.domain.decision import Decision, Effect
from gateway.domain.errors import GatewayError
from gateway.domain.obligation import Obligation
from gateway.domain.request import Envelope
from gateway.flow.ports import Bodies

TOO_LARGE = "too_large"
UNWRITTEN = "unwritten"


class Texts:
    """The request as it came in and the reply as it went out, until each is kept or let go.

    INVARIANT: what the ledger names as kept is durable before its record is. Only what may leave
    is kept: of the rest, nobody was asked whether it may be.
    """

    def __init__(self, bodies: Bodies | None, envelope: Envelope, decision: Decision) -> None:
        is_permitted = decision.effect is Effect.PERMIT
        self._bodies = bodies if is_permitted else None
        forbidden = Obligation.NO_LOG_BODIES
        self._why_not = str(forbidden) if forbidden in decision.obligations else ""
        self._request = envelope.raw
        self._request_bytes = envelope.body_bytes
        self._reply: list[bytes] = []
        self._reply_bytes = 0

    def said(self, chunk: bytes) -> None:
        """Note bytes that went to the client; more than may be kept are let go."""
        if self._bodies is None or self._why_not:
            return
        self._reply_bytes += len(chunk)
        if self._reply_bytes > self._bodies.bytes_max:
            self._reply.clear()
        else:
            self._reply.append(chunk)

    async def of_request(self, decided: Decided, subject: str) -> Decided:
        """Return the record with where its body is kept; LedgerUnavailable when it cannot be."""
        if self._bodies is None:
            return decided
        why_not = self._why_not or (TOO_LARGE if self._request_bytes > len(self._request) else "")
        kept = why_not or await self._bodies.keep(decided, subject, self._request)
        self._request = b""
        return replace(decided, body=kept)

    async def of_reply(self, settled: Settled, subject: str) -> Settled:
        """Return the record with where the reply is kept, or why it is not."""
        if self._bodies is None or not settled.reply_bytes:
            return settled
        why_not = self._why_not or (TOO_LARGE if not self._reply else "")
        if why_not:
            return replace(settled, reply_body=why_not)
        data = b"".join(self._reply)
        self._reply.clear()
        try:
            return replace(settled, reply_body=await self._bodies.keep(settled, subject, data))
        except GatewayError:
            # WHY: the reply has gone out; that it could not be kept is what there is to record.
            return replace(settled, reply_body=UNWRITTEN)
