"""Ollama's native generation: a question, a text to go on with (`raw`), or one to fill in.

Rule 1: the context window is the offering's, in every request; no client can change it.
Rule 2: a prompt that is too long is an error, never cut: `truncate` and `shift` are off.
Rule 3: no client brings a template, and no ids of tokens (`context`) of an earlier turn.
Rule 4: no error and no loss repeats a word of the request.
"""

from gateway.dialects.ollama_generate.answer import Writer, write_reply
from gateway.dialects.ollama_generate.ask import peek, rewrite
from gateway.dialects.ollama_generate.matter import read, write
from gateway.dialects.ollama_generate.reply import Reader, Tap, hear, read_reply
from gateway.dialects.ollama_generate.vocabulary import FIELDS
from gateway.domain.dialect import Dialect
from gateway.domain.request import Operation
from gateway.translation.ollama_errors import failure, refusal, stream_error

OLLAMA_GENERATE = Dialect(
    name="ollama_generate",
    operation=Operation.COMPLETE,
    stream_type="application/x-ndjson",
    peek=peek,
    rewrite=rewrite,
    read=read,
    write=write,
    tap=lambda _usage_wanted: Tap(),
    hear=hear,
    read_reply=read_reply,
    reader=Reader,
    write_reply=write_reply,
    writer=lambda asked_model, record_id, _usage_wanted: Writer(asked_model, record_id),
    failure=failure,
    refusal=refusal,
    stream_error=stream_error,
    fields=FIELDS,
)

__all__ = ["OLLAMA_GENERATE"]
