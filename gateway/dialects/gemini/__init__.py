"""Google's Gemini: `generateContent`, its streams, and `countTokens`.

Rule 1: the path says model and stream, the body neither; a field is read in both spellings.
Rule 2: no part and no tool makes the provider fetch, run or take something that it keeps.
Rule 3: a stream has no end mark: it ends with its connection, after a reason to stop.
Rule 4: a signature goes to the vendor that made it; on its way through a client it is wrapped.
Rule 5: a reply that calls a function stops with `tool_use`, though the vendor says STOP.
Rule 6: no error and no loss repeats a word of the request.
"""

from msgspec.structs import replace

from gateway.dialects.gemini import array, count
from gateway.dialects.gemini.admit import KEPT, KEPT_FIELDS, REACHING
from gateway.dialects.gemini.answer import Writer, write_reply
from gateway.dialects.gemini.ask import peek, rewrite, sheds
from gateway.dialects.gemini.errors import failure, refusal, stream_error
from gateway.dialects.gemini.names import renamed
from gateway.dialects.gemini.parts import DIALECT
from gateway.dialects.gemini.read import read
from gateway.dialects.gemini.reply import Reader, read_reply
from gateway.dialects.gemini.tap import Tap, hear
from gateway.dialects.gemini.vocabulary import COUNT_FIELDS, FIELDS
from gateway.dialects.gemini.write import write
from gateway.domain.dialect import Dialect
from gateway.domain.field_kind import FieldKind
from gateway.domain.request import Operation


def _passing(names: frozenset[str]) -> Dialect:
    return _letting(GEMINI, names)


def _passing_array(names: frozenset[str]) -> Dialect:
    return _letting(GEMINI_ARRAY, names)


def _letting(dialect: Dialect, names: frozenset[str]) -> Dialect:
    """Return the dialect that lets these pass; policy names a field once, for both spellings."""
    kept = dict.fromkeys(KEPT_FIELDS, FieldKind.SETTING) if KEPT in names else {}
    return replace(dialect, peek=lambda body: peek(body, names), fields={**dialect.fields, **kept})


def _passing_count(names: frozenset[str]) -> Dialect:
    return replace(GEMINI_COUNT, peek=lambda body: count.peek(body, names))


GEMINI = Dialect(
    name=DIALECT,
    stream_type="text/event-stream",
    peek=peek,
    rewrite=rewrite,
    read=read,
    write=write,
    tap=lambda _usage_wanted: Tap(),
    hear=hear,
    read_reply=read_reply,
    reader=Reader,
    reader_at=Reader,
    read_reply_at=read_reply,
    write_reply=write_reply,
    writer=lambda asked_model, record_id, _usage_wanted: Writer(asked_model, record_id),
    failure=failure,
    refusal=refusal,
    stream_error=stream_error,
    renamed=renamed,
    sheds=sheds,
    fields=FIELDS,
    unmarked=True,
    passing=_passing,
    reaching=REACHING,
)
GEMINI_ARRAY = replace(
    GEMINI,
    name="gemini_array",
    kin=DIALECT,
    stream_type="application/json",
    stream_error=array.stream_error,
    frame=array.Array,
    passing=_passing_array,
)
GEMINI_COUNT = Dialect(
    name="gemini_count",
    stream_type="text/event-stream",
    peek=count.peek,
    rewrite=count.rewrite,
    read=count.read,
    write=count.write,
    tap=count.no_stream,
    hear=count.hear,
    read_reply=count.read_reply,
    reader=count.no_stream,
    write_reply=count.write_reply,
    writer=count.no_stream,
    failure=failure,
    refusal=refusal,
    stream_error=count.no_stream,
    renamed=renamed,
    sheds=count.sheds,
    fields=COUNT_FIELDS,
    operation=Operation.COUNT,
    passing=_passing_count,
    reaching=REACHING,
)

__all__ = ["GEMINI", "GEMINI_ARRAY", "GEMINI_COUNT"]
