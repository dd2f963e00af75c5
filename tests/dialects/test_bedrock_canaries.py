"""Text of a client of Bedrock is no name of a loss, and no word of an error."""

import pytest

from gateway.classification.texts import join_texts
from gateway.dialects import DIALECTS
from gateway.domain.errors import RequestError
from gateway.flow.leaving import leaving
from tests.compatibility.features import LEAST
from tests.dialects.test_canaries import CANARIES
from tests.doubles.fleets import an_offering

OFFERING = an_offering("m", "aws", "eu", wire_model="eu.anthropic.claude-opus-5-5")
TARGETS = [name for name in LEAST if not name.startswith("bedrock_invoke")]
HI = {"role": "user", "content": [{"text": "hi"}]}
CALL = {"toolUseId": "t1", "name": "f", "input": {}}
SPEC = {"name": "f", "inputSchema": {"json": {}}}
PNG = {"format": "png", "source": {"bytes": "aWE="}}


def bodies(canary):
    def body(**fields):
        return {"messages": [HI], **fields}

    def block(held, role="user"):
        return {"messages": [{"role": role, "content": [held, {"text": "x"}]}]}

    def answer(held):
        turns = [{"role": "assistant", "content": [{"toolUse": CALL}]}]
        return {"messages": [*turns, {"role": "user", "content": [{"toolResult": held}]}]}

    result = {"toolUseId": "t1", "content": [{"text": "x"}]}
    return {
        "field": body(**{canary: "x"}),
        "kind of a block": block({canary: {"x": 1}}),
        "field of an image": block({"image": {**PNG, canary: 1}}),
        "source of an image": block({"image": {**PNG, "source": {canary: 1}}}),
        "format": block({"image": {**PNG, "format": canary}}),
        "type of a call": block({"toolUse": {**CALL, "type": canary}}, "assistant"),
        "name of a call": block({"toolUse": {**CALL, "name": f"{canary}!"}}, "assistant"),
        "kind in a result": answer({**result, "content": [{canary: 1}]}),
        "field of a result": answer({**result, canary: 1}),
        "status of a result": answer({**result, "status": canary}),
        "kind of a tool": body(toolConfig={"tools": [{canary: {}}]}),
        "field of a tool": body(toolConfig={"tools": [{"toolSpec": {**SPEC, canary: 1}}]}),
        "choice": body(toolConfig={"tools": [{"toolSpec": SPEC}], "toolChoice": {canary: {}}}),
        "field of the model": body(additionalModelRequestFields={canary: 1}),
        "thinking": body(additionalModelRequestFields={"thinking": {"type": canary}}),
        "effort": body(outputConfig={"effort": canary}),
        "beta": body(additionalModelRequestFields={"anthropic_beta": [canary]}),
        "path": body(additionalModelResponseFieldPaths=[canary]),
        "role": {"messages": [{**HI, "role": canary}]},
        "system": body(system=[{canary: "x"}]),
        "mark": block({"cachePoint": {"type": canary, "ttl": canary}}),
    }


CASES = [
    (target, place, canary) for target in TARGETS for canary in CANARIES for place in bodies(canary)
]


@pytest.mark.parametrize(("target", "place", "canary"), CASES)
def test_a_clients_word_is_in_no_loss_and_in_no_error(target, place, canary):
    body = bodies(canary)[place]
    dialect = DIALECTS["bedrock_converse"]
    try:
        dialect.peek(body)
        conversation, unread = dialect.read(body)
        _, unsaid = DIALECTS[target].write(conversation, OFFERING, False)
        kept, lost = leaving(body, dialect)
        said = [*unread, *unsaid, *lost, *dialect.sheds(kept)]
    except RequestError as error:
        said = [error.what, error.hint]
    assert not any("canary" in word.lower() for word in said)


def test_what_is_packed_for_a_count_is_scanned():
    from base64 import b64encode

    inner = b'{"anthropic_version":"x","max_tokens":1,"messages":[{"content":"S-secret"}]}'
    body = {"input": {"invokeModel": {"body": b64encode(inner).decode()}}}
    assert b"S-secret" not in join_texts(body).buffer
    assert b"S-secret" in join_texts(DIALECTS["bedrock_count"].unpack(body)).buffer
