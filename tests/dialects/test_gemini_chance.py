"""Whatever a body holds, it is read or refused; whatever an engine says, it is read or no reply."""

import copy
from base64 import b64encode
from contextlib import suppress
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.gemini import GEMINI, GEMINI_COUNT
from gateway.domain.conversation import (
    EFFORTS,
    Conversation,
    Media,
    Opaque,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
    Turn,
)
from gateway.domain.errors import RequestError
from gateway.flow.leaving import closed
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import golden_json
from tests.doubles.google_client import assert_google_takes

AGENT = golden_json("gemini/agent.json")
WHOLE = golden_json("gemini/tools.json")
OFFERING = an_offering("gemini", "vertex", "eu", wire_model="gemini-3-pro")
KNOWN = ("text", "parts", "role", "functionCall", "name", "args", "thought", "data", "items")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KNOWN) | st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value):
    """Return every place in a value, as holder and key."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, inner in items:
        found.append((value, key))
        if isinstance(inner, dict | list):
            found += places(inner)
    return found


@st.composite
def changed(draw, whole):
    """Return the value with one or two of its places changed or taken out."""
    value = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 2))):
        holder, key = draw(
            st.sampled_from(range(len(found := places(value)))).map(found.__getitem__)
        )
        if draw(st.booleans()):
            holder[key] = draw(JSON)
        else:
            del holder[key]
        if not places(value):
            break
    return value


@settings(max_examples=300, deadline=None)
@given(changed(AGENT) | st.dictionaries(st.text(max_size=3), JSON))
def test_a_body_is_read_or_refused(body):
    for dialect in (GEMINI, GEMINI_COUNT):
        try:
            dialect.peek(body)
            conversation, losses = dialect.read(body)
        except RequestError:
            continue
        assert closed(losses) == losses
        dialect.rewrite(body, OFFERING, False)
        assert closed(dialect.sheds(body)) == dialect.sheds(body)
        try:
            written, _ = GEMINI.write(conversation, OFFERING, True)
        except RequestError:
            continue
        GEMINI.peek(written)


@settings(max_examples=300, deadline=None)
@given(changed(WHOLE) | JSON)
def test_what_an_engine_says_is_read_or_no_reply(reply):
    raw = msgspec.json.encode(reply)
    reads = (
        GEMINI.hear,
        GEMINI.read_reply,
        GEMINI_COUNT.hear,
        GEMINI_COUNT.read_reply,
        lambda body: GEMINI.reader().feed(b"data: " + body + b"\n\n"),
        lambda body: GEMINI.tap(True).feed(b"data: " + body + b"\n\n"),
    )
    for read in reads:
        with suppress(ValueError):
            read(raw)
    for status in (200, 400, 500):
        GEMINI.failure(status, raw)


WORDS = st.text(max_size=5)
NAMES = st.text(min_size=1, max_size=70)
BLOBS = st.binary(max_size=4).map(lambda raw: b64encode(raw).decode())
SIGNATURES = st.none() | WORDS | BLOBS
MEDIA = st.builds(Media, st.sampled_from(["image/png", "application/pdf"]), BLOBS, WORDS)
SAID = st.builds(Text, WORDS, st.sampled_from([None, "5m"])) | MEDIA
PARTS = (
    SAID
    | st.builds(Thinking, WORDS, SIGNATURES, st.none() | WORDS)
    | st.builds(ToolCall, NAMES, NAMES, st.dictionaries(WORDS, JSON, max_size=2), SIGNATURES)
    | st.builds(ToolResult, NAMES, st.lists(SAID, max_size=2).map(tuple), NAMES, st.booleans())
    | st.builds(Opaque, WORDS, WORDS, JSON)
)
TURNS = st.builds(
    Turn, st.sampled_from(["user", "assistant"]), st.lists(PARTS, max_size=3).map(tuple)
)
SCHEMAS = st.dictionaries(
    st.sampled_from(["type", "$ref", "anyOf", *KNOWN]) | WORDS, JSON, max_size=3
)
TOOLS = st.builds(ToolSpec, NAMES, WORDS, SCHEMAS, st.none() | st.booleans())
CONVERSATIONS = st.builds(
    Conversation,
    st.lists(st.builds(Text, WORDS), max_size=2).map(tuple),
    st.lists(TURNS, max_size=4).map(tuple),
    st.lists(TOOLS, max_size=2).map(tuple),
    st.none() | st.builds(ToolChoice, st.sampled_from(["auto", "any", "none"])),
    st.builds(Sampling, st.none() | st.integers(1, 9_000), st.none() | st.floats(0, 3)),
    st.none() | SCHEMAS,
    st.none() | st.sampled_from([*EFFORTS, "off"]),
)


@settings(max_examples=300, deadline=None)
@given(CONVERSATIONS, st.sampled_from(["gemini-3-pro", "gemini-2.5-flash", "gemini-1.5-pro"]))
def test_whatever_a_conversation_holds_google_takes_what_is_written(conversation, model):
    offering = an_offering("gemini", "vertex", "eu", wire_model=model)
    try:
        body, losses = GEMINI.write(conversation, offering, False)
    except RequestError:
        return
    assert closed(losses) == losses
    GEMINI.peek(body)
    known = {
        name: value for name, value in body.items() if name not in ("tools", "generationConfig")
    }
    assert_google_takes(known)
    assert body["contents"][0]["role"] == "user"
    roles = [content["role"] for content in body["contents"]]
    assert all(one != other for one, other in pairwise(roles))
