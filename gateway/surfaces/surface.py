"""The hot paths: each is a path and the dialect that is spoken there."""

import re
from urllib.parse import unquote

from msgspec import Struct

from gateway.domain.errors import Malformed

MODEL = "{model}"
ASKED_CHARS_MAX = 2_048
UNREADABLE = "\ufffd"
_HOLE = re.compile(r"\\{([a-z]+)\\}")


class Surface(Struct, frozen=True):
    """An API that we serve.

    In `path`, `{model}` stands for the model or task that is asked for, any other `{name}` for one
    label that says nothing to us. `streams` is what the path says of that; None where the body
    says it. `untyped` says that a body without a content type is JSON there: a vendor's client
    sends none.
    """

    name: str
    path: str
    dialect: str
    streams: bool | None = None
    untyped: bool = False


class Found(Struct, frozen=True):
    """A surface, and the model that its path names; empty where the body does.

    `fault` says what is wrong with that name.
    """

    surface: Surface
    asked: str = ""
    fault: str = ""

    def require(self) -> None:
        """Raise Malformed when the path names a model that cannot be read."""
        if self.fault:
            raise Malformed(self.fault)


_ALL = (
    Surface("chat_completions", "/v1/chat/completions", "openai_chat"),
    Surface("messages", "/v1/messages", "anthropic_messages"),
    Surface("count_tokens", "/v1/messages/count_tokens", "anthropic_count"),
    Surface("responses", "/v1/responses", "openai_responses"),
    Surface("ollama_chat", "/api/chat", "ollama_chat", untyped=True),
)
SURFACES: dict[str, Surface] = {surface.path: surface for surface in _ALL}


def _pattern(path: str) -> re.Pattern[str]:
    holes = _HOLE.sub(lambda found: f"(?P<{found[1]}>[^/]+)", re.escape(path))
    return re.compile(holes)


_PLAIN = {surface.path: Found(surface) for surface in _ALL if "{" not in surface.path}
_HOLED = tuple((_pattern(surface.path), surface) for surface in _ALL if "{" in surface.path)


def find(raw_path: str) -> Found | None:
    """Return the surface at a path, as it came and before it is decoded; None where there is none.

    A model's name that is no plain text, or longer than ASKED_CHARS_MAX, is a fault.
    """
    plain = _PLAIN.get(raw_path)
    if plain is not None:
        return plain
    for pattern, surface in _HOLED:
        found = pattern.fullmatch(raw_path)
        if found is not None:
            return _named(surface, found["model"]) if MODEL in surface.path else Found(surface)
    return None


def _named(surface: Surface, raw: str) -> Found:
    name = unquote(raw, errors="replace")
    if len(name) > ASKED_CHARS_MAX or not name.isprintable() or UNREADABLE in name:
        return Found(surface, fault="The model in the path is too long, or no plain text.")
    return Found(surface, name)
