"""Anthropic's Messages: a prompt of typed blocks, a reply as server-sent events.

Rule 1: a request that passes through keeps every field and its order; thinking is never touched.
Rule 2: a part that would make the provider fetch or run something is refused, in every mode.
Rule 3: a stream that we write has one open block at a time, and its end only when all ended well.
Rule 4: no error and no loss repeats a word of the request.
"""

from msgspec.structs import replace

from gateway.dialects.anthropic_messages.answer import Writer, write_reply
from gateway.dialects.anthropic_messages.ask import peek, rewrite
from gateway.dialects.anthropic_messages.count import ANTHROPIC_COUNT
from gateway.dialects.anthropic_messages.errors import failure, refusal, stream_error
from gateway.dialects.anthropic_messages.read import read
from gateway.dialects.anthropic_messages.reply import Reader, read_reply
from gateway.dialects.anthropic_messages.settings import NAMES
from gateway.dialects.anthropic_messages.shapes import REACHING
from gateway.dialects.anthropic_messages.strange import strange
from gateway.dialects.anthropic_messages.tap import Tap, hear
from gateway.dialects.anthropic_messages.vocabulary import FIELDS
from gateway.dialects.anthropic_messages.write import write
from gateway.domain.dialect import Dialect


def passing(names: frozenset[str]) -> Dialect:
    """Return the dialect that lets these tools, references and fields pass."""
    return replace(ANTHROPIC_MESSAGES, peek=lambda body: peek(body, names))


ANTHROPIC_MESSAGES = Dialect(
    name="anthropic_messages",
    stream_type="text/event-stream",
    peek=peek,
    rewrite=lambda body, offering, stream: rewrite(body, offering, stream=stream),
    read=read,
    write=lambda conversation, offering, stream: write(conversation, offering, stream=stream),
    tap=lambda _usage_wanted: Tap(),
    hear=hear,
    read_reply=read_reply,
    reader=Reader,
    write_reply=write_reply,
    writer=lambda asked_model, record_id, _usage_wanted: Writer(asked_model, record_id),
    failure=failure,
    refusal=refusal,
    stream_error=stream_error,
    renamed=NAMES.renamed,
    strange=strange,
    fields=FIELDS,
    passing=passing,
    reaching=REACHING,
)

__all__ = ["ANTHROPIC_COUNT", "ANTHROPIC_MESSAGES"]
