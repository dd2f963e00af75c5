"""Anthropic's Messages inside Bedrock's InvokeModel and InvokeModelWithResponseStream.

Rule 1: the messages are those of their kin; only version, betas, framing and errors differ here.
Rule 2: the model and the stream are part of the path; a body that names them is put right.
Rule 3: an event of a stream is one chunk, with the event's own bytes inside.
Rule 4: it knows neither of the dialects it is made of: they come as arguments.
"""

from msgspec.structs import replace

from gateway.dialects.bedrock_invoke.body import FIELDS, outer, shed, told, whole
from gateway.dialects.bedrock_invoke.frames import Framed, Unframed
from gateway.domain.dialect import Dialect, Matter
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body


def invoked(messages: Dialect, bedrock: Dialect) -> Dialect:
    """Return the dialect: what is said is that of `messages`, what goes wrong that of `bedrock`."""

    def peek(body: Body) -> Ask:
        return replace(messages.peek(whole(body)), model="", stream=False)

    def read(body: Body) -> tuple[Matter, tuple[str, ...]]:
        conversation, losses = messages.read(whole(body))
        return conversation, (*losses, *shed(body))

    def rewrite(body: Body, offering: Offering, stream: bool) -> Body:  # noqa: FBT001
        return messages.rewrite(outer(body), offering, stream)

    return replace(
        messages,
        name="bedrock_invoke",
        kin=messages.name,
        stream_type=bedrock.stream_type,
        peek=peek,
        read=read,
        rewrite=rewrite,
        sheds=lambda body: messages.sheds(outer(body)),
        passing=lambda names: invoked(messages.letting(names), bedrock),
        told=told,
        unframe=Unframed,
        frame=Framed,
        failure=bedrock.failure,
        refusal=bedrock.refusal,
        stream_error=bedrock.stream_error,
        fields={**messages.fields, **FIELDS},
        record_headers=bedrock.record_headers,
    )


__all__ = ["invoked"]
