"""A conversation as a request in this dialect."""

from gateway.dialects.gemini.config import write_config
from gateway.dialects.gemini.family import family_of
from gateway.dialects.gemini.losses import Losses
from gateway.dialects.gemini.said import CACHE, ContentWriter
from gateway.dialects.gemini.tools import write_tools
from gateway.domain.conversation import Conversation, Text
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.request import Body


def write(
    conversation: Conversation,
    offering: Offering,
    _stream: bool,  # noqa: FBT001 - the path says it, the body cannot
) -> tuple[Body, tuple[str, ...]]:
    """Return the body and what this dialect cannot say; CannotExpress without any turn."""
    losses = Losses()
    family = family_of(offering)
    contents = ContentWriter(family, losses).write(conversation.turns)
    if not contents:
        raise CannotExpress("the engine needs at least one turn that is not blank")
    body: Body = {"contents": contents}
    body |= _system(conversation.system, losses)
    body |= write_tools(conversation, family, losses)
    body |= write_config(conversation, family, losses)
    return body, losses.names


def _system(system: tuple[Text, ...], losses: Losses) -> Body:
    """Return the system instruction, a part for each text."""
    if any(one.cache is not None for one in system):
        losses.note(CACHE)
    said = [{"text": one.text} for one in system if one.text.strip()]
    return {"systemInstruction": {"parts": said}} if said else {}
