"""Texts on their way to become vectors: policy decides and the record says so, as for a prompt."""

import msgspec
import pytest
from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.domain.decision import Effect
from gateway.domain.fleet import Fleet
from gateway.domain.route import OutcomeKind
from gateway.flow.abilities import operations
from tests.doubles.fleets import PRICED, a_catalogue, an_offering
from tests.doubles.houses import Stage, an_envelope, chat
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world

pytestmark = pytest.mark.anyio
EMBEDS = frozenset({"embeddings"})
KINDS = {"cloud": "openai", "vllm": "vllm", "ollama": "ollama"}
HOME = {"repos": ("payments",)}
OPEN = {"repos": ("website",)}
ASKED = {"model": "vectors", "input": ["PROMPT"]}
NATIVE = b'{"model":"nomic","embeddings":[[0.1,0.25]],"prompt_eval_count":3}'
USAGE = {"prompt_tokens": 3, "total_tokens": 3}
WHOLE = msgspec.json.encode(
    {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.25]}],
        "model": "bge",
        "usage": USAGE,
    }
)


def a_stage(**answers) -> Stage:
    backends = {name: BACKENDS[kind] for name, kind in KINDS.items()}
    catalogue = a_catalogue(
        an_offering("far", "cloud", "frontier", capabilities=EMBEDS, price=PRICED),
        an_offering("near", "vllm", "on_prem", wire_model="bge", capabilities=EMBEDS),
        an_offering("small", "ollama", "on_prem", wire_model="nomic", capabilities=EMBEDS),
        an_offering("talker", "vllm", "on_prem"),
        tasks={"vectors": ("far", "near"), "local": ("small",), "mixed": ("talker", "near")},
    )
    world = a_world(Fleet(catalogue, {}, operations(catalogue, backends)))
    stage = Stage(world, **answers)
    stage.house = replace(stage.house, backends=backends)
    stage.exchange = type(stage.exchange)(stage.house)
    return stage


def asked(body=None, dialect="openai_embeddings", **changed):
    return an_envelope(body or ASKED, dialect=dialect, surface="embeddings", **changed)


async def test_restricted_texts_are_embedded_at_home_and_what_is_public_may_leave() -> None:
    stage = a_stage(vllm=[ScriptedReply(WHOLE)], cloud=[ScriptedReply(WHOLE)])
    status, _, raw = await stage.ask(asked(caller=HOME))
    assert (status, raw) == (200, WHOLE)
    zone, call = stage.sender.sent[0]
    assert (zone, call.path) == ("on_prem", "/v1/embeddings")
    assert stage.trace[:2] == ["durable:Decided+Attempted", "sent:vllm"]
    decided, settled = stage.ledger.decided[0], stage.ledger.settled[0]
    assert decided.decision.effect is Effect.PERMIT
    assert decided.excluded[0].offering == "far@cloud"
    assert (settled.outcome, settled.usage.input_tokens) == (OutcomeKind.COMPLETED, 3)
    await stage.ask(asked(caller=OPEN))
    assert stage.sender.sent[1][0] == "frontier"


async def test_nothing_restricted_is_embedded_where_only_the_cloud_can() -> None:
    stage = a_stage()
    status, headers, raw = await stage.ask(asked({**ASKED, "model": "far"}, caller=HOME))
    assert status == 400
    assert stage.sender.sent == []
    assert headers["x-should-retry"] == "false"
    assert msgspec.json.decode(raw)["error"]["code"] == "no_model_fits"


async def test_who_asks_stays_at_home() -> None:
    stage = a_stage(cloud=[ScriptedReply(WHOLE)])
    body = {**ASKED, "user": "ada@example.com", "my_canary": 1}
    status, headers, _ = await stage.ask(asked(body, caller=OPEN))
    assert status == 200
    assert headers["x-perimeter-lost"] == "user, unknown_field"
    assert b"ada@" not in stage.sender.sent[0][1].body


async def test_ids_of_tokens_do_not_leave_the_premises() -> None:
    stage = a_stage(vllm=[ScriptedReply(WHOLE)])
    body = {**ASKED, "input": [1, 2, 3]}
    status, _, _ = await stage.ask(asked(body, caller=OPEN))
    assert status == 200
    assert [zone for zone, _ in stage.sender.sent] == ["on_prem"]
    assert b"[1,2,3]" in stage.sender.sent[0][1].body
    assert stage.ledger.settled[0].unable == (stage.ledger.decided[0].candidates[0],)


@pytest.mark.parametrize(
    ("form", "embedding"), [("float", [0.1, 0.25]), ("base64", "zczMPQAAgD4=")]
)
async def test_an_ollama_server_answers_a_client_of_openai_in_the_form_it_asks_for(
    form, embedding
) -> None:
    stage = a_stage(ollama=[ScriptedReply(NATIVE)])
    body = {"model": "local", "input": "PROMPT", "encoding_format": form}
    status, _, raw = await stage.ask(asked(body, caller=HOME))
    assert status == 200
    reply = msgspec.json.decode(raw)
    assert reply["data"] == [{"object": "embedding", "index": 0, "embedding": embedding}]
    assert (reply["model"], reply["usage"]) == ("local", USAGE)
    sent = msgspec.json.decode(stage.sender.sent[0][1].body)
    assert sent == {
        "model": "nomic",
        "input": ["PROMPT"],
        "truncate": False,
        "options": {"num_ctx": 8192},
    }
    assert stage.ledger.settled[0].usage.input_tokens == 3


async def test_vllm_answers_a_client_of_ollama() -> None:
    stage = a_stage(vllm=[ScriptedReply(WHOLE)])
    body = {"model": "near", "input": "PROMPT", "truncate": True, "stream": True}
    status, headers, raw = await stage.ask(asked(body, "ollama_embed", caller=HOME))
    assert status == 200
    assert headers["x-perimeter-lost"] == "stream, truncate"
    assert msgspec.json.decode(raw) == {
        "model": "near",
        "embeddings": [[0.1, 0.25]],
        "prompt_eval_count": 3,
    }


async def test_who_chats_does_not_embed_and_who_embeds_does_not_chat() -> None:
    stage = a_stage(vllm=[ScriptedReply(WHOLE)])
    await stage.ask(asked({**ASKED, "model": "mixed"}, caller=HOME))
    assert [(one.offering, one.reason) for one in stage.ledger.decided[0].excluded] == [
        ("talker@vllm", "cannot_embed")
    ]
    status, _, raw = await stage.ask(an_envelope(chat("near"), caller=HOME))
    assert status == 400
    assert b"near@vllm: cannot_generate" in raw


async def test_an_engine_that_answers_html_is_an_error_of_the_clients_form() -> None:
    stage = a_stage(ollama=[ScriptedReply(b"<html>no</html>")])
    status, _, raw = await stage.ask(asked({**ASKED, "model": "local"}, caller=HOME))
    assert status == 502
    assert msgspec.json.decode(raw)["error"]["type"] == "server_error"
