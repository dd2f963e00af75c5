"""OpenAI's chat completions, as clients and vLLM speak them.

Rule 1: `prompt_tokens` includes what came from a cache, `input_tokens` never does; both words meet
in `chunk` and `writer` only.
Rule 2: a reply that calls a tool stops with `tool_use`, whatever the engine says.
Rule 3: a stream is listened to by byte search; it is parsed until content came, then where a search
finds usage, a finish reason or an error.
Rule 4: no part and no tool makes a provider fetch or run something without the word of policy;
unknown kinds are refused.
Rule 5: no error and no loss repeats a word of the request.
"""

from msgspec.structs import replace

from gateway.dialects.openai_chat.ask import peek, rewrite
from gateway.dialects.openai_chat.hosted import write_for_host
from gateway.dialects.openai_chat.parts import NAME
from gateway.dialects.openai_chat.reader import hear, read_reply, reader
from gateway.dialects.openai_chat.reading import read
from gateway.dialects.openai_chat.references import REACHING
from gateway.dialects.openai_chat.tap import tap
from gateway.dialects.openai_chat.vocabulary import FIELDS
from gateway.dialects.openai_chat.writer import ChatWriter, write_reply
from gateway.dialects.openai_chat.writing import NAMES, write
from gateway.domain.dialect import Dialect
from gateway.translation.openai_fault import failure, refusal, stream_error


def passing(names: frozenset[str]) -> Dialect:
    """Return the dialect that lets these references pass."""
    return replace(OPENAI_CHAT, peek=lambda body: peek(body, names))


OPENAI_CHAT = Dialect(
    name=NAME,
    stream_type="text/event-stream",
    peek=peek,
    rewrite=rewrite,
    read=read,
    write=write,
    tap=tap,
    hear=hear,
    read_reply=read_reply,
    reader=reader,
    reader_at=reader,
    read_reply_at=read_reply,
    write_reply=write_reply,
    writer=ChatWriter,
    failure=failure,
    refusal=refusal,
    stream_error=stream_error,
    renamed=NAMES.renamed,
    fields=FIELDS,
    passing=passing,
    reaching=REACHING,
)
# The same dialect, written for hosts that refuse what OpenAI does not document.
OPENAI_HOSTED = replace(OPENAI_CHAT, write=write_for_host)

__all__ = ["OPENAI_CHAT", "OPENAI_HOSTED"]
