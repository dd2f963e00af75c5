"""The hot paths: each is a path and the dialect that is spoken there."""

import re
from urllib.parse import unquote

from msgspec import Struct

from gateway.domain.errors import Malformed

MODEL = "{model}"
ASKED_CHARS_MAX = 2_048
_HOLE = re.compile(r"\\{([a-z]+)\\}")


class Surface(Struct, frozen=True):
    """An API that we serve.

    In `path`, `{model}` stands for the model or task that is asked for, any other `{name}` for one
    label that says nothing to us. `streams` is what the path says of that; None where the body
    says it.
    """

    name: str
    path: str
    dialect: str
    streams: bool | None = None


class Found(Struct, frozen=True):
    """A surface, and the model that its path names; empty where the body does."""

    surface: Surface
    asked: str = ""


_ALL = (
    Surface("chat_completions", "/v1/chat/completions", "openai_chat"),
    Surface("messages", "/v1/messages", "anthropic_messages"),
    Surface("responses", "/v1/responses", "openai_responses"),
)
SURFACES: dict[str, Surface] = {surface.path: surface for surface in _ALL}


def _pattern(path: str) -> re.Pattern[str]:
    holes = _HOLE.sub(lambda found: f"(?P<{found[1]}>[^/]+)", re.escape(path))
    return re.compile(holes)


_PLAIN = {surface.path: Found(surface) for surface in _ALL if "{" not in surface.path}
_HOLED = tuple((_pattern(surface.path), surface) for surface in _ALL if "{" in surface.path)


def find(raw_path: str) -> Found | None:
    """Return the surface at a path, as it came and before it is decoded; None where there is none.

    Malformed for a model's name that is no text in UTF-8, or longer than ASKED_CHARS_MAX.
    """
    plain = _PLAIN.get(raw_path)
    if plain is not None:
        return plain
    for pattern, surface in _HOLED:
        found = pattern.fullmatch(raw_path)
        if found is not None:
            return Found(surface, _name(found["model"]) if MODEL in surface.path else "")
    return None


def _name(raw: str) -> str:
    try:
        name = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise Malformed("The model in the path is no text.") from None
    if len(name) > ASKED_CHARS_MAX or not name.isprintable():
        raise Malformed("The model in the path is too long, or no plain text.")
    return name
