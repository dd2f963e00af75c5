"""Text of a client of Google's is no name of a loss, and no word of an error."""

import msgspec
import pytest

from gateway.classification.texts import join_texts
from gateway.dialects import DIALECTS
from gateway.dialects.gemini import GEMINI, GEMINI_ARRAY
from gateway.domain.conversation import Conversation, Opaque, Text, Thinking, ToolResult, Turn
from gateway.domain.errors import RequestError
from gateway.domain.part_names import UNKNOWN_PART
from gateway.domain.request import Operation
from gateway.flow.leaving import closed, leaving
from tests.doubles.compiled_secrets import all_secrets
from tests.doubles.fleets import an_offering
from tests.doubles.vendor_secrets import FORMATS, Draw

CANARIES = ("my_canary_prompt", "canary.prompt", "Canary Prompt", "canary\r\nprompt", "myCanary")
TARGETS = [one.name for one in DIALECTS.values() if one.operation is Operation.GENERATE]
OFFERING = an_offering("qwen3", "ollama", "on_prem", wire_model="qwen3:14b")
GOOGLE = an_offering("gemini", "vertex", "eu", wire_model="gemini-3-pro")
TOKEN = FORMATS["gitlab-pat"](Draw("split"))


def bodies(canary):
    words = {"text": "hello"}
    call = {"functionCall": {"name": "f", "args": {}}}
    answer = {"functionResponse": {"name": "f", "response": {"output": "x"}}}

    def body(*parts, **more):
        return {"contents": [{"role": "user", "parts": list(parts) or [words]}], **more}

    def answered(one, other):
        turns = (("user", words), ("model", one), ("user", other))
        return {"contents": [{"role": role, "parts": [part]} for role, part in turns]}

    def tool(**said):
        return body(tools=[{"functionDeclarations": [{"name": "f", **said}]}])

    inner = {"functionCall": {**call["functionCall"], canary: 1}}
    outer = {"functionResponse": {**answer["functionResponse"], canary: 1}}
    return {
        "field": body(**{canary: "x"}),
        "role": {"contents": [{"role": canary, "parts": [words]}]},
        "content field": {"contents": [{"role": "user", "parts": [words], canary: 1}]},
        "part": body({canary: "x"}),
        "part field": body({**words, canary: "x"}),
        "picture field": body({"inlineData": {"mimeType": "a/b", "data": "AA", canary: 1}}),
        "picture type": body({"inlineData": {"mimeType": canary, "data": "AA=="}}),
        "field of a call": answered(inner, answer),
        "field of an answer": answered(call, outer),
        "name of an answer": answered(call, {"functionResponse": {"name": canary}}),
        "tool": body(tools=[{canary: {}}]),
        "tool field": tool(**{canary: 1}),
        "setting": body(generationConfig={canary: 1}),
        "form": body(generationConfig={"responseMimeType": canary}),
        "level": body(generationConfig={"thinkingConfig": {"thinkingLevel": canary}}),
        "mode": body(toolConfig={"functionCallingConfig": {"mode": canary}}),
        "tool setting": body(toolConfig={canary: 1}),
        "twice": body(generationConfig={"my_canary": 1, "myCanary": 2}),
        "signature": body({**words, "thoughtSignature": canary}),
    }


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("place", bodies(""))
def test_a_clients_word_is_in_no_loss_and_in_no_error(target, canary, place):
    body = bodies(canary)[place]
    try:
        GEMINI.peek(body)
        conversation, unread = GEMINI.read(body)
        _, unsaid = DIALECTS[target].write(conversation, OFFERING, False)
    except RequestError as error:
        said = [error.what, error.hint]
    else:
        said = [*unread, *unsaid, *GEMINI.sheds(body)]
    assert not any("canary" in word.lower() for word in said)
    assert all(word.isprintable() for word in said)


@pytest.mark.parametrize("maker", ["gemini", "another"])
@pytest.mark.parametrize("kind", CANARIES)
def test_the_writer_trusts_no_kind_of_a_foreign_part(maker, kind):
    parts = (Text("x"), Opaque(maker, kind, "no part"))
    turns = (Turn("user", parts), Turn("assistant", parts))
    _, losses = GEMINI.write(Conversation((), turns), GOOGLE, False)
    assert UNKNOWN_PART in losses


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_the_writer_puts_no_split_token_together(role):
    halves = TOKEN[:12], TOKEN[12:]
    pieces = [
        tuple(Thinking(half) for half in halves),
        tuple(Text(half) for half in halves),
        (ToolResult("call_a", tuple(Text(half) for half in halves), "now"),),
        (Thinking(halves[0]), Text(halves[1])),
    ]
    for parts in pieces:
        turns = (Turn("user", (Text("x"),)), Turn(role, parts), Turn(role, parts[::-1]))
        system = tuple(Text(half) for half in halves)
        body, _ = GEMINI.write(Conversation(system, turns), GOOGLE, False)
        assert TOKEN not in msgspec.json.encode(body).decode()
        assert not all_secrets().scan(join_texts(body).buffer).hits


def test_a_token_that_is_split_over_parts_is_not_put_together_by_reading():
    parts = [{"text": half, "thought": True} for half in (TOKEN[:12], TOKEN[12:])]
    body = {"contents": [{"role": "model", "parts": parts}]}
    conversation, _ = GEMINI.read(body)
    assert len(conversation.turns[0].parts) == 2


def test_what_stays_on_the_premises_is_named_in_the_one_form_of_losses():
    body = {"contents": [], "labels": {}, "cachedContent": "x", "my_canary": 1, "serviceTier": "x"}
    kept, lost = leaving(body, GEMINI)
    assert kept == {"contents": []}
    assert closed(lost) == ("labels", "cached_content", "unknown_field", "service_tier")


@pytest.mark.parametrize("dialect", [GEMINI, GEMINI_ARRAY])
@pytest.mark.parametrize("name", ["cachedContent", "cached_content"])
def test_what_policy_names_passes_in_both_spellings(dialect, name):
    passed = frozenset({"cached_content"})
    body = {"contents": [], name: "x"}
    assert leaving(body, dialect.letting(passed), passed) == (body, ())
    assert leaving(body, dialect, frozenset())[0] == {"contents": []}
