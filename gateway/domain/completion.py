"""A text that is to be gone on with, in no dialect."""

from typing import Any

from msgspec import Struct

from gateway.domain.conversation import Media, Sampling


class Completion(Struct, frozen=True):
    """What comes after `prompt`, and before `suffix` where there is one.

    `is_chat` says that the prompt is a question that the engine puts into the template of its
    model, with `system` and `images`; else the model goes on with the very text. `answer_schema`
    and `thinking` are as in a Conversation.
    """

    prompt: str
    suffix: str = ""
    is_chat: bool = False
    system: str = ""
    images: tuple[Media, ...] = ()
    sampling: Sampling = Sampling()
    answer_schema: dict[str, Any] | None = None
    thinking: str | None = None
