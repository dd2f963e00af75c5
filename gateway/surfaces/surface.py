"""The hot paths: each is a path and the dialect that is spoken there."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from gateway.domain.errors import Malformed

MODEL = "{model}"
INVOKE = "/model/{model}/invoke"
STREAMED = "-with-response-stream"
ASKED_CHARS_MAX = 2_048
UNREADABLE = "\ufffd"
_EVENTS = frozenset({"alt=sse", "$alt=sse", "%24alt=sse"})
_HOLE = re.compile(r"\\{([a-z]+)\\}")


class Surface(Struct, frozen=True):
    """An API that we serve.

    In `path`, `{model}` stands for the model or task that is asked for, slashes included where a
    colon follows, any other `{name}` for one label that says nothing to us. `streams` is what the
    path says of that; None where the body says it. `untyped` says that a body without a content
    type is JSON there: a vendor's client sends none. `plain` is the dialect that is spoken to who
    does not ask for server-sent events in the query; empty where nobody needs to.
    """

    name: str
    path: str
    dialect: str
    streams: bool | None = None
    untyped: bool = False
    plain: str = ""


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


def _vertex_claude(version: str) -> tuple[Surface, ...]:
    """Return Vertex's paths for Claude; project and location in them say nothing to us."""
    at = f"{version}/projects/{{project}}/locations/{{location}}/publishers/anthropic/models"
    return (
        # The count comes first: to Vertex, too, it looks like a model.
        Surface("vertex_count", f"{at}/count-tokens:rawPredict", "anthropic_vertex_count"),
        Surface("vertex_claude", f"{at}/{MODEL}:rawPredict", "anthropic_vertex", streams=False),
        Surface(
            "vertex_claude", f"{at}/{MODEL}:streamRawPredict", "anthropic_vertex", streams=True
        ),
    )


# Where Google's models are: at the host of Gemini, and at that of Vertex.
_GOOGLE = (
    "/{version}/models/{model}",
    "/{version}/projects/{project}/locations/{location}/publishers/google/models/{model}",
)
_VERSIONS = (("v1", "v1beta"), ("v1", "v1beta1"))


def _google() -> Iterator[Surface]:
    for form, versions in zip(_GOOGLE, _VERSIONS, strict=True):
        for version in versions:
            at = form.replace("{version}", version)
            yield Surface("generate_content", f"{at}:generateContent", "gemini", streams=False)
            yield Surface(
                "generate_content",
                f"{at}:streamGenerateContent",
                "gemini",
                streams=True,
                plain="gemini_array",
            )
            yield Surface("gemini_count_tokens", f"{at}:countTokens", "gemini_count", streams=False)


_ALL = (
    Surface("chat_completions", "/v1/chat/completions", "openai_chat"),
    Surface("messages", "/v1/messages", "anthropic_messages"),
    Surface("count_tokens", "/v1/messages/count_tokens", "anthropic_count"),
    Surface("responses", "/v1/responses", "openai_responses"),
    Surface("converse", "/model/{model}/converse", "bedrock_converse", streams=False),
    Surface("converse", "/model/{model}/converse-stream", "bedrock_converse", streams=True),
    Surface("invoke", INVOKE, "bedrock_invoke", streams=False, untyped=True),
    Surface("invoke", f"{INVOKE}{STREAMED}", "bedrock_invoke", streams=True, untyped=True),
    Surface("bedrock_count", "/model/{model}/count-tokens", "bedrock_count", streams=False),
    *_vertex_claude("/v1"),
    *_vertex_claude("/v1beta1"),
    Surface("input_tokens", "/v1/responses/input_tokens", "openai_input_tokens"),
    Surface("embeddings", "/v1/embeddings", "openai_embeddings"),
    Surface("ollama_embed", "/api/embed", "ollama_embed", untyped=True),
    Surface("completions", "/v1/completions", "openai_completions"),
    Surface("ollama_generate", "/api/generate", "ollama_generate", untyped=True),
    *_google(),
    Surface("ollama_chat", "/api/chat", "ollama_chat", untyped=True),
)
SURFACES: dict[str, Surface] = {surface.path: surface for surface in _ALL}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_HOLE.sub(_hole, re.escape(path)))


def _hole(found: re.Match[str]) -> str:
    """Return what stands for a hole; before a colon, a model keeps the slashes of its name."""
    label = "[^/]+(?:/[^/]+)*" if found.string[found.end() :].startswith(":") else "[^/]+"
    return f"(?P<{found[1]}>{label})"


_PLAIN = {surface.path: Found(surface) for surface in _ALL if "{" not in surface.path}
_HOLED = tuple((_pattern(surface.path), surface) for surface in _ALL if "{" in surface.path)


def find(raw_path: str, query: str = "") -> Found | None:
    """Return the surface at a path, as it came and before it is decoded; None where there is none.

    A model's name that is no plain text, or longer than ASKED_CHARS_MAX, is a fault.
    """
    plain = _PLAIN.get(raw_path)
    if plain is not None:
        return plain
    for pattern, surface in _HOLED:
        found = pattern.fullmatch(raw_path)
        if found is not None:
            words = _in_words(surface, query)
            return _named(words, found["model"]) if MODEL in surface.path else Found(words)
    return None


def _in_words(surface: Surface, query: str) -> Surface:
    """Return the surface in the dialect that the query asks for."""
    if not surface.plain or _EVENTS.intersection(query.split("&")):
        return surface
    return replace(surface, dialect=surface.plain)


def _named(surface: Surface, raw: str) -> Found:
    name = unquote(raw, errors="replace")
    if len(name) > ASKED_CHARS_MAX or not name.isprintable() or UNREADABLE in name:
        return Found(surface, fault="The model in the path is too long, or no plain text.")
    return Found(surface, name)
