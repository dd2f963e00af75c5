"""On every surface the whole body is read, whatever it is asked for; nothing of it leaves."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.stores.scanner import DetectorScanner
from gateway.surfaces.surface import SURFACES
from tests.doubles.compiled_detectors import all_detectors
from tests.doubles.dice import dice
from tests.doubles.houses import Stage, an_envelope
from tests.doubles.vendor_secrets import FORMATS, Draw

pytestmark = pytest.mark.anyio
PAT = FORMATS["github-pat"](Draw("surfaces"))
PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + dice("surfaces").randbytes(300)


def chat(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def claude(text: str) -> dict[str, Any]:
    return {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, **chat(text)}


def gemini(text: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def converse(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


def packed(text: str) -> dict[str, Any]:
    body = (
        f'{{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":'
        f'[{{"role":"user","content":"{text}"}}]}}'
    )
    return {"input": {"invokeModel": {"body": base64.b64encode(body.encode()).decode()}}}


# For every dialect of a surface: its shortest request with these words.
BODIES: dict[str, Callable[[str], dict[str, Any]]] = {
    "openai_chat": lambda text: {"model": "code", **chat(text)},
    "anthropic_messages": lambda text: {"model": "code", "max_tokens": 9, **chat(text)},
    "anthropic_count": lambda text: {"model": "code", **chat(text)},
    "ollama_chat": lambda text: {"model": "code", **chat(text)},
    "openai_responses": lambda text: {"model": "code", "input": text},
    "openai_input_tokens": lambda text: {"model": "code", "input": text},
    "bedrock_converse": converse,
    "bedrock_invoke": lambda text: claude(text) | {"anthropic_version": "bedrock-2023-05-31"},
    "bedrock_count": packed,
    "anthropic_vertex": claude,
    "anthropic_vertex_count": lambda text: {"model": "code", **chat(text)},
    "openai_embeddings": lambda text: {"model": "code", "input": text},
    "ollama_embed": lambda text: {"model": "code", "input": text},
    "openai_completions": lambda text: {"model": "code", "prompt": text},
    "ollama_generate": lambda text: {"model": "code", "prompt": text},
    "gemini": gemini,
    "gemini_count": gemini,
}
HIDDEN = {
    "plain": (PAT, "restricted+secret"),
    "in base64": (base64.b64encode(f"see {PAT} here".encode()).decode(), "restricted+secret"),
    "between invisible letters": ("\u200b".join(PAT), "restricted+secret"),
    "a card": ("pay with 5425 2334 3010 9903", "confidential+pii"),
    "a mark": ("TLP:RED", "restricted"),
    "controlled": ("ECCN 5D002", "confidential+export-control"),
    "a picture": (base64.b64encode(PICTURE).decode(), "restricted+opaque"),
}


def test_every_surface_has_a_body_here() -> None:
    assert {one.dialect for one in SURFACES.values()} == BODIES.keys()


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("dialect", BODIES)
async def test_adv_14_16_and_20_nothing_hides_on_any_surface(dialect: str, name: str) -> None:
    text, label = HIDDEN[name]
    stage = Stage(vllm=[], vllm_2=[], cloud=[], ollama=[])
    scanner = DetectorScanner(all_detectors(), b"a key of fingerprints")
    stage.exchange = type(stage.exchange)(replace(stage.house, scanner=scanner))
    envelope = an_envelope(BODIES[dialect](text), dialect=dialect, asked="code", streams=False)
    # As a surface hands it on: with what came packed in it.
    envelope = replace(envelope, body=stage.house.dialects[dialect].unpack(envelope.body))
    await stage.ask(envelope)
    scanner.close()
    (decided,) = stage.ledger.decided
    assert str(decided.label) == label
    assert decided.decision.boundary == {"on_prem"}
    assert all(zone == "on_prem" for zone, _ in stage.sender.sent)
