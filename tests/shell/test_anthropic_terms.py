"""What Anthropic is told beside the body, and what its replies give away."""

import msgspec
import pytest
from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.transport.anthropic_terms import AT_ANTHROPIC, AT_VERTEX, BETAS_MAX, strayed
from gateway.transport.backend import Telling
from gateway.transport.guard import Place
from tests.doubles.fleets import an_offering

ANTHROPIC = BACKENDS["anthropic"]
PLAIN = replace(an_offering("claude-opus-5-5", "anthropic", "frontier"), settings={})
NEW = replace(PLAIN, settings={"anthropic_version": "2026-10-21"})
US = {"inference_geo": "us"}
BODY = {
    "model": "m",
    "max_tokens": 9,
    "messages": [],
    "temperature": 0.5,
    "top_k": 3,
    "top_p": None,
}
WAY = ANTHROPIC.way(ANTHROPIC_MESSAGES, "claude-opus-5-5")


def telling(offering=PLAIN, told: str = "", **settings: str) -> Telling:
    return Telling({"anthropic-beta": told} if told else {}, offering, "record", settings)


def fields(one: Telling) -> tuple[dict[str, str], tuple[str, ...]]:
    assert WAY is not None
    found, lost = WAY.fields(one)
    return dict(found), lost


def fitted(one: Telling, body=BODY):
    assert WAY is not None
    return WAY.fitted(body, one)


def test_an_offering_chooses_the_version_of_the_api() -> None:
    assert fields(telling())[0] == {"anthropic-version": "2023-06-01"}
    assert fields(telling(NEW))[0] == {"anthropic-version": "2026-10-21"}


def test_what_the_new_version_refuses_is_lost_by_name() -> None:
    assert fitted(telling()) == (BODY, ())
    body, lost = fitted(telling(NEW))
    assert lost == ("temperature", "top_k")
    assert body == {"model": "m", "max_tokens": 9, "messages": []}


def test_betas_are_told_by_an_allow_list_and_the_rest_is_lost_by_name() -> None:
    asked = "interleaved-thinking-2025-05-14, files-api-2025-04-14,S-canary"
    found, lost = fields(telling(told=asked))
    assert found["anthropic-beta"] == "interleaved-thinking-2025-05-14"
    assert lost == ("anthropic_beta",)
    assert fields(telling(told="S-canary"))[0] == {"anthropic-version": "2023-06-01"}
    found, lost = fields(telling(told=asked, betas="files-api-2025-04-14 S-canary"))
    assert lost == ()
    assert found["anthropic-beta"] == asked.replace(" ", "")
    assert fields(telling(told="a,a, ,a", betas="a")) == (
        {"anthropic-version": "2023-06-01", "anthropic-beta": "a"},
        (),
    )


def test_no_beta_that_makes_somebody_act_is_on_a_list() -> None:
    for word in ("files", "mcp", "code-execution", "web-", "skills", "advisor", "fallback"):
        assert not [name for name in AT_ANTHROPIC | AT_VERTEX if name.startswith(word)]
    assert AT_VERTEX < AT_ANTHROPIC


def test_the_number_of_betas_is_bounded() -> None:
    many = [f"b{number}" for number in range(BETAS_MAX + 1)]
    found, lost = fields(telling(told=",".join(many), betas=" ".join(many)))
    assert found["anthropic-beta"].count(",") == BETAS_MAX - 1
    assert lost == ("anthropic_beta",)


def test_the_place_of_inference_is_sent_by_backend_or_offering() -> None:
    assert fitted(telling(**US))[0]["inference_geo"] == "us"
    here = replace(PLAIN, settings={"inference_geo": "global"})
    assert fitted(telling(here, **US))[0]["inference_geo"] == "global"
    assert "inference_geo" not in fitted(telling())[0]


def test_without_a_known_place_any_region_may_answer() -> None:
    assert ANTHROPIC.anywhere(PLAIN, {})
    assert ANTHROPIC.anywhere(PLAIN, {"inference_geo": "global"})
    assert ANTHROPIC.anywhere(PLAIN, {"inference_geo": "eu"}), "no such place is documented"
    assert not ANTHROPIC.anywhere(PLAIN, US)
    assert ANTHROPIC.stands(PLAIN, US) == {"US"}
    assert ANTHROPIC.stands(PLAIN, {}) is None


@pytest.mark.parametrize(
    ("payload", "strays"),
    [
        (b'{"type":"message","usage":{"inference_geo":"us"}}', False),
        (b'{"type":"message","usage":{"inference_geo":"eu"}}', True),
        (b'{"type":"message","usage":{"inference_geo":"not_available"}}', True),
        (b'{"usage":{"inference_geo":null}}', False),
        (b'data: {"type":"message_start","message":{"usage":{"inference_geo":"global"}}}', True),
        (b'data:{"type":"message_start","message":{"usage":{"inference_geo":"us"}}}', False),
        (b'data: {"type":"message_delta","usage":{"inference_geo":"eu"}}', True),
        (b'{"content":[{"input":{"usage":{"inference_geo":"eu"}}}],"usage":{}}', False),
        (b'data: {"delta":{"text":"\\"inference_geo\\": \\"eu\\""}}', False),
        (b"event: message_start", False),
        (b'data: {"inference_geo" broken', False),
    ],
)
def test_an_echo_from_elsewhere_is_found_at_its_own_place_alone(
    payload: bytes, strays: bool
) -> None:
    assert bool(strayed(payload, PLAIN, US)) is strays
    assert strayed(payload, PLAIN, {}) == "", "nobody asked for a place"


def test_settings_that_mean_nothing_are_told() -> None:
    place = Place("anthropic", "https", "api.anthropic.com", 443, "frontier")
    assert ANTHROPIC.faults(place, {"betas": "a b", **US}) == ()
    for settings in ({"region": "eu"}, {"betas": 7}, {"inference_geo": True}):
        assert [name for name, _ in ANTHROPIC.faults(place, settings)] == ["settings"]
    assert "is one of" in str(ANTHROPIC.misfits(replace(PLAIN, settings={"anthropic_version": 1})))
    assert "no such" in str(ANTHROPIC.misfits(replace(PLAIN, settings={"num_ctx": 1})))
    assert ANTHROPIC.misfits(replace(NEW, settings={**NEW.settings, **US})) is None


def test_the_vendors_type_has_the_echo_where_it_is_looked_for() -> None:
    import anthropic

    usage = {"input_tokens": 1, "output_tokens": 1, "inference_geo": "eu"}
    said = {
        "id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    read = anthropic.types.Message.model_validate(said)
    assert read.usage.inference_geo == "eu"
    assert strayed(msgspec.json.encode(read.to_dict()), PLAIN, US)


RANDOM = "9f86d081884c7d659a2feaa0c55ad015"
OURS = "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"


@pytest.mark.parametrize("name", ["anthropic", "vertex", "bedrock"])
def test_a_claude_gets_the_reasoning_that_a_claude_signed_and_no_other(name) -> None:
    ways = [way for way in BACKENDS[name].ways if way.dialect.family.startswith("anthropic_")]
    assert ways
    for way in ways:
        for signature, kept in ((OURS, True), (RANDOM, False), ("", False)):
            thought = {"type": "thinking", "thinking": "hm", "signature": signature}
            said = [thought, {"type": "text", "text": "so"}]
            body = {"model": "m", "messages": [{"role": "assistant", "content": said}]}
            found, lost = way.fitted(body, telling())
            assert found["messages"][0]["content"] == (said if kept else said[1:])
            assert lost == (() if kept else ("thinking_unsigned",))
