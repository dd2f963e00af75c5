"""OpenAI's embeddings: texts in, vectors out, as numbers or as base64 of little-endian float32.

Rule 1: a vector passes as it is; translated, each number is the very one that the engine said.
Rule 2: ids of tokens are for an engine of this dialect on the premises: no detector reads them.
Rule 3: no error and no loss repeats a word of the request.
"""

from gateway.dialects.openai_embeddings.ask import answering, peek, read, rewrite, unseen, write
from gateway.dialects.openai_embeddings.reply import hear, read_reply, write_reply
from gateway.dialects.openai_embeddings.vocabulary import FIELDS
from gateway.domain.dialect import Dialect
from gateway.domain.request import Operation
from gateway.translation.openai_fault import failure, refusal

OPENAI_EMBEDDINGS: Dialect = Dialect(
    name="openai_embeddings",
    operation=Operation.EMBED,
    stream_type="text/event-stream",
    peek=peek,
    rewrite=rewrite,
    read=read,
    write=write,
    hear=hear,
    read_reply=read_reply,
    write_reply=write_reply,
    failure=failure,
    refusal=refusal,
    answering=lambda body: answering(OPENAI_EMBEDDINGS, body),
    unseen=unseen,
    fields=FIELDS,
)

__all__ = ["OPENAI_EMBEDDINGS"]
