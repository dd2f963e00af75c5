"""Amazon Bedrock's Converse and ConverseStream, spoken to engines.

Rule 1: the model and the stream are part of the path, so no body names them.
Rule 2: a name or id that Bedrock forbids is written as one that it allows, by its hash alone, and
`renamed` says how to read the names of tools back.
Rule 3: what a family of models is known to refuse is a named loss; nothing is tried out.
Rule 4: a stream ends with `metadata`, for the usage is there; before it nothing has ended.
Rule 5: no client speaks it yet: what only a surface needs raises Unreachable.
"""

from gateway.dialects.bedrock_converse.errors import failure
from gateway.dialects.bedrock_converse.names import renamed
from gateway.dialects.bedrock_converse.reply import Reader, hear, read_reply
from gateway.dialects.bedrock_converse.unasked import unasked
from gateway.dialects.bedrock_converse.write import write
from gateway.domain.dialect import Dialect

BEDROCK_CONVERSE = Dialect(
    name="bedrock_converse",
    stream_type="application/vnd.amazon.eventstream",
    peek=unasked,
    rewrite=unasked,
    read=unasked,
    write=lambda conversation, offering, stream: write(conversation, offering, stream=stream),
    tap=unasked,
    hear=hear,
    read_reply=read_reply,
    reader=Reader,
    write_reply=unasked,
    writer=unasked,
    failure=failure,
    refusal=unasked,
    stream_error=unasked,
    renamed=renamed,
)

__all__ = ["BEDROCK_CONVERSE"]
