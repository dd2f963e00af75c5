"""A conversation as the body of Converse and ConverseStream."""

from gateway.dialects.bedrock_converse.blocks import BlockWriter, text
from gateway.dialects.bedrock_converse.family import family_of
from gateway.dialects.bedrock_converse.losses import Losses
from gateway.dialects.bedrock_converse.marks import Marks
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
    marks = Marks(family, losses)
    # The order is that of the prefix: a mark that is one too many is the last one.
    tools = write_tools(conversation, offering, family, marks, losses)
    system = _system(conversation.system, marks)
    messages = _messages(conversation.turns, BlockWriter(family, losses, marks), losses)
    if not messages:
        raise CannotExpress("the engine needs at least one turn that is not blank")
    sampling = conversation.sampling
    thought = write_thinking(conversation, messages, offering, family, losses)
    body: Body = {"messages": messages}
    body |= system
    body |= write_sampling(sampling, thought, losses)
    body |= tools
    body |= write_output(conversation, thought, offering, losses)
    body |= write_extras(sampling, family, thought, losses)
    return body, losses.names


def _system(system: tuple[Text, ...], marks: Marks) -> Body:
    said: list[Body] = []
    for one in system:
        block = text(one.text)
        if block is not None:
            said += [block, *marks.after(one.cache, "system")]
    return {"system": said} if said else {}


def _messages(turns: tuple[Turn, ...], blocks: BlockWriter, losses: Losses) -> list[Body]:
    """Return the messages; neighbours of one role are one message, tool results first in it.

    WHY: answers to parallel calls that are split over two messages are rejected, and so is a
    conversation that the assistant begins.
    """
    said: list[tuple[str, list[list[Body]]]] = []
    for turn in turns:
        found = [written for part in turn.parts if (written := blocks.write(part, turn.role))]
        if found and said and said[-1][0] == turn.role:
            said[-1][1].extend(found)
        elif found:
            said.append((turn.role, found))
    messages = [_message(role, found, losses) for role, found in said]
    if messages and messages[0]["role"] != "user":
        losses.note("first_turn_injected")
        messages.insert(0, {"role": "user", "content": [{"text": FIRST_TURN}]})
    return messages


def _message(role: str, found: list[list[Body]], losses: Losses) -> Body:
    """Return one message: a block and the mark behind it keep together."""
    found.sort(key=lambda written: "toolResult" not in written[0])
    message: Body = {"role": role, "content": [block for written in found for block in written]}
    _with_text(message, losses)
    return message


def _with_text(message: Body, losses: Losses) -> None:
    """Add words to a message of documents alone, which would be rejected."""
    content = message["content"]
    has_document = any("document" in block for block in content)
    if has_document and not any("text" in block for block in content):
        losses.note("document_text_injected")
        content.append({"text": DOCUMENT_TEXT})
