"""A log on a real disk that the real flow has written: policy, routing, dialects, docket."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from gateway.audit import canonical
from gateway.backends import BACKENDS
from gateway.config.backends import Known
from gateway.config.catalogue import read_models
from gateway.domain.decision import Finding, Scan
from gateway.domain.fleet import Fleet
from gateway.domain.route import Failure, FailureKind
from gateway.flow.abilities import operations
from gateway.flow.exchange import Exchange
from gateway.ledger.ledger import Ledger, open_ledger
from gateway.ledger.paths import LedgerPaths
from gateway.policy.compile import compile_bundle
from tests.doubles import engine_bytes
from tests.doubles.houses import Stage, an_envelope, chat
from tests.doubles.ledgers import IDS, a_new_ledger
from tests.doubles.policies import documents, shipped
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world

FIRST_DAY, SECOND_DAY = "2026-11-21", "2026-11-22"
DAY_MS = 86_400_000
CLIENT = "claude-cli/2.0.1 (external, cli)"
NO_GUESTS = {"id": "no-guests", "effect": "deny", "when": {"team": "guests"}, "zones": "any"}
SECRET = Finding("secrets", "gitlab-pat", "/messages/0/content", 0, 5, "print")
CLOUD = {"team": "web", "repos": ("website",)}
HOME = {"team": "pay", "repos": ("payments",), "key_id": "key-pay"}


def a_policy() -> dict[str, Any]:
    """The demo's policy as plain data, with a rule that denies a team."""
    plain = {name: document.value for name, document in shipped("demo").items()}
    plain["policy"] = {**plain["policy"], "rules": [*plain["policy"]["rules"], NO_GUESTS]}
    return plain


def a_catalogue() -> dict[str, Any]:
    """The files of a fleet as plain data: a cloud and two engines of our own."""
    zones = {"cloud": "frontier", "vllm": "on_prem", "vllm-2": "on_prem"}
    offered = {
        "context_tokens": 32_768,
        "output_tokens_max": 8_192,
        "capabilities": ["tools"],
        "price": {"input": "2", "output": "10", "source": "a test", "verified_on": "2026-11-20"},
    }
    backends = {
        name: {"kind": "vllm", "url": f"http://{name}.example:8000", "zone": zone}
        for name, zone in zones.items()
    }
    models = {
        f"{name}-model": {
            "offerings": [{"backend": name, "wire_model": f"{name}-model", **offered}]
        }
        for name in zones
    }
    return {
        "backends": {"version": 1, "backends": backends},
        "catalog": {"version": 1, "models": models},
        "tasks": {"code": [f"{name}-model" for name in zones]},
    }


class FlowLog:
    """A gateway in this process: `ask` sends a request through the flow into the ledger."""

    def __init__(self, ledger: Ledger, stage: Stage) -> None:
        self.ledger = ledger
        self.stage = stage

    @classmethod
    async def open(cls, paths: LedgerPaths) -> "FlowLog":
        stage = Stage()
        boot = IDS.record_id()
        ledger = await open_ledger(paths, boot, stage.house.clock, IDS)
        stage.house = replace(stage.house, ledger=ledger, boot=boot)
        stage.exchange = Exchange(stage.house)
        log = cls(ledger, stage)
        await log.load(a_policy())
        return log

    async def load(self, policy: dict[str, Any], **facts: Any) -> None:
        """Let another policy be in force."""
        stored = {
            "policy": await self.ledger.store_document(policy, "policy"),
            "catalogue": await self.ledger.store_document(a_catalogue(), "catalogue"),
        }
        await self.ledger.record("policy_loaded", {"serial": 0, **stored, **facts})
        compiled = compile_bundle(documents(policy), canonical.digest(policy)).require()
        models = read_models(documents(a_catalogue()), Known(kinds=frozenset(BACKENDS)), Path())
        assert models.problems == ()
        kinds = {name: BACKENDS[one.kind] for name, one in models.backends.items()}
        fleet = Fleet(models.catalogue, {}, operations(models.catalogue, kinds), models.ends)
        world = a_world(fleet, compiled)
        self.stage.worlds.world = replace(world, documents=stored)

    async def ask(self, *, answers: dict[str, list[Any]] | None = None, **changed: Any) -> str:
        """Send one request; returns its record id."""
        self.stage.scanner.found = changed.pop("scan", Scan())
        given = {"cloud": [whole()], "vllm": [whole()], "vllm-2": [whole()], **(answers or {})}
        self.stage.sender.answers = given
        body = chat(changed.pop("model", "code"))
        envelope = replace(an_envelope(body, **{"client": CLIENT, **changed}), id=IDS.record_id())
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
