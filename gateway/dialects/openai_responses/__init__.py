"""OpenAI's responses, as Codex, newer SDKs and vLLM speak them.

Rule 1: nothing is kept here or asked to be kept: `store` is false, and what only names a state
somewhere else (an earlier response, a conversation, an item) is refused; a file that is kept or
fetched elsewhere passes by the word of policy alone.
Rule 2: a tool runs at the client. What the provider would run is taken out as a named loss, and a
remote tool server is refused, but for what policy names.
Rule 3: `input_tokens` on the wire includes what came from a cache, ours never does; both words
meet in `wire` and `answer` only.
Rule 4: a stream ends with one final response; one that broke ends with `response.failed`.
"""

from msgspec.structs import replace

from gateway.dialects.openai_responses.ask import IDENTIFYING, peek, rewrite, sheds
from gateway.dialects.openai_responses.count import OPENAI_INPUT_TOKENS
from gateway.dialects.openai_responses.fault import failure, refusal, stream_error
from gateway.dialects.openai_responses.items import REFERENCES
from gateway.dialects.openai_responses.losses import NAME
from gateway.dialects.openai_responses.reader import ResponsesReader, hear, read_reply
from gateway.dialects.openai_responses.reading import read
from gateway.dialects.openai_responses.strange import strange
from gateway.dialects.openai_responses.tap import ResponsesTap
from gateway.dialects.openai_responses.tools import REACHING
from gateway.dialects.openai_responses.vocabulary import FIELDS
from gateway.dialects.openai_responses.writer import ResponsesWriter, write_reply
from gateway.dialects.openai_responses.writing import NAMES, write
from gateway.domain.dialect import Dialect


def passing(names: frozenset[str]) -> Dialect:
    """Return the dialect that leaves these tools and fields in a body that passes through."""
    return replace(
        OPENAI_RESPONSES,
        peek=lambda body: peek(body, names),
        rewrite=lambda body, offering, stream: rewrite(body, offering, stream, names),
        sheds=lambda body: sheds(body, names),
    )


OPENAI_RESPONSES = Dialect(
    name=NAME,
    stream_type="text/event-stream",
    peek=peek,
    rewrite=rewrite,
    sheds=sheds,
    strange=strange,
    read=read,
    write=write,
    tap=ResponsesTap,
    hear=hear,
    read_reply=read_reply,
    reader=ResponsesReader,
    write_reply=write_reply,
    writer=ResponsesWriter,
    failure=failure,
    refusal=refusal,
    stream_error=stream_error,
    renamed=NAMES.renamed,
    fields=FIELDS,
    passing=passing,
    reaching=REACHING | REFERENCES | {IDENTIFYING},
)

__all__ = ["OPENAI_INPUT_TOKENS", "OPENAI_RESPONSES"]
