"""A request in this dialect as a conversation in none."""

from typing import Any

from gateway.dialects.gemini import settings
from gateway.dialects.gemini.admit import ROLES, admit
from gateway.dialects.gemini.losses import Losses
from gateway.dialects.gemini.parts import PartReader
from gateway.dialects.gemini.shapes import GenerationConfig, Request
from gateway.dialects.gemini.spelling import canonical
from gateway.domain.conversation import Conversation, Turn
from gateway.domain.request import Body

_TOP = ("contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "model")
_CONFIG = frozenset(GenerationConfig.__struct_encode_fields__)
_NO_CONFIG = GenerationConfig()


def read(body: Body) -> tuple[Conversation, tuple[str, ...]]:
    """Return the conversation and what it cannot hold; Malformed or CannotExpress."""
    request = admit(body).request
    losses = Losses()
    config = request.generation_config or _NO_CONFIG
    parts = PartReader(losses)
    system = parts.words(request.system_instruction)
    turns = _turns(request, parts)
    choice = settings.tool_choice(request, losses)
    effort, bound = settings.thinking(config.thinking_config, losses)
    conversation = Conversation(
        system=system,
        turns=turns,
        tools=settings.tools(request, choice, losses),
        tool_choice=choice,
        sampling=settings.sampling(config, losses),
        answer_schema=settings.answer_schema(config, losses),
        thinking=effort,
        thinking_tokens_max=bound,
    )
    _leftovers(canonical(body), losses)
    return conversation, losses.names


def _turns(request: Request, parts: PartReader) -> tuple[Turn, ...]:
    """Return the turns; neighbours of one role are one, and those that say nothing are none."""
    turns: list[Turn] = []
    for at, content in enumerate(request.contents):
        role = ROLES[content.role]
        said = parts.read(content, role, f"contents[{at}]")
        if turns and turns[-1].role == role:
            turns[-1] = Turn(role, (*turns[-1].parts, *said))
        elif said:
            turns.append(Turn(role, said))
    return tuple(turns)


def _leftovers(said: dict[str, Any], losses: Losses) -> None:
    losses.extras(said, _TOP)
    losses.extras(said.get("generationConfig") or {}, _CONFIG)
    config = said.get("toolConfig") or {}
    losses.extras(config, ("functionCallingConfig",))
    calling = config.get("functionCallingConfig") or {}
    losses.extras(calling, ("mode", "allowedFunctionNames"))
