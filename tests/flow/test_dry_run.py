"""Where a request would go: judged as serving would, recorded, and nothing sent."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit.record import Admin
from gateway.domain.errors import Malformed, TooMany
from gateway.flow.dry_run import ASKED_PER_MINUTE_MAX, KEYS_MAX, MINUTE_US, DryRun, Turnstile
from gateway.stores.scanner import DetectorScanner
from tests.doubles.compiled_detectors import all_detectors
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope, chat
from tests.doubles.vendor_secrets import FORMATS, Draw
from tests.doubles.worlds import a_world, demo_with

pytestmark = pytest.mark.anyio
PAT = FORMATS["github-pat"](Draw("dry"))
MAY = {"may": frozenset({"explain"})}
HIDE = {"id": "hide", "effect": "oblige", "when": {"detector": ["github-pat"]}}


def a_stage(*rules: dict[str, Any]) -> Stage:
    stage = Stage(a_world(a_fleet(CATALOGUE), demo_with(*rules)) if rules else None)
    scanner = DetectorScanner(all_detectors(), b"a key of fingerprints")
    stage.house = replace(stage.house, scanner=scanner)
    return stage


async def told(stage: Stage, body: dict[str, Any], **more: Any) -> tuple[int, dict[str, Any]]:
    caller = {**MAY, **more.pop("caller", {})}
    reply = await DryRun(stage.house).exchange(an_envelope(body, caller=caller, **more))
    assert stage.sender.sent == []
    return reply.status, msgspec.json.decode(reply.body)


def recorded(stage: Stage) -> list[Admin]:
    return [one for one in stage.ledger.records if isinstance(one, Admin)]


def saying(text: str) -> dict[str, Any]:
    return chat() | {"messages": [{"role": "user", "content": text}]}


async def test_it_says_label_boundary_candidates_and_why_not_the_others() -> None:
    stage = a_stage()
    status, said = await told(stage, saying("hello"), claims={"label": "restricted"})
    assert (status, said["sent"], said["label"]) == (200, False, "restricted")
    assert said["decision"]["effect"] == "permit"
    assert said["decision"]["boundary"] == ["on_prem"]
    assert said["decision"]["because"] == ["restricted-stays-home"]
    assert [one["offering"] for one in said["candidates"]] == ["qwen@vllm", "qwen@vllm-2"]
    assert said["excluded"] == {"opus@cloud": "clearance"}
    assert said["zones"] == {"frontier": "clearance", "on_prem": None}
    sources = {one["source"]: one["label"] for one in said["signals"]}
    assert sources == {"default": "internal", "claim:label": "restricted"}


async def test_it_tells_kinds_of_findings_and_neither_place_nor_number() -> None:
    stage = a_stage()
    _, said = await told(stage, saying(f"{PAT} and {PAT}"))
    assert said["findings"] == ["github-pat"]
    assert said["raised_by"] == ["detector:secrets"]
    text = msgspec.json.encode(said)
    for hidden in (PAT.encode(), b"/messages", b'"start"', b"fingerprint", b": 2"):
        assert hidden not in text


async def test_it_is_recorded_before_it_is_told_without_a_word_of_the_request() -> None:
    stage = a_stage()
    await told(stage, saying(PAT))
    (record,) = recorded(stage)
    assert record.what == "route_asked"
    assert record.facts == {
        "key": "key-1",
        "surface": "chat_completions",
        "asked": "code",
        "label": "restricted+secret",
        "findings": ["github-pat"],
        "not_verified": [],
        "effect": "permit",
        "reason": "permitted",
        "boundary": ["on_prem"],
        "policy": "sha256:policy",
    }
    assert stage.ledger.decided == []


async def test_what_cannot_be_recorded_is_not_told() -> None:
    stage = a_stage()
    stage.ledger.full = True
    status, said = await told(stage, saying("hello"))
    assert status == 503
    assert "label" not in said


async def test_a_key_has_to_say_that_it_may_ask() -> None:
    stage = a_stage()
    status, said = await told(stage, chat(), caller={"may": frozenset()})
    assert status == 400
    assert "may not ask where a request would go" in said["error"]["message"]
    assert recorded(stage)[0].facts["error"] == "not_allowed"


async def test_what_cannot_be_judged_is_refused_as_serving_would_and_recorded() -> None:
    stage = a_stage()
    status, _ = await told(stage, chat("nobody-knows-it"))
    assert status == 404
    assert recorded(stage)[0].facts["error"] == "model_not_found"
    reply = await DryRun(stage.house).turn_away(an_envelope(), Malformed("It cannot be read."))
    assert reply.status == 400
    assert recorded(stage)[1].facts["error"] == "malformed"


async def test_an_error_of_ours_is_an_error_and_no_answer() -> None:
    stage = a_stage()

    class Broken:
        async def scan(self, _body: object) -> None:
            raise RuntimeError(PAT)

    stage.house = replace(stage.house, scanner=Broken())
    status, said = await told(stage, chat())
    assert status == 500
    assert PAT not in str(said)
    assert recorded(stage)[0].facts["error"] == "internal_error"


async def test_nothing_is_remembered_and_no_grant_is_used() -> None:
    stage = a_stage()
    await told(stage, saying("word " * 100), claims={"label": "restricted"})
    await told(stage, saying("word " * 100))
    _, said = await told(stage, saying("word " * 100))
    assert said["label"] == "internal"


async def test_what_would_be_redacted_is_told_by_kind() -> None:
    stage = a_stage(HIDE | {"obligations": ["redact"]})
    _, said = await told(stage, saying(PAT))
    assert said["redacted"] == {
        "label": "restricted+secret", "kinds": ["github-pat"], "failed": None,
    }  # fmt: skip
    assert said["label"] == "internal"
    _, said = await told(stage, saying(f"{PAT} [[redacted:x:abcdefghijklmnop]]"))
    assert said["decision"]["reason"] == "cannot_redact"
    assert said["redacted"]["failed"] == "the request holds a placeholder already"
    assert said["zones"] == {"frontier": "clearance", "on_prem": "cannot_redact"}


async def test_rules_in_the_shadow_are_told() -> None:
    shadow = {"id": "dark", "effect": "deny", "when": {"any": True}, "zones": "any"}
    _, said = await told(a_stage(shadow | {"mode": "shadow"}), chat())
    assert said["shadow"] == {"rules": ["dark"], "effect": "deny", "boundary": []}


def test_a_key_asks_so_often_in_a_minute_and_no_more() -> None:
    turnstile = Turnstile()
    for number in range(ASKED_PER_MINUTE_MAX):
        turnstile.require("one", number)
    with pytest.raises(TooMany) as caught:
        turnstile.require("one", MINUTE_US - 1)
    assert (caught.value.status, caught.value.retry_after_s) == (429, 60)
    turnstile.require("another", 0)
    turnstile.require("one", MINUTE_US)


def test_no_number_of_keys_fills_the_memory() -> None:
    turnstile = Turnstile()
    for number in range(KEYS_MAX):
        turnstile.require(f"key-{number}", 0)
    with pytest.raises(TooMany):
        turnstile.require("one-more", MINUTE_US - 1)
    turnstile.require("one-more", MINUTE_US + 1)
    turnstile.require("key-1", MINUTE_US + 1)
