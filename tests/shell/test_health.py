"""Which backends are left alone, why, and for how long."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace

from gateway.backends.ollama import OLLAMA
from gateway.domain.route import FailureKind
from gateway.transport.failure import failed
from gateway.transport.health import REST_MS, Health
from gateway.transport.http1 import Http1Connector
from gateway.transport.probes import INSPECT_EVERY, Probes
from gateway.transport.target import Target
from tests.doubles.fleets import an_offering
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, chunked, whole
from tests.doubles.transport_parts import ENGINE, Alarms, HandClock, Shell, a_target

pytestmark = pytest.mark.anyio

SCRIPTED_FIELD = b"x-perimeter-scripted: 1\r\n"


def a_health() -> tuple[Health, HandClock, Alarms]:
    clock, alarms = HandClock(), Alarms()
    return Health(clock, alarms), clock, alarms


def middle() -> float:
    return 0.5


async def test_a_failed_attempt_rests_the_backend_for_a_short_while() -> None:
    health, clock, _ = a_health()
    health.rest("vllm", "unreachable")
    assert health.resting() == {"vllm": "resting: unreachable"}
    clock.seconds = REST_MS / 1_000 - 0.01
    assert "vllm" in health.resting()
    clock.seconds = REST_MS / 1_000
    assert health.resting() == {}


async def test_a_good_probe_does_not_end_a_rest() -> None:
    health, _, _ = a_health()
    health.rest("vllm", "timed_out")
    health.well("vllm")
    assert "vllm" in health.resting()


async def test_a_bad_probe_lasts_until_a_good_one() -> None:
    health, clock, _ = a_health()
    health.ill("vllm", "probe: status 503")
    clock.seconds = 1e9
    assert health.resting() == {"vllm": "probe: status 503"}
    health.well("vllm")
    health.well("vllm")
    assert health.resting() == {}


async def test_a_quarantine_is_for_good_and_rings_once() -> None:
    health, clock, alarms = a_health()
    health.rest("vllm", "unreachable")
    health.ill("vllm", "probe: status 503")
    health.quarantine("vllm", "first")
    health.quarantine("vllm", "second")
    health.well("vllm")
    clock.seconds = 1e9
    assert health.resting() == {"vllm": "quarantined: first"}
    assert health.quarantined == {"vllm": "quarantined: first"}
    assert health.is_quarantined("vllm")
    assert not health.is_quarantined("other")
    assert alarms.rung == [("vllm", "first")]


async def test_a_snapshot_does_not_change_afterwards() -> None:
    health, _, _ = a_health()
    before = health.resting()
    health.ill("vllm", "x")
    assert before == {}


async def probed(*targets: Target, rounds: int = 1) -> Shell:
    shell = Shell(*targets)
    probes = Probes(targets, shell.sender, shell.health, middle)
    for _ in range(rounds):
        await probes.once()
    return shell


async def test_a_backend_is_not_used_before_its_first_good_probe() -> None:
    async with ScriptedServer(answering(whole(b""))) as server:
        target = a_target(server)
        shell = Shell(target)
        probes = Probes([target], shell.sender, shell.health, middle)
        assert shell.health.resting() == {"vllm": "not probed yet"}
        await probes.once()
        assert shell.health.resting() == {}
        assert server.peers[0].requests[0].startswith(b"GET /health HTTP/1.1\r\n")


async def test_an_engine_that_is_not_well_rests_until_it_is() -> None:
    replies = [whole(status="503 Busy"), whole(), whole(status="500 Oops")]
    async with ScriptedServer(answering(*replies)) as server:
        target = a_target(server)
        shell = Shell(target)
        probes = Probes([target], shell.sender, shell.health, middle)
        await probes.once()
        assert shell.health.resting() == {"vllm": "probe: status 503"}
        await probes.once()
        assert shell.health.resting() == {}
        await probes.once()
        assert shell.health.resting() == {"vllm": "probe: status 500"}


async def test_an_engine_that_is_down_rests() -> None:
    async with ScriptedServer(answering()) as server:
        target = a_target(server)
    assert (await probed(target)).health.resting() == {"vllm": "probe: connection refused"}


async def test_an_engine_that_redirects_or_babbles_rests() -> None:
    async with ScriptedServer(answering(whole(status="307 Elsewhere"))) as server:
        shell = await probed(a_target(server))
        assert shell.health.resting() == {"vllm": "probe: redirect refused"}
    async with ScriptedServer(answering(b"SSH-2.0\r\n")) as server:
        shell = await probed(a_target(server))
        assert shell.health.resting() == {"vllm": "probe: not an HTTP/1.1 reply"}


async def test_a_probe_on_an_old_connection_is_asked_once_more() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(whole())
        await peer.request()

    async with ScriptedServer(script) as server:
        shell = await probed(a_target(server), rounds=2)
        assert shell.health.resting() == {}
        assert [len(peer.requests) for peer in server.peers] == [2, 1]


async def test_a_full_engine_is_not_taken_for_an_ill_one() -> None:
    class Full(Http1Connector):
        async def send(self, call, timeouts, address):
            raise failed(FailureKind.OVERLOADED, "every connection is in use", sent=False)

    async with ScriptedServer(answering(whole())) as server:
        target = a_target(server)
        shell = Shell(target, connect=lambda one: Full(one.place.authority))
        probes = Probes([target], shell.sender, shell.health, middle)
        shell.health.well("vllm")
        await probes.once()
        assert shell.health.resting() == {}


async def test_a_backend_that_is_not_probed_is_used_at_once() -> None:
    async with ScriptedServer(answering(whole())) as server:
        target = a_target(server, kind=replace(ENGINE, probe_path=""))
        shell = await probed(target)
        assert shell.health.resting() == {}
        assert server.peers == []


async def test_a_scripted_engine_under_another_kind_is_quarantined() -> None:
    async with ScriptedServer(answering(whole(fields=SCRIPTED_FIELD))) as server:
        shell = await probed(a_target(server), rounds=2)
        assert shell.health.resting() == {"vllm": "quarantined: a scripted engine answers"}
        assert shell.quarantines.rung == [("vllm", "a scripted engine answers")]
        assert len(server.peers[0].requests) == 1


async def test_a_scripted_engine_under_its_own_kind_or_in_a_demo_is_used() -> None:
    reply = whole(fields=SCRIPTED_FIELD)
    async with ScriptedServer(answering(reply)) as server:
        shell = await probed(a_target(server, kind=replace(ENGINE, name="scripted")))
        assert shell.health.resting() == {}
        shell = await probed(a_target(server, may_be_scripted=True))
        assert shell.health.resting() == {}


async def test_a_breach_found_by_a_probe_does_not_end_the_probing() -> None:
    async with ScriptedServer(answering(whole())) as server:
        one, two = a_target(server, "one"), a_target(server, "two", "cloud", host="127.0.0.2")
        pins = {"on_prem": ("127.0.0.1/32",), "cloud": ("10.0.0.0/8",)}
        shell = Shell(one, two, pins=pins)
        await Probes([one, two], shell.sender, shell.health, middle).once()
        assert list(shell.health.resting()) == ["two"]
        assert "two" in shell.health.quarantined


async def test_the_probing_goes_on_until_it_is_stopped() -> None:
    seen = asyncio.Event()

    async def script(peer: Peer) -> None:
        for _ in range(3):
            await peer.request()
            await peer.say(whole())
        seen.set()
        await peer.gone()

    async with ScriptedServer(script) as server:
        target = a_target(server)
        shell = Shell(target)
        draws: list[float] = []

        def jitter() -> float:
            draws.append(0.0)
            return 0.0

        probes = Probes([target], shell.sender, shell.health, jitter, interval_ms=5)
        running = asyncio.create_task(probes.run())
        async with asyncio.timeout(10):
            await seen.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(draws) >= 2


class OllamaServer:
    """An Ollama server's answers about models, as its documentation describes them."""

    def __init__(self, *, knows_local: bool = True) -> None:
        self.knows_local = knows_local
        self.show_status = "200 OK"
        self.shown: dict[str, object] = {"details": {"family": "qwen2"}}
        self.listed: dict[str, object] = {"name": "qwen:14b", "digest": "d1"}
        self.asked: list[str] = []

    async def __call__(self, peer: Peer) -> None:
        while True:
            request = await peer.request()
            await peer.say(self.reply(request))

    def reply(self, request: bytes) -> bytes:
        path = request.split(b" ")[1].decode()
        self.asked.append(path)
        if path == "/api/version":
            return whole(b'{"version":"0.20.0"}')
        if path == "/api/tags":
            return chunked(msgspec.json.encode({"models": [{"name": "x"}, self.listed]}))
        model = msgspec.json.decode(request.split(b"\r\n\r\n")[1])["model"]
        self.asked[-1] += f" {model}"
        if model.endswith(":local") and not self.knows_local:
            return whole(b'{"error":"invalid model name"}', status="400 Bad Request")
        return whole(msgspec.json.encode(self.shown), status=self.show_status)


async def inspected(
    engine: OllamaServer, *models: str, rounds: int = 1, change=None
) -> tuple[dict[str, str], Probes]:
    async with ScriptedServer(engine) as server:
        target = a_target(server, "ollama", kind=OLLAMA, models=models or ("qwen:14b",))
        shell = Shell(target)
        probes = Probes([target], shell.sender, shell.health, middle)
        for number in range(rounds):
            if change is not None and number == rounds - 1:
                change(engine)
            await probes.once()
        await shell.sender.close()
        return shell.health.resting(), probes


async def test_an_ollama_model_is_asked_about_before_first_use() -> None:
    engine = OllamaServer()
    resting, _ = await inspected(engine)
    assert resting == {}
    assert engine.asked == [
        "/api/version",
        "/api/show qwen:14b",
        "/api/tags",
        "/api/show qwen:14b:local",
    ]


@pytest.mark.parametrize(
    ("model", "knows_local", "sent"),
    [
        ("qwen:14b", True, "qwen:14b:local"),
        ("qwen:14b", False, "qwen:14b"),
        ("qwen", True, "qwen:latest:local"),
        ("qwen:14b:local", True, "qwen:14b:local"),
        ("hf.test/me/qwen", True, "hf.test/me/qwen:latest:local"),
    ],
)
async def test_the_model_is_asked_for_by_its_local_name_where_the_server_knows_it(
    model: str, knows_local: bool, sent: str
) -> None:
    engine = OllamaServer(knows_local=knows_local)
    engine.listed["name"] = model.removesuffix(":local")
    if ":" not in model:
        engine.listed["name"] = f"{model}:latest"
    _, probes = await inspected(engine, model)
    body = {"model": model, "messages": []}
    offering = an_offering("m", "ollama", "on_prem", wire_model=model)
    assert probes.name_as_known(body, offering) == {"model": sent, "messages": []}
    assert body["model"] == model


async def test_a_model_that_was_not_asked_about_keeps_its_name() -> None:
    _, probes = await inspected(OllamaServer())
    offering = an_offering("m", "ollama", "on_prem", wire_model="other")
    body = {"model": "other"}
    assert probes.name_as_known(body, offering) is body


@pytest.mark.parametrize("key", ["remote_host", "remote_model"])
@pytest.mark.parametrize("place", ["shown", "listed"])
async def test_adv_52_a_model_that_another_host_runs_is_quarantined(key: str, place: str) -> None:
    engine = OllamaServer()
    getattr(engine, place)[key] = "https://ollama.example:443"
    resting, _ = await inspected(engine)
    assert resting == {"ollama": "quarantined: qwen:14b is run by another host"}


@pytest.mark.parametrize(
    "model",
    ["gpt-oss:20b-cloud", "gpt-oss:cloud", "gpt-oss:20b:cloud", "x-Cloud", "cloud", "x:CLOUD "],
)
async def test_adv_52_a_name_that_ends_in_cloud_is_never_asked_for(model: str) -> None:
    engine = OllamaServer()
    resting, _ = await inspected(engine, model)
    assert resting["ollama"].startswith("quarantined: ")
    assert engine.asked == ["/api/version"]
    assert OLLAMA.refuses(model)


@pytest.mark.parametrize("model", ["qwen:14b", "cloudy", "my-cloud-model", "cloud/x:7b", "x:local"])
def test_adv_52_a_name_that_merely_holds_the_word_is_asked_for(model: str) -> None:
    assert OLLAMA.refuses(model) is None


async def test_a_model_that_the_server_does_not_have_rests_the_backend() -> None:
    engine = OllamaServer()
    engine.show_status = "404 Not Found"
    resting, _ = await inspected(engine)
    assert resting == {"ollama": "qwen:14b: /api/show answers 404"}


async def test_a_model_without_a_digest_rests_the_backend() -> None:
    engine = OllamaServer()
    del engine.listed["digest"]
    resting, _ = await inspected(engine)
    assert resting == {"ollama": "qwen:14b: the server does not tell its digest"}
    engine.shown["digest"] = "d2"
    resting, _ = await inspected(engine)
    assert resting == {}


async def test_answers_that_cannot_be_read_rest_the_backend() -> None:
    engine = OllamaServer()
    engine.listed["digest"] = 7
    resting, _ = await inspected(engine)
    assert resting == {"ollama": "probe: the answer cannot be read"}


async def test_models_are_asked_about_again_from_time_to_time() -> None:
    engine = OllamaServer()
    await inspected(engine, rounds=INSPECT_EVERY)
    assert engine.asked.count("/api/tags") == 1
    await inspected(engine, rounds=INSPECT_EVERY + 1)
    assert engine.asked.count("/api/tags") == 3


async def test_a_backend_that_was_ill_is_asked_about_its_models_again() -> None:
    engine = OllamaServer()
    engine.show_status = "404 Not Found"

    def heal(engine: OllamaServer) -> None:
        engine.show_status = "200 OK"

    resting, _ = await inspected(engine, rounds=2, change=heal)
    assert resting == {}


async def test_weights_that_change_quarantine_the_backend() -> None:
    def swap(engine: OllamaServer) -> None:
        engine.listed["digest"] = "d2"

    engine = OllamaServer()
    resting, _ = await inspected(engine, rounds=INSPECT_EVERY + 1, change=swap)
    assert resting == {"ollama": "quarantined: the digest of qwen:14b has changed"}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"model":"x","remote_host":"https://ollama.example:443","done":false}', True),
        (b'{"remote_host":{"a":1}}', True),
        (b'{"model":"x","remote_host":"","done":true}', False),
        (b'{"model":"x","remote_host":null}', False),
        (b'{"model":"x","done":true}', False),
        (b'{"message":{"content":"say \\"remote_host\\": \\"x\\""}}', False),
        (b'{"message":{"tool_calls":[{"function":{"arguments":{"remote_host":"x"}}}]}}', False),
        (b'{"message":{"content":"remote_host"}}', False),
        (b'{"remote_host": "cut', False),
        (b'["remote_host"]', False),
        (b"", False),
    ],
)
def test_adv_52_only_a_reply_that_names_its_remote_host_is_a_breach(
    payload: bytes, expected: bool
) -> None:
    assert OLLAMA.breach is not None
    assert OLLAMA.breach(payload) is expected
