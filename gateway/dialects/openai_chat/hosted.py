"""What goes to a host that refuses whatever OpenAI does not document."""

import re
from typing import Any

from gateway.dialects.openai_chat.losses import Losses
from gateway.dialects.openai_chat.writing import write
from gateway.domain.conversation import Conversation
from gateway.domain.fleet import Offering
from gateway.domain.request import Body

STOPS_MAX = 4
# OpenAI's models that think know the limit of a reply by its newer name alone.
_REASONERS = re.compile(r"(?:openai/)?(?:o\d|gpt-[5-9])")


def write_for_host(
    conversation: Conversation,
    offering: Offering,
    stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    """Return the body, and what the host cannot be told.

    WHY: a field that an engine of ours would pass over is an error there, for good: the reasoning
    of earlier turns stands in the history of every later request.
    """
    body, unsaid = write(conversation, offering, stream)
    lost = Losses()
    for name in unsaid:
        lost.note(name)
    body["messages"] = _spoken(body["messages"], lost)
    if body.pop("top_k", None) is not None:
        lost.note("top_k")
    if len(body.get("stop", ())) > STOPS_MAX:
        lost.note("stop")
        body["stop"] = body["stop"][:STOPS_MAX]
    if _REASONERS.match(offering.wire_model) and "max_tokens" in body:
        body["max_completion_tokens"] = body.pop("max_tokens")
    return body, lost.names


def _spoken(messages: list[dict[str, Any]], lost: Losses) -> list[dict[str, Any]]:
    """Return the messages without reasoning; a turn of nothing else says nothing there."""
    for message in messages:
        if message.pop("reasoning", None) is not None:
            lost.note("thinking")
    return [
        message
        for message in messages
        if message["role"] != "assistant" or message["content"] or "tool_calls" in message
    ]
