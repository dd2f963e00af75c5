"""A conversation as the body of Converse and ConverseStream."""

from gateway.dialects.bedrock_converse.blocks import BlockWriter, text
from gateway.dialects.bedrock_converse.family import Family, family_of
from gateway.dialects.bedrock_converse.losses import Losses
from gateway.dialects.bedrock_converse.settings import (
    write_extras,
    write_output,
    write_sampling,
    write_thinking,
)
from gateway.dialects.bedrock_converse.tools import write_tools
from gateway.domain.conversation import Conversation, Text, Turn
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.request import Body

FIRST_TURN = "."
DOCUMENT_TEXT = "The documents are attached."


def write(
    conversation: Conversation,
    offering: Offering,
    *,
    stream: bool,  # noqa: ARG001 - the path says it, the body cannot
) -> tuple[Body, tuple[str, ...]]:
    """Return the body and what this dialect cannot say; CannotExpress without any turn."""
    losses = Losses()
    family = family_of(offering)
    messages = _messages(conversation.turns, family, losses)
    if not messages:
        raise CannotExpress("the engine needs at least one turn that is not blank")
    sampling = conversation.sampling
    thought = write_thinking(conversation, messages, offering, family, losses)
    body: Body = {"messages": messages}
    body |= _system(conversation.system)
    body |= write_sampling(sampling, thought, losses)
    body |= write_tools(conversation, family, losses)
    body |= write_output(conversation, thought, offering, losses)
    body |= write_extras(sampling, family, thought, losses)
    return body, losses.names


def _system(system: tuple[Text, ...]) -> Body:
    said = [block for one in system if (block := text(one.text))]
    return {"system": said} if said else {}


def _messages(turns: tuple[Turn, ...], family: Family, losses: Losses) -> list[Body]:
    """Return the messages; neighbours of one role are one message, tool results first in it.

    WHY: answers to parallel calls that are split over two messages are rejected, and so is a
    conversation that the assistant begins.
    """
    blocks = BlockWriter(family, losses)
    messages: list[Body] = []
    for turn in turns:
        said = [block for part in turn.parts if (block := blocks.write(part, turn.role))]
        if not said:
            continue
        if messages and messages[-1]["role"] == turn.role:
            messages[-1]["content"].extend(said)
        else:
            messages.append({"role": turn.role, "content": said})
    for message in messages:
        message["content"].sort(key=lambda block: "toolResult" not in block)
        _with_text(message, losses)
    if messages and messages[0]["role"] != "user":
        losses.note("first_turn_injected")
        messages.insert(0, {"role": "user", "content": [{"text": FIRST_TURN}]})
    return messages


def _with_text(message: Body, losses: Losses) -> None:
    """Add words to a message of documents alone, which would be rejected."""
    content = message["content"]
    has_document = any("document" in block for block in content)
    if has_document and not any("text" in block for block in content):
        losses.note("document_text_injected")
        content.append({"text": DOCUMENT_TEXT})
