"""From Converse to every other dialect and back: what was planted is found, or lost by name."""

import msgspec
import pytest

from gateway.dialects import DIALECTS
from gateway.domain.event import Stopped, TextDelta, ThinkingDelta, Used
from gateway.domain.event import ToolCallBegan as Began
from gateway.domain.event import ToolCallDelta as Delta
from gateway.domain.money import Tokens
from gateway.domain.request import Operation
from tests.compatibility.features import LEAST
from tests.doubles.bedrock_vendor import params_of
from tests.doubles.converse_grammar import assert_converse_grammar
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import golden_json

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
CONVERSE = DIALECTS["bedrock_converse"]
ASKED = golden_json("bedrock_converse/from_client.json")
MODEL = "eu.anthropic.claude-opus-5-5"
OFFERING = an_offering(
    "m", "b", "eu", wire_model=MODEL, capabilities=frozenset({"json", "tools", "images"})
)
OTHERS = [
    one
    for one in DIALECTS.values()
    if one.operation is Operation.GENERATE and not one.kin and one is not CONVERSE
]
# What stands in the name of the loss, where a dialect cannot say a planted word.
SENTINELS = {
    "S-question é": (),
    "iVBORw0KGgo=": ("media",),
    "JVBERi0=": ("document", "media"),
    "S-thought": ("signature", "thinking", "reasoning"),
    "c2ln": ("signature", "thinking", "reasoning"),
    "S-words": (),
    "S-argument": (),
    "S-result": (),
    "S-more": (),
    "S-system": (),
    "S-stop": ("stop",),
    "S-tool": (),
    "S-does": (),
    "S-key": ("answer_schema",),
}
REPLY = (
    ThinkingDelta("S-thought"),
    ThinkingDelta(signature="c2ln"),
    TextDelta("S-text é"),
    Began(0, "call_1", "S-tool"),
    Delta(0, '{"path":"S-argument"}'),
    Began(1, "call_2", "S-silent"),
    Delta(1, "{}"),
    Used(Tokens(11, 44)),
    Stopped("tool_use"),
)


@pytest.mark.parametrize("target", OTHERS, ids=lambda one: one.name)
def test_what_a_client_of_converse_says_reaches_every_engine(target):
    conversation, unread = CONVERSE.read(ASKED)
    written, unsaid = target.write(conversation, OFFERING, True)
    sent = msgspec.json.encode(written).decode()
    lost = {*unread, *unsaid}
    for word, names in SENTINELS.items():
        named = any(part in loss for part in names for loss in lost)
        assert word in sent or named, (word, lost)


@pytest.mark.parametrize("source", OTHERS, ids=lambda one: one.name)
def test_what_another_client_says_reaches_bedrock(source):
    conversation, unread = source.read(LEAST.get(source.name) or LEAST[source.family])
    written, unsaid = CONVERSE.write(conversation, OFFERING, True)
    params_of(written, MODEL, "ConverseStream")
    assert "S-hello" in msgspec.json.encode(written).decode()
    assert (unread, unsaid) == ((), ())


def written_by(engine, events):
    writer = engine.writer("engine", RECORD, True)
    return b"".join([*(writer.write(event) for event in events), writer.close()])


@pytest.mark.parametrize("engine", OTHERS, ids=lambda one: one.name)
def test_what_every_engine_streams_reaches_a_client_of_converse(engine):
    raw = written_by(engine, REPLY)
    reader, writer = engine.reader(), CONVERSE.writer("asked", RECORD, True)
    events = reader.feed(raw)
    out = b"".join([*(writer.write(event) for event in events), writer.close()])
    found = assert_converse_grammar(out)
    said = found["output"]["message"]["content"]
    assert [block["text"] for block in said if "text" in block] == ["S-text é"]
    calls = [block["toolUse"] for block in said if "toolUse" in block]
    assert [(call["name"], call["input"]) for call in calls] == [
        ("S-tool", {"path": "S-argument"}),
        ("S-silent", {}),
    ]
    assert found["stopReason"] == "tool_use"
    assert (found["usage"]["inputTokens"], found["usage"]["outputTokens"]) == (11, 44)


@pytest.mark.parametrize("client", OTHERS, ids=lambda one: one.name)
def test_what_bedrock_streams_reaches_every_client(client):
    events = CONVERSE.reader().feed(written_by(CONVERSE, REPLY))
    out = written_by(client, events)
    again = client.reader()
    said = again.feed(out)
    assert "".join(one.text for one in said if isinstance(one, TextDelta)) == "S-text é"
    assert [one.name for one in said if isinstance(one, Began)] == ["S-tool", "S-silent"]
    fragments = "".join(one.fragment for one in said if isinstance(one, Delta))
    assert "S-argument" in fragments
    used = [one.tokens for one in said if isinstance(one, Used)][-1]
    assert (used.input_tokens, used.output_tokens) == (11, 44)
