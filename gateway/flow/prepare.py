"""From the body that was classified to a call that is complete and not yet sent."""

from msgspec import Struct

from gateway.domain.dialect import Dialect
from gateway.domain.errors import CannotExpress
from gateway.domain.request import Ask, Body, Envelope
from gateway.domain.route import Candidate
from gateway.transport.backend import Backend
from gateway.transport.call import HttpCall
from gateway.wire import body as wire_body

LOSSES_MAX = 64


class Prepared(Struct, frozen=True):
    """A call, the dialect in which the engine will answer, and what could not be said."""

    call: HttpCall
    target: Dialect
    losses: tuple[str, ...] = ()


def prepare(
    envelope: Envelope, dialect: Dialect, ask: Ask, candidate: Candidate, backend: Backend
) -> Prepared:
    """Return the call for one candidate: pass-through where dialects agree, else translated.

    INVARIANT: what is encoded here is the parsed body that was classified; nothing is read again.
    """
    target, body, losses = _said(envelope.body, dialect, ask, candidate, backend)
    for quirk in backend.quirks:
        body = quirk(body, candidate.offering)
    headers = (
        ("content-type", "application/json"),
        ("accept", target.stream_type if ask.stream else "application/json"),
        *backend.headers,
    )
    path = backend.speaks[target.name].path
    raw = wire_body.encode(body)
    call = HttpCall(candidate.offering.backend, "POST", path, headers, raw)
    return Prepared(call, target, losses)


def refuse_losses(prepared: Prepared) -> None:
    """Raise CannotExpress when the policy refuses what translation would lose."""
    if prepared.losses:
        named = ", ".join(prepared.losses)
        raise CannotExpress(f"The engine that may see this request cannot express: {named}.")


def _said(
    body: Body, dialect: Dialect, ask: Ask, candidate: Candidate, backend: Backend
) -> tuple[Dialect, Body, tuple[str, ...]]:
    if dialect.name in backend.speaks:
        return dialect, dialect.rewrite(body, candidate.offering, ask.stream), ()
    target = backend.dialects[0]
    conversation, unread = dialect.read(body)
    written, unsaid = target.write(conversation, candidate.offering, ask.stream)
    losses = tuple(dict.fromkeys((*unread, *unsaid)))
    return target, written, losses[:LOSSES_MAX]
