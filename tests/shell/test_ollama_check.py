"""More of test_health: ollama check."""

import msgspec
import pytest

from gateway.backends.ollama import OLLAMA
from gateway.transport.backend import INSPECT_EVERY
from gateway.transport.probes import Probes
from tests.doubles.fleets import an_offering
from tests.doubles.probing import middle
from tests.doubles.scripted_server import Peer, ScriptedServer, chunked, whole
from tests.doubles.transport_parts import Shell, a_target

pytestmark = pytest.mark.anyio


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
    offering = an_offering("tiny", "ollama", "on_prem")
    assert bool(OLLAMA.breach(payload, offering, {})) is expected
