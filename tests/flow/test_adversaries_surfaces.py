"""On every surface the whole body is read, whatever it is asked for; nothing of it leaves."""

import base64
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit.record import Decided
from gateway.dialects import DIALECTS
from gateway.domain.decision import Effect
from gateway.domain.errors import Malformed
from gateway.stores.scanner import DetectorScanner
from gateway.surfaces.surface import SURFACES
from tests.doubles.compiled_detectors import all_detectors
from tests.doubles.dice import dice
from tests.doubles.houses import Stage, an_envelope
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.vendor_secrets import FORMATS, Draw

pytestmark = pytest.mark.anyio
PAT = FORMATS["github-pat"](Draw("surfaces"))
PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + dice("surfaces").randbytes(300)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def chat(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def claude(text: str) -> dict[str, Any]:
    return {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, **chat(text)}


def gemini(text: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def converse(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


def packed(text: str) -> dict[str, Any]:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, **chat(text)}
    return {"input": {"invokeModel": {"body": b64(msgspec.json.encode(body))}}}


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
    "ollama_generate": lambda text: {"model": "code", "prompt": text, "raw": True},
    "gemini": gemini,
    "gemini_count": gemini,
}
# For every way to hide or to carry something: the text, and the label that it makes.
SAID = f"export GITHUB_TOKEN={PAT} # of the build"
B64 = base64.b64encode(SAID.encode()).decode()
SECRET = "restricted+secret"


def zipped(text: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", text)
    return held.getvalue()


HIDDEN = {
    "plain": (PAT, SECRET),
    "in base64": (f"see {B64} here", SECRET),
    "in base64 for URLs": (base64.urlsafe_b64encode(SAID.encode()).decode(), SECRET),
    "in hex": (SAID.encode().hex(), SECRET),
    "in gzip": (b64(gzip.compress(SAID.encode())), SECRET),
    "in a zip": (b64(zipped(SAID)), SECRET),
    "in a data URL": (f"data:text/plain;base64,{B64}", SECRET),
    "in percent signs": (quote(SAID, safe=""), SECRET),
    "between invisible letters": ("\u200b".join(PAT), SECRET),
    "with a look-alike": (PAT.replace("p", "\u0440", 1), SECRET),
    "in JSON inside a string": ('{"a": "\\u0067hp_' + PAT[4:] + '"}', SECRET),
    "a card": ("pay with 5425 2334 3010 9903", "confidential+pii"),
    "a mark": ("TLP:RED", "restricted"),
    "controlled": ("ECCN 5D002", "confidential+export-control"),
    "a picture": (b64(PICTURE), "restricted+opaque"),
    "a PDF": (b64(b"%PDF-1.7\n" + dice("pdf").randbytes(300)), "restricted+opaque"),
    "sound": (b64(b"RIFF\x24\0\0\0WAVEfmt " + dice("wav").randbytes(300)), "restricted+opaque"),
}
every_dialect = pytest.mark.parametrize("dialect", BODIES)


@pytest.fixture(scope="module")
def scanner() -> Iterator[DetectorScanner]:
    made = DetectorScanner(all_detectors(), b"a key of fingerprints")
    yield made
    made.close()


async def judged(scanner: DetectorScanner, dialect: str, body: dict[str, Any]) -> Decided:
    """Return what was decided of a body; whatever that is, it went nowhere but home."""
    failing = [ScriptedReply(b"{}", status=500)] * 2
    stage = Stage(vllm=list(failing), vllm_2=list(failing), cloud=list(failing))
    stage.exchange = type(stage.exchange)(replace(stage.house, scanner=scanner))
    envelope = an_envelope(body, dialect=dialect, asked="code", streams=False)
    with suppress(Malformed):
        # As a surface hands it on: with what came packed in it.
        envelope = replace(envelope, body=stage.house.dialects[dialect].unpack(envelope.body))
    await stage.ask(envelope)
    (decided,) = stage.ledger.decided
    assert decided.decision.boundary <= {"on_prem"} or str(decided.label) == "internal"
    assert {zone for zone, _ in stage.sender.sent} <= decided.decision.boundary
    return decided


def test_every_surface_has_a_body_here() -> None:
    assert {one.dialect for one in SURFACES.values()} == BODIES.keys()


@every_dialect
async def test_adv_16_20_nothing_hides_on_any_surface(scanner, dialect: str) -> None:
    for name, (text, label) in HIDDEN.items():
        decided = await judged(scanner, dialect, BODIES[dialect](text))
        assert (str(decided.label), decided.decision.boundary) == (label, {"on_prem"}), name


@every_dialect
async def test_adv_13_what_says_little_says_something_together(scanner, dialect: str) -> None:
    few, many = (" ".join(f"p{n}@kunden.de" for n in range(most)) for most in (49, 50))
    assert str((await judged(scanner, dialect, BODIES[dialect](few))).label) == "internal"
    assert str((await judged(scanner, dialect, BODIES[dialect](many))).label) == "confidential+pii"


def inside(dialect: str, field: str, value: Any) -> dict[str, Any]:
    """Return the shortest request with that field as well, or in the place of its own."""
    if dialect == "bedrock_count":
        return {"input": {"converse": {**converse("hello"), field: value}}}
    return {**BODIES[dialect]("hello"), field: value}


@every_dialect
async def test_adv_15_a_secret_is_found_in_every_field(scanner, dialect: str) -> None:
    """A field of the wrong form is refused, and every other one is read."""
    counted = "bedrock_converse" if dialect == "bedrock_count" else dialect
    found = set()
    for field in (*DIALECTS[counted].fields, "zeta", "cache_control", "x-vendor"):
        for value in (PAT, [PAT], {"a": [{"b": PAT}]}, {PAT: 1}):
            decided = await judged(scanner, dialect, inside(dialect, field, value))
            if decided.label is None:
                assert decided.decision.effect is Effect.REFUSED
            else:
                assert str(decided.label) == SECRET, (field, value)
                found.add(field)
    assert {"zeta", "cache_control", "x-vendor"} <= found
