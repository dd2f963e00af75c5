"""Anthropic's Messages inside a cloud's own call: Bedrock's InvokeModel, Vertex's rawPredict.

Rule 1: the messages are those of their kin; only version, betas, framing and errors differ here.
Rule 2: the model and the stream are part of the path; a body that names them is put right.
Rule 3: at Bedrock an event of a stream is one chunk, with the event's own bytes inside; at Vertex
it is the kin's own.
Rule 4: it knows none of the dialects it is made of: they come as arguments.
"""

from msgspec.structs import replace

from gateway.dialects.anthropic_enclosed.body import FIELDS, outer, shed, told, whole
from gateway.dialects.anthropic_enclosed.frames import Framed, Unframed
from gateway.domain.dialect import Dialect, Matter
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body


def predicted(messages: Dialect) -> Dialect:
    """Return the dialect of `rawPredict` and `streamRawPredict`: version and betas in the body."""

    def peek(body: Body) -> Ask:
        return replace(messages.peek(whole(body)), model="", stream=False)

    def read(body: Body) -> tuple[Matter, tuple[str, ...]]:
        conversation, losses = messages.read(whole(body))
        return conversation, (*losses, *shed(body))

    def rewrite(body: Body, offering: Offering, stream: bool) -> Body:  # noqa: FBT001
        return messages.rewrite(outer(body), offering, stream)

    return replace(
        messages,
        name="anthropic_vertex",
        kin=messages.name,
        peek=peek,
        read=read,
        rewrite=rewrite,
        sheds=lambda body: messages.sheds(outer(body)),
        passing=lambda names: predicted(messages.letting(names)),
        told=told,
        fields={**messages.fields, **FIELDS},
    )


def invoked(messages: Dialect, bedrock: Dialect) -> Dialect:
    """Return the dialect of InvokeModel: what goes wrong is said as `bedrock` says it."""
    return replace(
        predicted(messages),
        name="bedrock_invoke",
        stream_type=bedrock.stream_type,
        passing=lambda names: invoked(messages.letting(names), bedrock),
        unframe=Unframed,
        frame=Framed,
        failure=bedrock.failure,
        refusal=bedrock.refusal,
        stream_error=bedrock.stream_error,
        record_headers=bedrock.record_headers,
    )


def number_of(count: Dialect) -> Dialect:
    """Return the dialect of a count at Vertex, which names the model in its body."""
    return replace(
        count,
        name="anthropic_vertex_count",
        kin=count.name,
        peek=lambda body: count.peek(outer(body)),
        read=lambda body: count.read(outer(body)),
        rewrite=lambda body, offering, stream: count.rewrite(outer(body), offering, stream),
        passing=lambda names: number_of(count.letting(names)),
        told=told,
        fields={**count.fields, **FIELDS},
    )


__all__ = ["invoked", "number_of", "predicted"]
