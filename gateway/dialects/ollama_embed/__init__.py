"""Ollama's native embeddings: texts in, vectors out.

Rule 1: the context window is the offering's, in every request; no client can change it.
Rule 2: a text that is too long is an error, never cut, unless the client says `truncate: true`.
Rule 3: no error and no loss repeats a word of the request.
"""

from gateway.dialects.ollama_embed.ask import peek, read, rewrite, sheds, write
from gateway.dialects.ollama_embed.reply import hear, read_reply, write_reply
from gateway.dialects.ollama_embed.vocabulary import FIELDS
from gateway.domain.dialect import Dialect
from gateway.domain.request import Operation
from gateway.translation.ollama_errors import failure, refusal

OLLAMA_EMBED = Dialect(
    name="ollama_embed",
    operation=Operation.EMBED,
    stream_type="application/x-ndjson",
    peek=peek,
    rewrite=rewrite,
    read=read,
    write=write,
    hear=hear,
    read_reply=read_reply,
    write_reply=write_reply,
    failure=failure,
    refusal=refusal,
    sheds=sheds,
    fields=FIELDS,
)

__all__ = ["OLLAMA_EMBED"]
