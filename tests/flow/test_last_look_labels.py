"""Between the record of a try and its dial a label may rise, or a border: then nothing leaves."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.classification.allowed import by_fingerprint
from gateway.domain.allowed import Allowed
from gateway.domain.caller import Repo, RepoRegistry
from gateway.domain.decision import Finding, Scan
from gateway.flow.ports import World
from gateway.flow.stopping import POLICY_CHANGED
from tests.doubles import engine_bytes
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope, chat
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world, demo_with
from tests.flow.test_last_look import MOMENTS, Change, of_program, of_world, ruled, tried
from tests.flow.test_redacting import PAT, with_detectors

pytestmark = pytest.mark.anyio
PUBLIC = {"repos": ("website",)}
TOKEN = Finding("secrets", "github-pat", "/messages/0/content", 0, 5, "its hash")
NAME = Finding("contacts", "email", "/messages/0/content", 0, 5, "a hash", tag_only=True)


def a_stage(*rules: dict[str, Any]) -> Stage:
    stage = Stage(a_world(a_fleet(CATALOGUE), demo_with(*rules) if rules else None))
    stage.sender.answers["cloud"] = [ScriptedReply(engine_bytes.chat_whole())]
    return stage


def raised(name: str) -> Change:
    """What that detector finds is of the strictest label by now."""
    return of_program(
        lambda one: replace(one, raises={**one.raises, name: one.vocabulary.top}, counts={})
    )


def registered(change: dict[str, Any]) -> Change:
    def registry(world: World) -> World:
        repos = dict(world.registry.repos)
        known: Repo = repos["website"]
        fields = {"label": world.vocabulary.top, **change}
        if "id" in fields:
            del repos["website"]
        repos[fields.get("id", known.id)] = replace(known, **fields)
        return replace(world, registry=RepoRegistry(repos, world.registry.unregistered))

    return of_world(registry)


def defaulted(stage: Stage) -> None:
    of_program(lambda one: replace(one, default=one.vocabulary.top))(stage)


def unseen(stage: Stage) -> None:
    of_program(lambda one: replace(one, unseen_assistant=one.vocabulary.top))(stage)


def unallowed(stage: Stage) -> None:
    stage.worlds.world = replace(stage.worlds.world, allows={})


def allowing(stage: Stage) -> None:
    until = stage.house.clock.now() + timedelta(hours=1)
    allows = by_fingerprint([Allowed("its hash", "website", until)])
    stage.worlds.world = replace(stage.worlds.world, allows=allows)


async def asked(stage: Stage, **changed: Any) -> int:
    changed = {"caller": PUBLIC, **changed}
    status, _, _ = await stage.ask(an_envelope(changed.pop("body", chat("opus")), **changed))
    return status


RISES: dict[str, tuple[Change, dict[str, Any]]] = {
    "a repository": (registered({}), {}),
    "a repository that left": (registered({"id": "another"}), {}),
    "what it claims": (
        registered({}),
        {"caller": {"label": "public"}, "claims": {"repo": "website"}},
    ),
    "a claim that says nothing any more": (
        registered({"id": "another"}),
        {"caller": {"label": "public"}, "claims": {"repo": "website"}},
    ),
    "a detector": (raised("contacts"), {}),
    "replies from elsewhere": (unseen, {}),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", RISES)
async def test_a_label_that_is_stricter_by_now_keeps_the_request_here(name, moment) -> None:
    change, changed = RISES[name]
    stage = a_stage()
    stage.scanner.found = Scan((NAME,))
    moment(stage, change, "cloud")
    assert await asked(stage, **changed) == 503
    assert stage.sender.sent == []
    assert tried(stage) == [POLICY_CHANGED]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_what_nobody_labelled_may_be_stricter_by_now(moment) -> None:
    stage = a_stage(
        {
            "id": "n",
            "effect": "deny",
            "when": {"level_min": "restricted"},
            "zones": ["frontier"],
            "reason": "x",
        }
    )
    of_program(lambda one: replace(one, default=one.vocabulary.parse("public")))(stage)
    moment(stage, defaulted, "cloud")
    await asked(stage, caller={})
    assert stage.sender.sent == []
    assert tried(stage) == [POLICY_CHANGED]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_a_finding_that_is_allowed_no_more_keeps_the_request_here(end, moment) -> None:
    stage = a_stage()
    allowing(stage)
    stage.scanner.found = Scan((TOKEN,))
    ends = unallowed if end == "revoked" else lambda one: one.house.clock.pass_ms(3_600_000)
    moment(stage, ends, "cloud")
    await asked(stage)
    assert str(stage.ledger.decided[0].label) == "public"
    assert stage.sender.sent == []
    assert tried(stage) == [POLICY_CHANGED]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    "change",
    [
        of_program(lambda one: replace(one, digest="sha256:other")),
        registered({"label": demo_with().vocabulary.parse("public"), "paths": ("/src/website",)}),
        allowing,
    ],
    ids=["the same", "another folder", "allowed again"],
)
async def test_what_raises_no_label_stops_nothing(change, moment) -> None:
    stage = a_stage()
    allowing(stage)
    stage.scanner.found = Scan((TOKEN,))
    moment(stage, change, "cloud")
    assert await asked(stage) == 200


def afar(name: str) -> Change:
    """The machines of that zone are not ours any more; all else of it stays."""

    def changed(stage: Stage) -> None:
        program = stage.worlds.world.program
        zones = {**program.zones, name: replace(program.zones[name], premises=False)}
        stage.worlds.world = replace(stage.worlds.world, program=replace(program, zones=zones))

    return changed


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_call_that_was_made_for_our_premises_goes_nowhere_else(moment) -> None:
    stage = Stage(a_world(a_fleet(CATALOGUE), demo_with()))
    stage.sender.answers["vllm"] = [ScriptedReply(engine_bytes.chat_whole())]
    moment(stage, afar("on_prem"), "vllm")
    await asked(stage, body=chat("qwen", user="ada"), caller={"label": "public"})
    assert stage.sender.sent == []
    assert set(tried(stage)) == {POLICY_CHANGED}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("fields", "leaves"), [({"user": "ada"}, False), ({}, True)])
async def test_a_field_that_passes_no_more_is_not_passed(fields, leaves, moment) -> None:
    stage = a_stage()
    of_program(lambda one: replace(one, passes={"frontier": frozenset({"user"})}))(stage)
    moment(stage, of_program(lambda one: replace(one, passes={})), "cloud")
    await asked(stage, body=chat("opus", **fields))
    assert bool(stage.sender.sent) is leaves


@pytest.mark.parametrize("moment", MOMENTS)
async def test_what_is_to_be_redacted_by_now_and_was_not_stays_here(moment) -> None:
    """The same rule asks for one kind more; what it asked for then is taken out already."""
    hide = {"id": "hide", "effect": "oblige", "obligations": ["redact"]}
    asks = hide | {"when": {"detector": ["github-pat"]}}
    more = {"detector": ["github-pat", "email"]}
    stage = with_detectors(a_stage(asks))
    moment(stage, ruled(hide | {"when": more}), "cloud")
    body = chat("opus", messages=[{"role": "user", "content": f"{PAT} of ada@firm.de"}])
    await asked(stage, body=body)
    assert stage.ledger.decided[0].redaction.replaced == {"github-pat": 1}
    assert stage.sender.sent == []
    assert tried(stage) == [POLICY_CHANGED]
