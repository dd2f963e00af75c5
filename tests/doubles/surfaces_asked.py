"""Every surface that is served, each with a request as its clients send it."""

from typing import Any

import msgspec
from msgspec import Struct

from gateway.surfaces.surface import SURFACES
from tests.doubles.raw_http import Field, Heard, ask, request
from tests.doubles.serving_house import JSON, House

HOLES = {"{project}": "p-1", "{location}": "europe-west1"}


def _chat(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def _claude(text: str) -> dict[str, Any]:
    return {"max_tokens": 64, **_chat(text)}


def _converse(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


def _gemini(text: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


BODIES = {
    "chat_completions": _chat,
    "messages": _claude,
    "count_tokens": _chat,
    "responses": lambda text: {"input": text},
    "converse": _converse,
    "invoke": lambda text: {"anthropic_version": "bedrock-2023-05-31", **_claude(text)},
    "bedrock_count": lambda text: {"input": {"converse": _converse(text)}},
    "vertex_claude": lambda text: {"anthropic_version": "vertex-2023-10-16", **_claude(text)},
    "vertex_count": _chat,
    "input_tokens": lambda text: {"input": text},
    "embeddings": lambda text: {"input": text},
    "ollama_embed": lambda text: {"input": text},
    "completions": lambda text: {"prompt": text},
    "ollama_generate": lambda text: {"prompt": text},
    "generate_content": _gemini,
    "gemini_count_tokens": _gemini,
    "ollama_chat": _chat,
}


class Served(Struct, frozen=True):
    """One path of a surface, and the door before it."""

    name: str
    template: str
    door: str = ""

    def __str__(self) -> str:
        return f"{self.door}{self.template}".strip("/").replace("/", "_")

    @property
    def surface(self) -> str:
        return self.name

    def path(self, model: str = "code") -> str:
        path = self.template.replace("{model}", model)
        for hole, word in HOLES.items():
            path = path.replace(hole, word)
        return path

    def body(self, text: str = "hello", model: str = "code", **more: Any) -> dict[str, Any]:
        named = {} if "{model}" in self.template else {"model": model}
        return {**named, **BODIES[self.name](text), **more}

    def ask(
        self,
        house: House,
        *fields: Field,
        repo: str = "website",
        prefix: str = "",
        body: dict[str, Any] | None = None,
    ) -> Heard:
        """Send a request of that key, and return what came back, whatever it is."""
        key: Field = ("authorization", f"Bearer {house.gateway.keys[repo]}")
        raw = msgspec.json.encode(self.body() if body is None else body)
        path = prefix + self.door + self.path()
        return ask(house.url, request("POST", path, raw, (JSON, key, *fields)))


EVERY = [Served(surface.name, surface.path) for surface in SURFACES.values()]
# Behind each door: the model in the body, in the path, and a prompt that came packed.
_BEHIND = (
    "/v1/chat/completions",
    "/v1beta/models/{model}:generateContent",
    "/model/{model}/invoke",
)
DOORS = ("/r/website", "/l/public", "/v1/route")
BEHIND = [Served(SURFACES[path].name, path, door) for door in DOORS for path in _BEHIND]
