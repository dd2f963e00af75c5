"""The hot paths: each is a path and the dialect that is spoken there."""

from msgspec import Struct


class Surface(Struct, frozen=True):
    """An API that we serve."""

    name: str
    path: str
    dialect: str


SURFACES: dict[str, Surface] = {
    surface.path: surface
    for surface in (
        Surface("chat_completions", "/v1/chat/completions", "openai_chat"),
        Surface("messages", "/v1/messages", "anthropic_messages"),
        Surface("responses", "/v1/responses", "openai_responses"),
    )
}
