"""A log on a real disk that the real flow has written: policy, routing, dialects, docket."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from gateway.audit import canonical
from gateway.domain.decision import Finding, Scan
from gateway.domain.document import Document
from gateway.domain.route import Failure, FailureKind
from gateway.flow.exchange import Exchange
from gateway.ledger.ledger import Ledger, open_ledger
from gateway.ledger.paths import LedgerPaths
from gateway.policy.compile import compile_bundle
from tests.doubles import engine_bytes
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope, chat
from tests.doubles.ledgers import IDS, a_new_ledger
from tests.doubles.policies import shipped
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world

FIRST_DAY, SECOND_DAY = "2026-11-21", "2026-11-22"
DAY_MS = 86_400_000
NO_GUESTS = {"id": "no-guests", "effect": "deny", "when": {"team": "guests"}, "zones": "any"}
SECRET = Finding("secrets", "gitlab-pat", "/messages/0/content", 0, 5, "print")
CLOUD = {"team": "web", "repos": ("website",)}
HOME = {"team": "pay", "repos": ("payments",), "key_id": "key-pay"}


def a_policy() -> dict[str, Any]:
    """The demo's policy as plain data, with a rule that denies a team."""
    plain = {name: document.value for name, document in shipped("demo").items()}
    plain["policy"] = {**plain["policy"], "rules": [*plain["policy"]["rules"], NO_GUESTS]}
    return plain


class FlowLog:
    """A gateway in this process: `ask` sends a request through the flow into the ledger."""

    def __init__(self, ledger: Ledger, stage: Stage) -> None:
        self.ledger = ledger
        self.stage = stage

    @classmethod
    async def open(cls, paths: LedgerPaths, policy: dict[str, Any] | None = None) -> "FlowLog":
        stage = Stage()
        boot = IDS.record_id()
        ledger = await open_ledger(paths, boot, stage.house.clock, IDS)
        plain = policy or a_policy()
        stored = {
            "policy": await ledger.store_document(plain, "policy"),
            "catalogue": await ledger.store_document({"a": "catalogue"}, "catalogue"),
        }
        await ledger.record("policy_loaded", {"serial": 0, **stored})
        named = {name: Document(f"{name}.yaml", value) for name, value in plain.items()}
        compiled = compile_bundle(named, canonical.digest(plain)).require()
        world = replace(a_world(a_fleet(CATALOGUE), compiled), documents=stored)
        stage.worlds.world = world
        stage.house = replace(stage.house, ledger=ledger, boot=boot)
        stage.exchange = Exchange(stage.house)
        return cls(ledger, stage)

    async def ask(self, *, answers: dict[str, list[Any]] | None = None, **changed: Any) -> str:
        """Send one request; returns its record id."""
        self.stage.scanner.found = changed.pop("scan", Scan())
        given = {"cloud": [whole()], "vllm": [whole()], "vllm-2": [whole()], **(answers or {})}
        self.stage.sender.answers = given
        body = chat(changed.pop("model", "code"))
        envelope = replace(an_envelope(body, **changed), id=IDS.record_id())
        await self.stage.ask(envelope)
        return envelope.id

    def next_day(self) -> None:
        self.stage.house.clock.pass_ms(DAY_MS)


def whole() -> ScriptedReply:
    return ScriptedReply(engine_bytes.chat_whole())


def limited() -> Failure:
    return Failure(FailureKind.OVERLOADED, sent=True, status=503)


async def everyday(log: FlowLog) -> None:
    """One request of each kind, on two days."""
    await log.ask(caller=CLOUD)
    await log.ask(caller=HOME, claims={"label": "public"})
    await log.ask(caller=HOME, answers={"vllm": [limited()]})
    await log.ask(caller=CLOUD, scan=Scan((SECRET,)))
    await log.ask(caller={"team": "guests", "repos": ("website",)})
    log.next_day()
    await log.ask(caller={"team": "new"})
    await log.ask(caller=CLOUD, claims={"label": "restricted"})
    await log.ask(caller=CLOUD, model="unheard-of")


def a_flow_log(root: Path, write: Callable[[FlowLog], Awaitable[None]] = everyday) -> LedgerPaths:
    """Write a log and close it."""
    paths = a_new_ledger(root)

    async def run() -> None:
        log = await FlowLog.open(paths)
        try:
            await write(log)
        finally:
            await log.ledger.close()

    asyncio.run(run())
    return paths
