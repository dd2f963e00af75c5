"""Every surface that is served, each with a request as its clients send it."""

from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.surfaces.surface import SURFACES
from tests.doubles import every_surface
from tests.doubles.raw_http import Field, Heard, ask, request
from tests.doubles.serving_house import JSON, House

# Without `alt=sse`, Google's stream is a list, and so is its error.
GOOGLES_LIST = ":streamGenerateContent"
_ROWS = {row.surface: row for row in reversed(every_surface.EVERY)}
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
    "ollama_generate": lambda text: {"prompt": text, "raw": True},
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

    def named(self, model: str) -> "Served":
        """Return the same with that model in its path, where it has one there."""
        return replace(self, template=self.template.replace("{model}", quote(model, safe="")))

    def path(self, model: str = "code") -> str:
        path = self.template.replace("{model}", model)
        for hole, word in HOLES.items():
            path = path.replace(hole, word)
        return self.door + path

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
        raw: bytes | None = None,
    ) -> Heard:
        """Send a request of that key, and return what came back, whatever it is."""
        key: Field = ("authorization", f"Bearer {house.gateway.keys[repo]}")
        if raw is None:
            raw = msgspec.json.encode(self.body() if body is None else body)
        path = prefix + self.path()
        return ask(house.url, request("POST", path, raw, (JSON, key, *fields)))

    def require_own_form(self, heard: Heard, reason: str) -> None:
        """The vendor's own client takes it for an error of that status.

        WHY: such a client is slow, and one reason has one form: once for each is enough.
        """
        known = (self.name, heard.status, reason)
        if known in _IN_FORM or self.template.endswith(GOOGLES_LIST):
            return
        row = _ROWS[self.name]
        told = row.told(heard)
        assert (told.status, told.kind) == (heard.status, row.kind(heard.status)), heard.body
        _IN_FORM.add(known)


_IN_FORM: set[tuple[str, int, str]] = set()
EVERY = [Served(surface.name, surface.path) for surface in SURFACES.values()]
# Behind what a path may claim: the model in the body, in the path, and a prompt that comes packed.
_BEHIND = (
    "/v1/chat/completions",
    "/v1beta/models/{model}:generateContent",
    "/model/{model}/count-tokens",
)
CLAIMED = [
    Served(SURFACES[path].name, path, door)
    for door in ("/r/website", "/l/public")
    for path in _BEHIND
]
ROUTE = "/v1/route"
# One path of each surface.
ROUTED = [
    Served(name, path, ROUTE)
    for name, path in {one.name: one.path for one in reversed(SURFACES.values())}.items()
]
