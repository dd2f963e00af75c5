"""Every surface as its clients use it: paths, bodies, and what the vendor's client makes of errors.

Each row asks for some text of some model, whole or streamed, and gives what was answered to the
vendor's own client or parser.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from tests.doubles import vendor_errors as vendors
from tests.doubles.raw_http import Field, Heard, request
from tests.doubles.serving_house import JSON
from tests.doubles.vendor_errors import Told

Body = dict[str, Any]
GENERATING = ("cloud-model", "home-model", "local-model")
COUNTING = ("cloud-model", "home-model")
EMBEDDING = ("cloud-vectors", "home-vectors", "local-vectors")
CLAUDES = "/projects/p/locations/l/publishers/anthropic/models"
GOOGLES = "/projects/p/locations/l/publishers/google/models"

# What the vendors' clients call the statuses that a client of ours may hear.
KINDS = {
    "openai": {
        400: "BadRequestError",
        401: "AuthenticationError",
        404: "NotFoundError",
        413: "APIStatusError",
        415: "APIStatusError",
        502: "InternalServerError",
    },
    "anthropic": {
        400: "BadRequestError",
        401: "AuthenticationError",
        404: "NotFoundError",
        413: "ContentTooLargeError",
        415: "APIStatusError",
        502: "InternalServerError",
    },
    "gemini": {
        400: "ClientError INVALID_ARGUMENT",
        401: "ClientError UNAUTHENTICATED",
        404: "ClientError NOT_FOUND",
        413: "ClientError INVALID_ARGUMENT",
        415: "ClientError INVALID_ARGUMENT",
        502: "ServerError INTERNAL",
    },
    "bedrock": {
        400: "ValidationException",
        401: "AccessDeniedException",
        404: "ResourceNotFoundException",
        413: "ValidationException",
        415: "ValidationException",
        502: "InternalServerException",
    },
    "ollama": dict.fromkeys((400, 401, 404, 413, 415, 502), "ResponseError"),
}
VENDORS = {
    "messages": "anthropic",
    "count_tokens": "anthropic",
    "vertex_claude": "anthropic",
    "vertex_count": "anthropic",
    "generate_content": "gemini",
    "gemini_count_tokens": "gemini",
    "converse": "bedrock",
    "invoke": "bedrock",
    "bedrock_count": "bedrock",
    "ollama_chat": "ollama",
    "ollama_generate": "ollama",
    "ollama_embed": "ollama",
}


class Row(Struct, frozen=True, kw_only=True):
    """One surface. `streamed` is the path of a stream; None where the body says it.

    `told` is the vendor's error for a whole answer, `broken` that for a stream that had begun.
    """

    name: str
    surface: str
    path: str
    body: Callable[[str, str, bool], Body]
    told: Callable[[Heard], Told]
    broken: Callable[[Heard], Told] | None = None
    streamed: str | None = None
    models: tuple[str, ...] = GENERATING
    header: str = "authorization"

    def __str__(self) -> str:
        return self.name

    @property
    def ways(self) -> tuple[bool, ...]:
        """Whole, and streamed where it can be."""
        return (False,) if self.broken is None else (False, True)

    def kind(self, status: int) -> str:
        """Return what the vendor's client calls an error of that status."""
        return KINDS[VENDORS.get(self.surface, "openai")][status]

    def key(self, key: str) -> Field:
        return (self.header, f"Bearer {key}" if self.header == "authorization" else key)

    def raw(self, text: str, model: str, stream: bool = False) -> bytes:
        return msgspec.json.encode(self.body(text, model, stream))

    def at(self, model: str, stream: bool = False) -> str:
        path = self.streamed if stream and self.streamed else self.path
        return path.replace("{model}", model)

    def asks(
        self, key: str, model: str, raw: bytes, stream: bool = False, fields: tuple[Field, ...] = ()
    ) -> bytes:
        """Return the bytes of a request."""
        return request("POST", self.at(model, stream), raw, (JSON, self.key(key), *fields))


def _chat(text: str, model: str, stream: bool) -> Body:
    return {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}


def _messages(text: str, model: str, stream: bool) -> Body:
    return {**_chat(text, model, stream), "max_tokens": 64}


def _counted(text: str, model: str, _stream: bool) -> Body:
    return {"model": model, "messages": [{"role": "user", "content": text}]}


def _vertex(text: str, model: str, stream: bool) -> Body:
    whole = _messages(text, model, stream)
    del whole["model"]
    return {**whole, "anthropic_version": "vertex-2023-10-16"}


def _invoked(text: str, _model: str, _stream: bool) -> Body:
    said = [{"role": "user", "content": text}]
    return {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "messages": said}


def _prompt(text: str, model: str, stream: bool) -> Body:
    return {"model": model, "prompt": text, "stream": stream}


def _input(text: str, model: str, stream: bool) -> Body:
    return {"model": model, "input": text, "stream": stream}


def _texts(text: str, model: str, _stream: bool) -> Body:
    return {"model": model, "input": text}


def _generated(text: str, model: str, stream: bool) -> Body:
    return {"model": model, "prompt": text, "raw": True, "stream": stream}


def _converse(text: str, _model: str, _stream: bool) -> Body:
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


def _counted_converse(text: str, model: str, stream: bool) -> Body:
    return {"input": {"converse": _converse(text, model, stream)}}


def _contents(text: str, _model: str, _stream: bool) -> Body:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def _gemini(name: str, at: str, header: str = "x-goog-api-key") -> tuple[Row, ...]:
    return (
        Row(
            name=name,
            surface="generate_content",
            path=f"{at}/{{model}}:generateContent",
            streamed=f"{at}/{{model}}:streamGenerateContent?alt=sse",
            body=_contents,
            told=vendors.gemini,
            broken=vendors.gemini_broken,
            header=header,
        ),
        Row(
            name=f"{name} count",
            surface="gemini_count_tokens",
            path=f"{at}/{{model}}:countTokens",
            body=_contents,
            told=vendors.gemini,
            models=COUNTING,
            header=header,
        ),
    )


EVERY = (
    Row(
        name="chat",
        surface="chat_completions",
        path="/v1/chat/completions",
        body=_chat,
        told=vendors.openai_chat,
        broken=vendors.openai_chat_broken,
    ),
    Row(
        name="completions",
        surface="completions",
        path="/v1/completions",
        body=_prompt,
        told=vendors.openai_completions,
        broken=vendors.openai_completions_broken,
    ),
    Row(
        name="embeddings",
        surface="embeddings",
        path="/v1/embeddings",
        body=_texts,
        told=vendors.openai_embeddings,
        models=EMBEDDING,
    ),
    Row(
        name="responses",
        surface="responses",
        path="/v1/responses",
        body=_input,
        told=vendors.openai_responses,
        broken=vendors.openai_responses_broken,
        # The scripted engine does not speak Responses, so vLLM's way to it is not there.
        models=("cloud-model", "local-model"),
    ),
    Row(
        name="input_tokens",
        surface="input_tokens",
        path="/v1/responses/input_tokens",
        body=_texts,
        told=vendors.openai_input_tokens,
        models=("cloud-model",),
    ),
    Row(
        name="messages",
        surface="messages",
        path="/v1/messages",
        body=_messages,
        told=vendors.anthropic_messages,
        broken=vendors.anthropic_broken,
        header="x-api-key",
    ),
    Row(
        name="count_tokens",
        surface="count_tokens",
        path="/v1/messages/count_tokens",
        body=_counted,
        told=vendors.anthropic_count,
        models=COUNTING,
        header="x-api-key",
    ),
    Row(
        name="vertex claude",
        surface="vertex_claude",
        path=f"/v1{CLAUDES}/{{model}}:rawPredict",
        streamed=f"/v1{CLAUDES}/{{model}}:streamRawPredict",
        body=_vertex,
        told=vendors.anthropic_messages,
        broken=vendors.anthropic_broken,
    ),
    Row(
        name="vertex claude count",
        surface="vertex_count",
        path=f"/v1{CLAUDES}/count-tokens:rawPredict",
        body=_counted,
        told=vendors.anthropic_count,
        models=COUNTING,
    ),
    *_gemini("gemini", "/v1beta/models"),
    *_gemini("vertex gemini", f"/v1beta1{GOOGLES}", "authorization"),
    Row(
        name="converse",
        surface="converse",
        path="/model/{model}/converse",
        streamed="/model/{model}/converse-stream",
        body=_converse,
        told=vendors.bedrock("Converse"),
        broken=vendors.bedrock_broken("ConverseStream", "stream"),
    ),
    Row(
        name="invoke",
        surface="invoke",
        path="/model/{model}/invoke",
        streamed="/model/{model}/invoke-with-response-stream",
        body=_invoked,
        told=vendors.bedrock("InvokeModel"),
        broken=vendors.bedrock_broken("InvokeModelWithResponseStream", "body"),
    ),
    Row(
        name="bedrock count",
        surface="bedrock_count",
        path="/model/{model}/count-tokens",
        body=_counted_converse,
        told=vendors.bedrock("CountTokens"),
        models=COUNTING,
    ),
    Row(
        name="ollama chat",
        surface="ollama_chat",
        path="/api/chat",
        body=_chat,
        told=vendors.ollama_chat,
        broken=vendors.ollama_broken,
    ),
    Row(
        name="ollama generate",
        surface="ollama_generate",
        path="/api/generate",
        body=_generated,
        told=vendors.ollama_generate,
        broken=vendors.ollama_generate_broken,
    ),
    Row(
        name="ollama embed",
        surface="ollama_embed",
        path="/api/embed",
        body=_texts,
        told=vendors.ollama_embed,
        models=EMBEDDING,
    ),
)
ASKED = tuple((row, model, way) for row in EVERY for model in row.models for way in row.ways)
