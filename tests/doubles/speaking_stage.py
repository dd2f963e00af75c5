"""A house in memory whose engines speak every dialect of theirs, and can stop in mid-sentence.

What an engine answers is made by the scripted engine's own dialects, for the path that it is asked
at; so each surface can be asked of each kind of engine.
"""

import asyncio
import base64
import re
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.cli.mock_backend.server import DIALECTS, STREAMING, ScriptedEngine
from gateway.dialects import DIALECTS as SPOKEN
from gateway.domain.fleet import Fleet
from gateway.domain.request import Envelope, Operation
from gateway.domain.route import Candidate, Failure, FailureKind, Route
from gateway.flow.abilities import operations
from gateway.surfaces.surface import SURFACES
from gateway.transport.call import HttpCall
from tests.doubles.fleets import FREE, PRICED, a_catalogue, an_offering
from tests.doubles.houses import Stage, an_envelope
from tests.doubles.scripted_sender import Answer, ScriptedReply, ScriptedSender
from tests.doubles.worlds import a_world
from tests.flow.test_adversaries_surfaces import BODIES

# By name of the backend: its kind, and its zone.
KINDS = {
    "cloud": ("scripted", "frontier"),
    "vllm": ("vllm", "on_prem"),
    "ollama": ("ollama", "on_prem"),
}
REPLYING = frozenset({Operation.GENERATE, Operation.COMPLETE})


class Spoken(Struct, frozen=True):
    """A dialect of a surface, and what its path says of streams; None where the body says it."""

    surface: str
    dialect: str
    streams: bool | None

    def __str__(self) -> str:
        return self.dialect

    def envelope(
        self, model: str, text: str = "hello", *, stream: bool = True, **more: Any
    ) -> Envelope:
        """Return a request as the surface hands it on."""
        dialect = SPOKEN[self.dialect]
        told = {} if self.streams is not None or not self.replies else {"stream": stream}
        body = BODIES[SAID_AS.get(self.dialect, self.dialect)](text) | told
        body |= ADDED.get(self.dialect, {}) | more.pop("fields", {})
        if self.dialect == "bedrock_count":
            body["input"] = {"converse": BODIES["bedrock_converse"](text)}
        if "model" in body:
            body["model"] = model
        return an_envelope(
            dialect.unpack(body),
            dialect=self.dialect,
            surface=self.surface,
            asked=model,
            streams=self.streams and stream,
            **more,
        )

    @property
    def replies(self) -> bool:
        """Is it asked for words that can be streamed?"""
        return SPOKEN[self.dialect].operation in REPLYING


SAID_AS = {"gemini_array": "gemini"}
# WHY: without it, Ollama would put a template of the model's around the prompt.
ADDED = {"ollama_generate": {"raw": True}}
_PACKED = re.compile(rb'"bytes":"([A-Za-z0-9+/=]+)"')


def _spoken() -> tuple[Spoken, ...]:
    """Return each dialect of the surfaces once, as one that streams where it can."""
    found: dict[str, Spoken] = {}
    for surface in SURFACES.values():
        for dialect in filter(None, (surface.dialect, surface.plain)):
            known = found.get(dialect)
            if known is None or surface.streams:
                found[dialect] = Spoken(surface.name, dialect, surface.streams)
    return tuple(found.values())


EVERY = _spoken()
STREAMED = tuple(one for one in EVERY if one.replies)


class Speaking(ScriptedSender):
    """Answers each call in its dialect; `breaks` ends a stream in the middle, as a fault does.

    Answers that are given by backend come first; `remote` has another host answer, as Ollama may.
    """

    def __init__(self, trace: list[str], **answers: list[Answer]) -> None:
        super().__init__(trace, **answers)
        self.text: tuple[str, ...] = ("amber", "birch", "cedar", "delta")
        self.breaks: FailureKind | None = None
        self.remote = False
        self.engine = ScriptedEngine("scripted", 1)

    async def send(self, candidate: Candidate, route: Route, call: HttpCall) -> ScriptedReply:
        given = self.answers.setdefault(call.backend, [])
        if not given:
            given.append(self._spoken(call))
        return await super().send(candidate, route, call)

    def _spoken(self, call: HttpCall) -> ScriptedReply:
        dialect = DIALECTS[call.path]
        does = {"remote": None} if self.remote else {}
        script = self.engine.script(dialect, call.body)
        script = replace(script, text=self.text, behaviours=does)
        streams = dialect in STREAMING and b'"stream":' not in call.body
        if not (script.stream or streams):
            return ScriptedReply(dialect.whole(script))
        events = dialect.stream(script)
        if self.breaks is not None:
            events = events[: len(events) - 3]
        return Slow(*events, content_type=dialect.STREAM_TYPE, breaks=self.breaks)


class Slow(ScriptedReply):
    """Waits before each chunk, so that whoever wants to can end it there."""

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        async for chunk in super().chunks():
            await asyncio.sleep(0)
            yield chunk


def speaking(**answers: list[Answer]) -> Stage:
    """Return a stage with the models cloud-model, vllm-model and ollama-model, and the like that
    embed.
    """
    backends = {name: BACKENDS[kind] for name, (kind, _) in KINDS.items()}
    offered = [
        an_offering(
            f"{name}-{what}",
            name,
            zone,
            price=PRICED if zone == "frontier" else FREE,
            capabilities=frozenset({"tools", "images", *able}),
        )
        for name, (_, zone) in KINDS.items()
        for what, able in (("model", ()), ("vectors", ("embeddings",)))
    ]
    catalogue = a_catalogue(*offered)
    stage = Stage(a_world(Fleet(catalogue, {}, operations(catalogue, backends))))
    stage.sender = Speaking(stage.trace, **answers)
    stage.house = replace(stage.house, backends=backends, sender=stage.sender)
    stage.exchange = type(stage.exchange)(stage.house)
    return stage


def limited() -> Failure:
    """Return what an engine that asks for another try at once is heard as."""
    return Failure(FailureKind.RATE_LIMITED, sent=True, retry_after_s=0)


def readable(raw: bytes) -> bytes:
    """Return what a client got, with what came packed in it as Bedrock packs it."""
    return raw + b"".join(map(base64.b64decode, _PACKED.findall(raw)))


def decoded(call: HttpCall) -> dict[str, Any]:
    return msgspec.json.decode(call.body)
