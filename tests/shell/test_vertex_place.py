"""Where a Vertex backend may be, and what may stand in its paths."""

import pytest

from gateway.backends import BACKENDS
from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT, ANTHROPIC_MESSAGES
from gateway.dialects.gemini import GEMINI
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.errors import Unreachable
from gateway.policy.regions import EU
from gateway.transport.guard import Place
from tests.doubles.fleets import an_offering

VERTEX = BACKENDS["vertex"]
SETTINGS = {"project": "a-project-1", "location": "europe-west1"}
OFFERING = an_offering("claude-opus-5-5", "vertex", "eu")


def at(host: str, scheme: str = "https", **settings: object) -> str:
    place = Place("vertex", scheme, host, 443, "eu")
    return "; ".join(
        f"{name}: {fault}" for name, fault in VERTEX.faults(place, SETTINGS | settings)
    )


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("europe-west1", "europe-west1-aiplatform.googleapis.com"),
    ],
)
def test_adv_48c_a_location_is_answered_by_one_host_and_no_other(location: str, host: str) -> None:
    assert at(host, location=location) == ""
    for other in ("global", "us", "eu", "europe-west1", "us-east5"):
        if other != location:
            assert "the host of this location is" in at(host, location=other)
    assert "the host of this location is" in at("claude.googleapis.com", location=location)


def test_a_private_endpoint_is_stated() -> None:
    for host in ("vertex.internal.example", "aiplatform-psc.p.googleapis.com"):
        assert "private_endpoint: true" in at(host)
        assert at(host, private_endpoint=True) == ""
    assert at("us-east5-aiplatform.googleapis.com", private_endpoint=True) != ""


def test_a_token_is_for_https() -> None:
    plain = at("vertex.internal.example", "http", private_endpoint=True)
    assert "http is for loopback alone" in plain
    assert at("127.0.2.1", "http", private_endpoint=True) == ""


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"location": "europe-west99"}, "state the location"),
        ({"location": "../global"}, "state the location"),
        ({"location": 7}, "state the location"),
        ({"project": "a/../b"}, "project is the id"),
        ({"project": ""}, "project is the id"),
        ({"user_project": "x y"}, "user_project is the id"),
        ({"private_endpoint": "yes"}, "true or false"),
        ({"token_hosts": 7}, "is text"),
        ({"token_hosts": "http://10.0.0.1"}, "scheme, host and port alone"),
        ({"token_hosts": "https://sts.example/x"}, "scheme, host and port alone"),
        ({"metadata_url": "http://metadata.google.internal"}, "scheme, host and port alone"),
        ({"region": "europe-west1"}, "no such setting"),
    ],
)
def test_settings_that_mean_nothing_here_are_told(settings: dict[str, object], says: str) -> None:
    assert says in at("europe-west1-aiplatform.googleapis.com", **settings)


def test_global_is_the_world_and_a_multi_region_all_of_its_countries() -> None:
    def told(location: str) -> tuple[bool, object]:
        settings = {"location": location}
        return VERTEX.anywhere(OFFERING, settings), VERTEX.stands(OFFERING, settings)

    assert told("global") == (True, None)
    assert told("eu") == (False, EU)
    assert told("us") == (False, {"US"})
    assert told("europe-west2") == (False, {"GB"})
    assert told("europe-west6") == (False, {"CH"})


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "claude-x;y",
        "claude-x/../y/z",
        "claude-x:rawPredict",
        "claude-\n",
        "claude-opus@",
        "claude-opus@@1",
        "a/b/c",
        "/b",
        "a/",
        "a/..",
        "claude-é",
        "claude-%2e",
        "llama-4",
        "claude-" + "x" * 300,
    ],
)
def test_a_name_that_could_change_the_path_is_never_asked_for(name: str) -> None:
    assert VERTEX.refuses(name) is not None


@pytest.mark.parametrize(
    ("name", "dialect", "path"),
    [
        ("claude-opus-5-5", ANTHROPIC_MESSAGES, "/publishers/anthropic/models/claude-opus-5-5"),
        ("claude-opus-4-5@20251101", ANTHROPIC_MESSAGES, "/claude-opus-4-5@20251101:rawPredict"),
        ("claude-opus-5-5", ANTHROPIC_COUNT, "/anthropic/models/count-tokens:rawPredict"),
        ("claude-opus-5-5", OPENAI_CHAT, "/anthropic/models/claude-opus-5-5:rawPredict"),
        ("qwen/qwen3-coder", OPENAI_CHAT, "/endpoints/openapi/chat/completions"),
        ("google/gemini-3-pro", ANTHROPIC_MESSAGES, "/endpoints/openapi/chat/completions"),
        ("mistral-medium-3", OPENAI_CHAT, "/mistralai/models/mistral-medium-3:rawPredict"),
        ("gemini-3-pro", GEMINI, "/publishers/google/models/gemini-3-pro:generateContent"),
        ("gemini-3-pro", OPENAI_CHAT, "/publishers/google/models/gemini-3-pro:generateContent"),
        ("gemini-3-pro", ANTHROPIC_COUNT, "/google/models/gemini-3-pro:countTokens"),
        ("codestral-2", OPENAI_CHAT, "/mistralai/models/codestral-2:rawPredict"),
    ],
)
def test_each_publisher_is_asked_at_its_own_path(name: str, dialect, path: str) -> None:
    assert VERTEX.refuses(name) is None
    way = VERTEX.at(SETTINGS).way(dialect, name)
    assert way is not None
    asked = way.of(name, streams=False)
    assert asked.startswith("/v1/projects/a-project-1/locations/europe-west1/")
    assert path in asked


def test_a_stream_of_claude_has_a_path_of_its_own() -> None:
    way = VERTEX.at(SETTINGS).way(ANTHROPIC_MESSAGES, "claude-opus-5-5")
    assert way is not None
    assert way.of("claude-opus-5-5", streams=True).endswith(":streamRawPredict")
    with pytest.raises(Unreachable):
        way.of("..", streams=True)


def test_a_stream_of_geminis_is_asked_for_as_events() -> None:
    way = VERTEX.at(SETTINGS).way(GEMINI, "gemini-3-pro")
    assert way is not None
    path = way.of("gemini-3-pro", streams=True)
    assert path.endswith("/gemini-3-pro:streamGenerateContent?alt=sse")


def test_an_offering_has_a_version_that_vertex_knows() -> None:
    from msgspec.structs import replace

    for version, fits in (("vertex-2023-10-16", True), ("2026-10-21", True), ("2023-06-01", False)):
        offering = replace(OFFERING, settings={"anthropic_version": version})
        assert (VERTEX.misfits(offering) is None) is fits
    assert "no such setting" in str(VERTEX.misfits(replace(OFFERING, settings={"location": "eu"})))
