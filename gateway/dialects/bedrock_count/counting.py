"""What is counted, and what of it may go to an engine."""

from collections.abc import Mapping

from msgspec.structs import replace

from gateway.dialects.bedrock_count.packing import INPUT, INVOKE, packed
from gateway.domain.conversation import Conversation
from gateway.domain.dialect import Dialect, Matter
from gateway.domain.errors import Malformed
from gateway.domain.field_kind import FieldKind, fields, spelled
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body

CONVERSE = "converse"
VERSION = "bedrock-2023-05-31"
_COUNTED = ("messages", "system", "toolConfig", "additionalModelRequestFields")
_ELSEWHERE = frozenset({"anthropic_beta", "anthropic_version", "model", "stream"})


class Counting:
    """Reads and writes requests to count, by the dialects of what is counted."""

    def __init__(self, converse: Dialect, invoke: Dialect) -> None:
        self._converse = converse
        self._invoke = invoke

    @property
    def fields(self) -> Mapping[str, FieldKind]:
        """The one field of the request."""
        return fields(content=(INPUT,))

    def peek(self, body: Body) -> Ask:
        """Return what is wanted; Malformed or CannotExpress."""
        dialect, inner = self._inner(body)
        return replace(dialect.peek(inner), stream=False)

    def read(self, body: Body) -> tuple[Matter, tuple[str, ...]]:
        """Return the conversation that is counted, and what it cannot hold."""
        dialect, inner = self._inner(body)
        return dialect.read(inner)

    def write(
        self,
        conversation: Conversation,
        offering: Offering,
        stream: bool,  # noqa: FBT001
    ) -> tuple[Body, tuple[str, ...]]:
        """Return what Bedrock is asked to count, and what cannot be said."""
        body, losses = self._converse.write(conversation, offering, stream)
        return {INPUT: {CONVERSE: _only(body)}}, losses

    def rewrite(self, body: Body, offering: Offering, stream: bool) -> Body:  # noqa: FBT001
        """Return the body for Bedrock: only what is counted, and only what may leave."""
        dialect, inner = self._inner(body)
        kept = {name: value for name, value in inner.items() if name in dialect.may_leave}
        said = dialect.rewrite(kept, offering, stream)
        if dialect is self._converse:
            return {INPUT: {CONVERSE: _only(said)}}
        plain = {name: value for name, value in said.items() if name not in _ELSEWHERE}
        return packed({"anthropic_version": VERSION, **plain})

    def sheds(self, body: Body) -> tuple[str, ...]:
        """Return what `rewrite` takes out."""
        dialect, inner = self._inner(body)
        gone = [name for name in inner if name not in dialect.may_leave]
        named = (spelled(name) if name in dialect.fields else "unknown_field" for name in gone)
        beta = ("anthropic_beta",) if inner.get("anthropic_beta") else ()
        return (*named, *dialect.sheds(inner), *beta)

    def strange(self, body: Body) -> bool:
        """Is there a part of a kind that nobody documents in what is counted?"""
        dialect, inner = self._inner(body)
        return dialect.strange(inner)

    def _inner(self, body: Body) -> tuple[Dialect, Body]:
        """Return the request that is counted, and its dialect; Malformed."""
        asked = body.get(INPUT)
        found = [
            (name, value)
            for name, value in (asked.items() if isinstance(asked, dict) else ())
            if value is not None
        ]
        if len(found) != 1 or found[0][0] not in (CONVERSE, INVOKE):
            raise Malformed("input holds exactly one of converse and invokeModel")
        name, said = found[0]
        inner = said.get("body") if name == INVOKE and isinstance(said, dict) else said
        if not isinstance(inner, dict):
            raise Malformed(f"input.{name} must hold a request")
        return (self._converse if name == CONVERSE else self._invoke), inner


def _only(body: Body) -> Body:
    """Return of a request what counts: the rest says how to answer it."""
    return {name: value for name, value in body.items() if name in _COUNTED}
