"""Bedrock's CountTokens: a conversation in, a number out.

Rule 1: what is counted is a request of Converse, or a body of Anthropic's that would be invoked.
Rule 2: a body comes packed in base64; it is unpacked before anything else, for what cannot be read
cannot be classified, and packed again for Bedrock alone.
Rule 3: it knows neither of the dialects it is made of: they come as arguments.
"""

from gateway.dialects.bedrock_count.counting import Counting
from gateway.dialects.bedrock_count.number import hear, never, read_reply, write_reply
from gateway.dialects.bedrock_count.packing import unpack
from gateway.dialects.bedrock_count.refusals import listed
from gateway.domain.dialect import Dialect
from gateway.domain.request import Operation


def counted(converse: Dialect, invoke: Dialect) -> Dialect:
    """Return the dialect that counts what those two would ask."""
    counting = Counting(converse, invoke)
    return Dialect(
        name="bedrock_count",
        stream_type=converse.stream_type,
        peek=counting.peek,
        rewrite=counting.rewrite,
        read=counting.read,
        write=counting.write,
        tap=never,
        hear=hear,
        read_reply=read_reply,
        reader=never,
        write_reply=write_reply,
        writer=never,
        failure=converse.failure,
        refusal=listed(converse.refusal),
        stream_error=converse.stream_error,
        renamed=converse.renamed,
        sheds=counting.sheds,
        strange=counting.strange,
        fields=counting.fields,
        passing=lambda names: counted(converse.letting(names), invoke.letting(names)),
        reaching=converse.reaching | invoke.reaching,
        operation=Operation.COUNT,
        unpack=unpack,
        record_headers=converse.record_headers,
    )


__all__ = ["counted"]
