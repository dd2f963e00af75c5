"""A house in memory: the real flow, dialects, policy and routing; scripted engines."""

from typing import Any

from gateway.dialects import DIALECTS
from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.caller import Caller
from gateway.domain.decision import Finding, Scan
from gateway.domain.request import Body, Claims, Envelope
from gateway.flow.background import Background
from gateway.flow.exchange import Exchange
from gateway.flow.house import House
from gateway.flow.naming import keyed
from gateway.flow.ports import World
from gateway.transport.backend import Backend, Way
from tests.doubles.fleets import PRICED, a_catalogue, a_fleet, an_offering
from tests.doubles.manual import CountedIds, CountedMeters, KeptLog, ManualClock, ManualHealth
from tests.doubles.memory_conversations import MemoryConversations
from tests.doubles.memory_ledger import MemoryLedger
from tests.doubles.scripted_sender import Answer, ScriptedSender
from tests.doubles.worlds import ManualWorlds, a_world

PLACEHOLDER_KEY = b"a key of placeholders, 32 bytes."
CHAT_PATH = "/v1/chat/completions"
VLLM = Backend(
    name="vllm",
    ways=(
        Way(dialect=OPENAI_CHAT, path=CHAT_PATH),
        Way(dialect=ANTHROPIC_MESSAGES, path="/v1/messages"),
    ),
    credential=lambda _: (),
)
OLLAMA = Backend(
    name="ollama",
    ways=(Way(dialect=OLLAMA_CHAT, path="/api/chat"),),
    credential=lambda _: (),
    breach=lambda payload, *_: "a reply came from a remote host" * (b'"remote_host"' in payload),
)
CLOUD = an_offering("opus", "cloud", "frontier", price=PRICED)
HOME = an_offering("qwen", "vllm", "on_prem", wire_model="Qwen/Qwen3")
SPARE = an_offering("qwen", "vllm-2", "on_prem")
LOCAL = an_offering("tiny", "ollama", "on_prem", wire_model="tiny:1b")
CATALOGUE = a_catalogue(
    CLOUD,
    HOME,
    SPARE,
    LOCAL,
    tasks={"code": ("opus", "qwen"), "local": ("tiny",)},
)


class FixedScanner:
    def __init__(self, scan: Scan = Scan()) -> None:  # noqa: B008 - a frozen value
        self.found = scan

    async def scan(self, body: Body) -> Scan:
        return self.found

    def look(self, text: str) -> Scan:
        return Scan()

    async def spots(self, body: Body) -> tuple[Finding, ...]:
        return self.found.findings


class Stage:
    """One exchange with everything around it in reach."""

    def __init__(self, world: World | None = None, **answers: list[Answer]) -> None:
        self.trace: list[str] = []
        self.ledger = MemoryLedger(self.trace)
        self.sender = ScriptedSender(self.trace, **answers)
        self.worlds = ManualWorlds(world or a_world(a_fleet(CATALOGUE)))
        self.health = ManualHealth()
        self.meters = CountedMeters()
        self.scanner = FixedScanner()
        self.background = Background()
        self.conversations = MemoryConversations()
        self.log = KeptLog()
        self.house = House(
            worlds=self.worlds,
            ledger=self.ledger,
            sender=self.sender,
            health=self.health,
            scanner=self.scanner,
            conversations=self.conversations,
            clock=ManualClock(),
            ids=CountedIds(),
            meters=self.meters,
            log=self.log,
            background=self.background,
            backends={"cloud": VLLM, "vllm": VLLM, "vllm-2": VLLM, "ollama": OLLAMA},
            dialects=DIALECTS,
            boot="boot-1",
            names=keyed(PLACEHOLDER_KEY),
        )
        self.exchange = Exchange(self.house)

    async def ask(self, envelope: Envelope) -> tuple[int, dict[str, str], bytes]:
        """Exchange, read the reply to its end, and wait for the settlement."""
        reply = await self.exchange.exchange(envelope)
        body = reply.body
        if not isinstance(body, bytes):
            body = b"".join([chunk async for chunk in body])
        assert await self.background.drain(5)
        return reply.status, dict(reply.headers), body


def an_envelope(body: dict[str, Any] | None = None, **changed: Any) -> Envelope:
    known = {"key_id": "key-1", "subject": "ada@example.com", "team": "team"}
    caller = Caller(**{**known, **changed.pop("caller", {})})
    return Envelope(
        id="019aa000-0000-7000-8000-000000000000",
        received_us=0,
        caller=caller,
        surface=changed.pop("surface", "chat_completions"),
        dialect=changed.pop("dialect", "openai_chat"),
        claims=Claims(**changed.pop("claims", {})),
        body=body or chat(),
        body_bytes=100,
        body_sha256=b"\x00" * 32,
        **changed,
    )


def chat(model: str = "code", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}


def message(model: str = "code", **more: Any) -> dict[str, Any]:
    return {**chat(model), "max_tokens": 64, **more}
