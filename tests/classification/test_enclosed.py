"""A request that is only counted recalls what it would recall if it were answered."""

from base64 import b64encode

import msgspec
import pytest

from gateway.classification.turns import turns_of
from gateway.dialects import BEDROCK_COUNT
from gateway.domain.enclosed import held_in
from gateway.domain.request import Body, Claims
from gateway.surfaces.tellings import with_tellings

SHORT = "Done: the payments run at nine."
TURNS = [
    {"role": "user", "content": [{"type": "text", "text": "When do they run?"}]},
    {"role": "assistant", "content": [{"type": "text", "text": SHORT}]},
]
CONTENTS = [
    {"role": "user", "parts": [{"text": "When do they run?"}]},
    {"role": "model", "parts": [{"text": SHORT}]},
]
FOLDER = "Working directory: /home/ada/payments"


def packed(inner: Body) -> Body:
    raw = b64encode(msgspec.json.encode(inner)).decode()
    return BEDROCK_COUNT.unpack({"input": {"invokeModel": {"body": raw}}})


COUNTED = {
    "gemini": {"generateContentRequest": {"contents": CONTENTS}},
    "gemini in snake case": {"generate_content_request": {"contents": CONTENTS}},
    "converse": {"input": {"converse": {"messages": TURNS}}},
    "invoked": packed({"messages": TURNS}),
}


@pytest.mark.parametrize("body", COUNTED.values(), ids=COUNTED)
def test_a_conversation_that_is_only_counted_is_recalled(body: Body) -> None:
    asked = turns_of({"messages": TURNS})
    counted = turns_of(body)
    assert counted.replies == asked.replies
    assert counted.replies
    assert set(counted.hashes) >= set(asked.hashes)


@pytest.mark.parametrize("body", COUNTED.values(), ids=COUNTED)
def test_what_stands_beside_a_counted_request_hides_nothing_of_it(body: Body) -> None:
    beside = {"messages": [], "contents": [], "labels": {}}
    assert turns_of({**beside, **body}).replies == turns_of(body).replies


CLAIMING = {
    "labels of Google": {"labels": {"perimeter-label": "restricted"}},
    "a packed body": packed({"metadata": {"perimeter-label": "restricted"}}),
    "a count of Converse": {
        "input": {"converse": {"requestMetadata": {"perimeter-label": "restricted"}}}
    },
    "a count of Google": {
        "generateContentRequest": {"labels": {"perimeter-label": "restricted"}},
    },
}


@pytest.mark.parametrize("body", CLAIMING.values(), ids=CLAIMING)
def test_a_label_is_heard_wherever_a_request_may_claim_it(body: Body) -> None:
    assert with_tellings(Claims(), body).told_labels == ("restricted",)


WORKING = {
    "Gemini": {"systemInstruction": {"parts": [{"text": FOLDER}]}},
    "Gemini in snake case": {"system_instruction": {"parts": {"text": FOLDER}}},
    "Gemini as a text": {"systemInstruction": FOLDER},
    "Responses": {"input": [{"role": "developer", "content": FOLDER}]},
    "a packed body": packed({"system": [{"type": "text", "text": FOLDER}]}),
    "a count of Converse": {"input": {"converse": {"system": [{"text": FOLDER}]}}},
}


@pytest.mark.parametrize("body", WORKING.values(), ids=WORKING)
def test_a_folder_is_heard_in_the_system_prompt_of_every_dialect(body: Body) -> None:
    assert with_tellings(Claims(), body).folders == ("/home/ada/payments",)


@pytest.mark.parametrize(
    "body", [{"input": {"invokeModel": "x", "converse": 1}}, {"generateContentRequest": []}]
)
def test_what_holds_no_request_is_read_as_it_is(body: Body) -> None:
    assert held_in(body) == []


def test_a_turn_with_a_role_is_said_whatever_else_it_calls_itself() -> None:
    odd = [{**turn, "type": "reasoning"} for turn in TURNS]
    assert turns_of({"messages": odd}) == turns_of({"messages": TURNS})


def test_a_decoy_beside_the_request_that_is_counted_hides_none_of_its_turns() -> None:
    decoy = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    counted = turns_of({**decoy, "generateContentRequest": {"contents": CONTENTS}})
    assert set(counted.hashes) >= set(turns_of({"contents": CONTENTS}).hashes)


@pytest.mark.parametrize("body", WORKING.values(), ids=WORKING)
def test_a_decoy_beside_a_counted_request_hides_none_of_its_folders(body: Body) -> None:
    decoy = {"system": "hello", "messages": [{"role": "system", "content": "hello"}]}
    assert "/home/ada/payments" in with_tellings(Claims(), {**decoy, **body}).folders
