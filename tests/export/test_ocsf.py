"""Events for a SIEM, held against the schema that OCSF publishes; they name no person."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from msgspec.structs import replace
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from gateway.domain.decision import Effect
from gateway.domain.route import OutcomeKind
from gateway.export import ocsf
from gateway.export.ocsf import Told, event, events, line
from gateway.export.selection import Asked
from tests.doubles.ledgers import IDS, a_boot, a_new_ledger, a_request, serve
from tests.doubles.records import (
    CANARIES,
    NOW_US,
    a_decided,
    a_decision,
    a_person,
    a_settled,
    an_attempted,
)

ORIGIN = "perimeter.example/gw-0"


@cache
def validator() -> jsonschema.Draft202012Validator:
    """Holds to API Activity with our profiles, as OCSF publishes it; no other field may be."""
    published = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=ocsf.VERSION))
    schema = published.get_class_schema("api_activity", list(ocsf.PROFILES))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def valid(told: dict[str, Any]) -> dict[str, Any]:
    plain = msgspec.json.decode(line(told))
    validator().validate(plain)
    return plain


def told_of(decided=None, attempted=None, settled=None) -> dict[str, Any]:
    told = Told(7, decided or a_decided("r"), attempted)
    return valid(event(told, settled, ORIGIN, "0.1.0"))


@pytest.mark.parametrize("outcome", list(OutcomeKind))
def test_every_ending_is_an_event_of_the_published_schema(outcome: OutcomeKind) -> None:
    told = told_of(attempted=an_attempted("r"), settled=a_settled("r", outcome=outcome))
    assert (told["class_uid"], told["type_uid"]) == (6003, 600399)
    assert told["status"] in {"Success", "Failure", "Other"}
    assert (told["status"] == "Success") == (outcome is OutcomeKind.COMPLETED)


def test_the_published_schema_refuses_what_is_none_of_its_events() -> None:
    told = event(Told(7, a_decided("r")), None, ORIGIN, "0.1.0")
    for name in ("actor", "api", "src_endpoint", "metadata", "time", "type_uid"):
        with pytest.raises(jsonschema.ValidationError):
            valid({key: value for key, value in told.items() if key != name})
    with pytest.raises(jsonschema.ValidationError):
        valid(told | {"severity_id": "high"})


def test_what_was_served_tells_model_place_and_tokens() -> None:
    told = told_of(attempted=an_attempted("r"), settled=a_settled("r"))
    assert told["ai_model"] == {
        "name": "code",
        "uid": "qwen3-coder@on_prem",
        "ai_provider": "vllm",
    }
    assert told["dst_endpoint"]["name"] == "on_prem"
    assert (told["dst_endpoint"]["hostname"], told["dst_endpoint"]["port"]) == ("127.0.1.1", 8000)
    assert told["message_context"]["prompt_tokens"] == 100
    assert told["message_context"]["total_tokens"] == 120
    assert told["http_response"] == {"code": 200}
    assert told["unmapped"]["label"] == "restricted+pii@DE,FR"
    assert told["metadata"]["sequence"] == 7


def test_what_policy_denied_was_blocked() -> None:
    denied = a_decided("r", decision=a_decision(effect=Effect.DENY), candidates=())
    told = told_of(denied, settled=a_settled("r", outcome=OutcomeKind.REFUSED, error="policy"))
    assert (told["action"], told["disposition"], told["severity"]) == ("Denied", "Blocked", "Low")
    assert told["status_code"] == "policy"
    assert "ai_model" not in told


def test_a_request_of_nobody_and_of_nothing_is_an_event_too() -> None:
    bare = a_decided("r", label=None, ask=None, facts=None, key_id="")
    assert told_of(bare)["status"] == "Unknown"
    told = told_of(bare, an_attempted("r", host="unix"))
    assert told["ai_model"]["name"] == "qwen3-coder@on_prem"
    assert "hostname" not in told["dst_endpoint"]


def test_a_log_gives_one_event_for_each_request_of_the_time(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)

    async def write() -> None:
        async with a_boot(paths) as ledger:
            await serve(ledger, a_person())
            await serve(ledger, a_person())
            before, _ = a_request(ledger, a_person())
            await ledger.append(before)
            late = IDS.record_id()
            decided, _ = a_request(ledger, a_person(), late)[0]
            later = replace(decided[0], ts_us=NOW_US + 10**9)
            await ledger.append([(later, a_person())])

    asyncio.run(write())
    told = [valid(one) for one in events(paths.folder, Asked(), "0.1.0")]
    assert [one["status"] for one in told] == ["Success", "Success", "Unknown", "Unknown"]
    assert len({one["metadata"]["uid"] for one in told}) == 4
    early = list(events(paths.folder, Asked(to_us=NOW_US + 10**6), "0.1.0"))
    assert len(early) == 3
    text = b"".join(map(line, told)).decode()
    assert [name for name in CANARIES if name in text] == []
