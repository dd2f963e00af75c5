"""OpenAI's completions: a text that is gone on with, or filled in before its suffix.

Rule 1: ids of tokens are for an engine of this dialect on the premises: no detector reads them.
Rule 2: one text in one request; how many replies and scores come is bounded.
Rule 3: a stream is listened to by byte search; it is parsed until content came, then where a search
finds usage, a finish reason or an error.
Rule 4: no error and no loss repeats a word of the request.
"""

from msgspec.structs import replace

from gateway.dialects.openai_completions.ask import peek, rewrite, unseen
from gateway.dialects.openai_completions.matter import read, write
from gateway.dialects.openai_completions.mistral import write as mistral_write
from gateway.dialects.openai_completions.reader import hear, read_reply, reader
from gateway.dialects.openai_completions.tap import tap
from gateway.dialects.openai_completions.vocabulary import FIELDS
from gateway.dialects.openai_completions.writer import CompletionWriter, write_reply
from gateway.domain.dialect import Dialect
from gateway.domain.request import Operation
from gateway.translation.openai_fault import failure, refusal, stream_error

OPENAI_COMPLETIONS = Dialect(
    name="openai_completions",
    operation=Operation.COMPLETE,
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
    writer=CompletionWriter,
    failure=failure,
    refusal=refusal,
    stream_error=stream_error,
    unseen=unseen,
    fields=FIELDS,
)
# Mistral's own way to fill in the middle: nobody asks us in it, its replies are read as they come.
MISTRAL_FIM = replace(OPENAI_COMPLETIONS, name="mistral_fim", write=mistral_write)

__all__ = ["MISTRAL_FIM", "OPENAI_COMPLETIONS"]
