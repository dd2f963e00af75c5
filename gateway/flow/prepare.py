"""From the body that was classified to a call that is complete and not yet sent."""

from msgspec import Struct

from gateway.domain.dialect import Dialect
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body, Envelope
from gateway.domain.route import Candidate
from gateway.flow.leaving import closed, leaving, taken
from gateway.flow.renaming import renaming
from gateway.transport.backend import Backend, Telling, Way
from gateway.transport.call import HttpCall
from gateway.transport.credentials import Settings
from gateway.transport.send import SENT_FIELDS
from gateway.wire import body as wire_body

STORE = "store"
EVERY_CALL = frozenset({"content-type", "accept"})


class Prepared(Struct, frozen=True):
    """A call, the dialect in which the engine will answer, and what could not be said."""

    call: HttpCall
    target: Dialect
    losses: tuple[str, ...] = ()

    @property
    def header_names(self) -> tuple[str, ...]:
        """The names of the header fields that go along beside what every call has."""
        return tuple(sorted(({name for name, _ in self.call.headers} & SENT_FIELDS) - EVERY_CALL))


class Wish(Struct, frozen=True):
    """In which dialect the client asks for what; `tenant` names whose caches are his, keyed."""

    dialect: Dialect
    ask: Ask
    tenant: str = ""


class Border(Struct, frozen=True):
    """What a zone takes in of what is neither content nor setting.

    `outside` says that its engines are not on the premises: what identifies, what makes a provider
    act, and what nobody knows stays here then, but for what policy lets pass by name. With
    `no_store` the engine is told to keep nothing, where it has a word for that.
    """

    outside: bool
    passed: frozenset[str] = frozenset()
    no_store: bool = False


def prepare(
    envelope: Envelope, wish: Wish, candidate: Candidate, backend: Backend, border: Border
) -> Prepared:
    """Return the call for one candidate: pass-through where dialects agree, else translated.

    What the border does not let pass stays here, as a named loss.
    INVARIANT: what is encoded here is the parsed body that was classified; nothing is read again.
    """
    ask = wish.ask
    offering = candidate.offering
    way = backend.way(wish.dialect, offering.wire_model)
    if way is None:
        raise CannotExpress(f"The engine that may see this request cannot {ask.wants}.")
    target, body, losses = _said(envelope.body, wish, candidate, way, border)
    telling = _telling(envelope, wish, offering, backend.settings)
    for quirk in (*backend.quirks, *way.quirks):
        body = quirk(body, offering)
    body, untaken = taken(body, target, way.takes)
    if border.no_store and STORE in target.fields and STORE in (way.takes or (STORE,)):
        body = {**body, STORE: False}
    body, unfit = way.fitted(body, telling)
    if way.salted is not None and wish.tenant:
        body = way.salted(body, wish.tenant)
    if way.marked is not None:
        body = way.marked(body, envelope.id)
    fields, untold = way.fields(telling)
    headers = (
        ("content-type", "application/json"),
        ("accept", target.stream_type if ask.stream else "application/json"),
        *backend.headers,
        *fields,
    )
    path = way.of(offering.wire_model, streams=ask.stream)
    call = HttpCall(offering.backend, "POST", path, headers, wire_body.encode(body))
    return Prepared(call, target, closed((*losses, *untaken, *unfit, *untold)))


def _telling(envelope: Envelope, wish: Wish, offering: Offering, settings: Settings) -> Telling:
    """Return what the client told beside the messages: in header fields, or in its body."""
    told = dict(envelope.told)
    for name, value in wish.dialect.told(envelope.body).items():
        told[name] = f"{told[name]},{value}" if name in told else value
    return Telling(told, offering, envelope.id, settings, streams=wish.ask.stream)


def refuse_losses(prepared: Prepared) -> None:
    """Raise CannotExpress when the policy refuses what translation would lose."""
    if prepared.losses:
        named = ", ".join(prepared.losses)
        raise CannotExpress(f"The engine that may see this request cannot express: {named}.")


def _said(
    body: Body, wish: Wish, candidate: Candidate, way: Way, border: Border
) -> tuple[Dialect, Body, tuple[str, ...]]:
    dialect, ask = wish.dialect.letting(border.passed), wish.ask
    target = way.dialect
    if border.outside:
        _require_readable(body, dialect)
    if dialect.family == target.family:
        kept, lost = leaving(body, dialect, border.passed) if border.outside else (body, ())
        losses = closed((*lost, *dialect.sheds(kept)))
        return target, dialect.rewrite(kept, candidate.offering, ask.stream), losses
    if ask.reaches:
        # WHY: what policy lets pass is said in the words of one vendor; no other knows them.
        named = ", ".join(sorted(ask.reaches))
        raise CannotExpress(f"The engine that may see this request has no word for {named}.")
    matter, unread = wish.dialect.read(body)
    written, unsaid = target.write(matter, candidate.offering, ask.stream)
    losses = closed((*unread, *unsaid))
    return renaming(target, target.renamed(matter)), written, losses


def _require_readable(body: Body, dialect: Dialect) -> None:
    """Raise CannotExpress for what nobody here can judge.

    INVARIANT: what no detector can look at does not leave the premises, and neither does a part of
    a kind that nobody here knows: it may be an order to fetch or to run something.
    """
    if unseen := dialect.unseen(body):
        named = ", ".join(unseen)
        raise CannotExpress(
            f"No detector reads ids of tokens, so {named} does not leave the premises: send text."
        )
    if dialect.strange(body):
        raise CannotExpress(
            "A part of a kind that its vendor does not document does not leave the premises."
        )
