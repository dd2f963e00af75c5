"""Amazon Bedrock's Converse and ConverseStream, spoken by clients and to engines.

Rule 1: the model and the stream are part of the path, so no body names them.
Rule 2: a name or id that Bedrock forbids is written as one that it allows, by its hash alone, and
`renamed` says how to read the names of tools back.
Rule 3: what a family of models is known to refuse is a named loss; nothing is tried out.
Rule 4: a stream ends with `metadata`, for the usage is there; before it nothing has ended.
Rule 5: a part that would make the provider fetch or run something is refused, in every mode, but
for what policy lets pass by name.
"""

from msgspec.structs import replace

from gateway.dialects.bedrock_converse.admit import REACHING
from gateway.dialects.bedrock_converse.answer import Writer, write_reply
from gateway.dialects.bedrock_converse.ask import peek, rewrite, sheds
from gateway.dialects.bedrock_converse.errors import REQUEST_ID, failure, refusal, stream_error
from gateway.dialects.bedrock_converse.names import NAMES
from gateway.dialects.bedrock_converse.read import read
from gateway.dialects.bedrock_converse.reply import Reader, hear, read_reply
from gateway.dialects.bedrock_converse.strange import strange
from gateway.dialects.bedrock_converse.tap import Tap
from gateway.dialects.bedrock_converse.vocabulary import FIELDS
from gateway.dialects.bedrock_converse.write import write
from gateway.domain.dialect import Dialect


def passing(names: frozenset[str]) -> Dialect:
    """Return the dialect that lets these tools and references pass."""
    return replace(BEDROCK_CONVERSE, peek=lambda body: peek(body, names))


BEDROCK_CONVERSE = Dialect(
    name="bedrock_converse",
    stream_type="application/vnd.amazon.eventstream",
    peek=peek,
    rewrite=rewrite,
    read=read,
    write=lambda conversation, offering, stream: write(conversation, offering, stream=stream),
    tap=lambda _usage_wanted: Tap(),
    hear=hear,
    read_reply=read_reply,
    reader=Reader,
    write_reply=write_reply,
    writer=lambda _asked_model, _record_id, _usage_wanted: Writer(),
    failure=failure,
    refusal=refusal,
    stream_error=stream_error,
    renamed=NAMES.renamed,
    sheds=sheds,
    strange=strange,
    fields=FIELDS,
    passing=passing,
    reaching=REACHING,
    record_headers=(REQUEST_ID,),
)

__all__ = ["BEDROCK_CONVERSE"]
