"""What engines outside the premises are told of a body: every kind of them, one after the other."""

from typing import Any

from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.dialects import DIALECTS
from gateway.domain.decision import Effect
from gateway.domain.fleet import Fleet
from gateway.domain.request import Operation
from gateway.flow.abilities import EMBEDS, operations
from gateway.transport.call import HttpCall
from tests.doubles.fleets import PRICED, a_catalogue, an_offering
from tests.doubles.houses import Stage, an_envelope
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world

# The kind of a backend, and a model there that leads to each of its ways.
KINDS = (
    ("anthropic", "claude-opus"),
    ("openai", "gpt-5"),
    ("openai_compatible", "m"),
    ("bedrock", "anthropic.claude-opus"),
    ("vertex", "claude-opus-4-5"),
    ("vertex", "gemini-2.5-pro"),
)
ABLE = frozenset({"audio", "documents", "images", "thinking", "tools", "video"})


def a_stage(dialect: str, kind: str, model: str) -> Stage:
    """Return a house whose one engine is outside, of that kind; it answers with errors alone."""
    embeds = DIALECTS[dialect].operation is Operation.EMBED
    able = frozenset({EMBEDS}) if embeds else ABLE
    offering = an_offering(
        "far", "cloud", "frontier", wire_model=model, capabilities=able, price=PRICED
    )
    catalogue = a_catalogue(offering, tasks={"code": ("far",)})
    backends = {"cloud": BACKENDS[kind]}
    fleet = Fleet(catalogue, {}, operations(catalogue, backends))
    stage = Stage(a_world(fleet), cloud=[ScriptedReply(b"{}", status=500)] * 2)
    stage.house.backends.update(backends)
    return stage


async def told_outside(dialect: str, body: dict[str, Any], **more: Any) -> list[HttpCall]:
    """Return what the engines outside are told of one body, in whichever of their dialects."""
    found: list[HttpCall] = []
    for kind, model in KINDS:
        stage = a_stage(dialect, kind, model)
        envelope = an_envelope(body, dialect=dialect, asked="code", streams=False, **more)
        # As a surface hands it on: with what came packed in it.
        envelope = replace(envelope, body=DIALECTS[dialect].unpack(envelope.body))
        await stage.ask(envelope)
        found += [call for _, call in stage.sender.sent]
        if stage.ledger.decided[0].decision.effect is Effect.REFUSED:
            # It was turned away before any engine was thought of: so it is for each of them.
            assert not found
            break
    return found


def held_in(call: HttpCall, word: str) -> bool:
    return word.encode() in call.body or word in call.path or word in repr(call.headers)
