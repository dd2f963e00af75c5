"""What counts as a turn, and what a body of any form says."""

import msgspec
import pytest

from gateway.classification.turns import (
    EXACT_MAX,
    SHORT_BYTES_MAX,
    TURNS_MAX,
    Turns,
    Words,
    called,
    turns_of,
)
from tests.classification.test_turns import ASKED, LONG, chat, heard, whole


def test_images_and_documents_are_turns_and_are_the_same_in_every_dialect() -> None:
    data = "iVBORw0KGgo" * 40
    bodies = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
        {"inlineData": {"mimeType": "image/png", "data": data}},
        {"image": {"format": "png", "source": {"bytes": data}}},
        {"type": "input_image", "image_url": f"data:image/png;base64,{data}"},
        {"something": [{"unknown": data}]},
    ]
    found = {chat({"role": "user", "content": [body]}).hashes for body in bodies}
    assert found == {(Words(data).hash(b""),)}
    assert chat({"role": "user", "content": "look", "images": [data]}).hashes in found
    assert chat({"role": "assistant", "content": [bodies[0]]}).hashes in found
    assert chat({"role": "tool", "content": [bodies[1]]}).hashes in found
    in_result = {"toolResult": {"content": [bodies[3]]}}
    assert chat({"role": "user", "content": [in_result]}).hashes in found
    assert turns_of({"input": [{"something": data}]}).hashes in found


def test_a_tool_that_answers_with_a_value_has_one_form() -> None:
    value = {"rows": [LONG], "count": 2.0}
    as_json = {"toolResult": {"content": [{"json": value}]}}
    as_map = {"functionResponse": {"name": "f", "response": {"count": 2, "rows": [LONG]}}}
    one = chat({"role": "user", "content": [as_json]}).hashes
    assert one == turns_of({"contents": [{"role": "user", "parts": [as_map]}]}).hashes
    assert len(one) == 1
    empty = {"type": "tool_result", "content": None}
    assert chat({"role": "user", "content": [empty]}).hashes == ()


def test_what_the_client_put_into_the_models_mouth_is_told() -> None:
    turns = chat(ASKED, {"role": "assistant", "content": "The answer is"})
    assert turns.begun == "The answer is"
    words = Words(turns.begun)
    words.add(" forty-two, as everybody knows who has read the book to its end.")
    replayed = "The answer is forty-two, as everybody knows who has read the book to its end."
    assert whole({"role": "assistant", "content": replayed}) == (words.hash(turns.last),)


def test_few_words_are_kept_whole_and_many_are_not() -> None:
    few = "a" * (SHORT_BYTES_MAX - 1)
    assert heard(few, b"x") != heard(few, b"y")
    assert heard(few + "a", b"x") == heard(few + "a", b"y")
    assert heard("") is None
    assert heard(" \n ") is None


def test_arguments_that_are_no_json_are_their_own_text() -> None:
    long = "x" * 80
    assert called("f", f"{{ {long}", b"") == called("f", f"{{{long}", b"1")
    assert called("f", "", b"") == called("f", "{}", b"") == called("f", None, b"")
    assert called("f", {"a": object()}, b"") == called("f", {"b": object()}, b"")
    assert called("f", "[" * 100_000, b"") != called("f", "{}", b"")
    assert called("f", {"n": EXACT_MAX * 4.0, "pad": long}, b"") != called(
        "f", {"n": 1, "pad": long}, b""
    )


ODD = [
    *(None, 1, "", [], {}, [None], [[]], [{}], {"role": 1}),
    *([{"role": "user"}], [{"role": "assistant"}], [{"role": "user", "content": 3}]),
    [{"role": "user", "content": [1, None, {}]}],
    [{"role": "assistant", "content": [{}], "tool_calls": 1}],
    [{"role": "assistant", "tool_calls": [1, {}]}],
    [{"type": "function_call"}],
    [{"type": ["x"]}],
    [{"type": "function_call", "name": {}, "arguments": []}],
    [{"role": "tool", "content": {"a": 1, "b": 2}}],
    [{"parts": 3}],
    [{"parts": [{"text": 3}]}],
    [{"role": "user", "content": [{"type": "tool_result"}]}],
    [{"role": "robot", "content": "x"}],
    [{"role": "user", "content": [{"functionResponse": {}}]}],
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: msgspec.json.encode(odd).decode()[:40])
@pytest.mark.parametrize("name", ["messages", "input", "contents", "prompt"])
def test_no_body_is_an_error(name: str, odd: object) -> None:
    assert isinstance(turns_of({name: odd}), Turns)


def test_more_turns_than_are_looked_at_are_told() -> None:
    said = [{"role": "user", "content": f"{number} {LONG}"} for number in range(TURNS_MAX + 1)]
    assert chat(*said).more
    assert not chat(*said[1:]).more
