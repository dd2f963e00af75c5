"""Reasoning in the history of a Messages request: a Claude gets back what a Claude signed.

WHY: an engine that speaks the same dialect fills the signature with a random id, and of one that
speaks another it stays empty. A Claude refuses either, for the rest of that conversation.
"""

from typing import Any

from gateway.translation.signatures import is_signed

UNSIGNED = "thinking_unsigned"
THINKING = "thinking"
CONTEXT = "context_management"
_REASONING = frozenset({"thinking", "redacted_thinking"})

Body = dict[str, Any]


def signed_alone(body: Body) -> tuple[Body, tuple[str, ...]]:
    """Return the body without reasoning that no Claude signed, and what is lost.

    INVARIANT: signed reasoning stays as it is, in its place; a body without any other is returned
    itself. A turn of nothing else goes with it.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not any(_unsigned(one) for one in messages):
        return body, ()
    kept = [_without(one) if _unsigned(one) else one for one in messages]
    kept = [one for one in kept if one["content"]]
    said = {**body, "messages": kept}
    if _bounded(body) and _calls_unreasoned(kept):
        # WHY: where thinking has a bound, a call that is answered must follow its reasoning.
        return _unthinking(said)
    return said, (UNSIGNED,)


def _blocks(message: Any) -> list[Any]:  # noqa: ANN401 - a part of a client's body
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, list) else []


def _is_unsigned(block: Any) -> bool:  # noqa: ANN401 - a part of a client's body
    if not isinstance(block, dict) or block.get("type") != "thinking":
        return False
    signature = block.get("signature")
    return not is_signed(signature if isinstance(signature, str) else None)


def _unsigned(message: Any) -> bool:  # noqa: ANN401 - a part of a client's body
    return any(_is_unsigned(block) for block in _blocks(message))


def _without(message: Body) -> Body:
    return {**message, "content": [one for one in _blocks(message) if not _is_unsigned(one)]}


def _bounded(body: Body) -> bool:
    wanted = body.get(THINKING)
    return isinstance(wanted, dict) and wanted.get("type") == "enabled"


def _calls_unreasoned(messages: list[Body]) -> bool:
    said = (_blocks(one) for one in reversed(messages) if one.get("role") == "assistant")
    kinds = [one.get("type") for one in next(said, []) if isinstance(one, dict)]
    return "tool_use" in kinds and kinds[0] not in _REASONING


def _unthinking(body: Body) -> tuple[Body, tuple[str, ...]]:
    """Return the body that asks for no thinking, nor for what presupposes it."""
    gone = [name for name in (THINKING, CONTEXT) if body.get(name) is not None]
    kept = {name: value for name, value in body.items() if name not in gone}
    return kept, (UNSIGNED, *gone)
