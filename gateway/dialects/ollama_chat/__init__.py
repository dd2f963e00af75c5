"""Ollama's native chat: messages of plain text, a reply as newline-delimited JSON.

Rule 1: how a model is loaded, and for how long, is the operator's; no client can change it.
Rule 2: a prompt that is too long is an error, never cut: `truncate` and `shift` are off.
Rule 3: no error and no loss repeats a word of the request.
"""

from gateway.dialects.ollama_chat.answer import Writer, write_reply
from gateway.dialects.ollama_chat.ask import peek, rewrite, sheds
from gateway.dialects.ollama_chat.read import read
from gateway.dialects.ollama_chat.reply import Reader, read_reply
from gateway.dialects.ollama_chat.tap import Tap, hear
from gateway.dialects.ollama_chat.vocabulary import FIELDS
from gateway.dialects.ollama_chat.write import NAMES, write
from gateway.domain.dialect import Dialect
from gateway.translation.ollama_errors import failure, refusal, stream_error

OLLAMA_CHAT = Dialect(
    name="ollama_chat",
    stream_type="application/x-ndjson",
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
    sheds=sheds,
    fields=FIELDS,
)

__all__ = ["OLLAMA_CHAT"]
