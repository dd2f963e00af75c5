"""Requests of Bedrock clients with something wrong in any place: refused or read, no crash."""

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects import DIALECTS
from gateway.domain.errors import RequestError
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import golden_json

OFFERING = an_offering(
    "m", "aws", "eu", wire_model="eu.anthropic.claude-opus-5-5", capabilities=frozenset({"json"})
)
ASKED = {
    **golden_json("bedrock_converse/from_client.json"),
    "requestMetadata": {"a": "b"},
    "additionalModelRequestFields": {
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "anthropic_beta": ["x-1"],
        "tool_choice": {"disable_parallel_tool_use": True},
        "inferenceConfig": {"topK": 3},
        "reasoning_config": {"type": "enabled"},
        "output_config": {"effort": "low"},
    },
}
NATIVE = {
    "anthropic_version": "bedrock-2023-05-31",
    "anthropic_beta": ["x-1"],
    "max_tokens": 5,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
}
BODIES = {
    "bedrock_converse": ASKED,
    "bedrock_invoke": NATIVE,
    "bedrock_count": {"input": {"converse": ASKED}},
}
ODD = st.sampled_from(
    [None, True, -1, 0, 2**63, 1.5, "", "x", "s3://x", [], [None], [[]], {}, {"": 0},
     {"text": "x"}, {"s3Location": {}}, {"bytes": 5}, [{"text": 1}], {"type": "enabled"}]
)  # fmt: skip


def places(value, path=()):
    """Return the path of every value inside."""
    found = [path] if path else []
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for step, one in inside:
        found += places(one, (*path, step)) if isinstance(one, dict | list) else [(*path, step)]
    return found


def changed(body, path, odd):
    made = deepcopy(body)
    at = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = odd
    return made


PLACES = [(name, path) for name, body in BODIES.items() for path in places(body)]


@pytest.mark.parametrize(("name", "path"), PLACES, ids=str)
def test_one_odd_value_is_read_or_refused(name, path):
    dialect = DIALECTS[name]

    @given(ODD)
    @settings(max_examples=12, deadline=None)
    def check(odd):
        body = changed(BODIES[name], path, odd)
        try:
            body = dialect.unpack(body)
            dialect.peek(body)
            dialect.sheds(body)
            dialect.rewrite(body, OFFERING, True)
            dialect.told(body)
            conversation, losses = dialect.read(body)
            DIALECTS["bedrock_converse"].write(conversation, OFFERING, True)
        except RequestError:
            return
        assert all(isinstance(loss, str) for loss in losses)

    check()
