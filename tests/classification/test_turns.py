"""A turn has one hash, however it is said; two turns have two."""

import msgspec
import pytest

from gateway.classification.turns import (
    EXACT_MAX,
    SHORT_BYTES_MAX,
    TURN_BYTES_MIN,
    TURNS_MAX,
    Said,
    Turns,
    Words,
    called,
    turns_of,
)

LONG = "The ledger of payments holds what nobody outside may read. " * 6
ASKED = {"role": "user", "content": "Where is the ledger?"}
REPLY = "It lies in the vault below the hall, and nobody but the keeper has the key to it."
ARGUMENTS = {"path": "src/ledger.py", "lines": [1, 2], "deep": {"b": 2, "a": 1.0}}
AS_TEXT = '{"deep": {"a": 1, "b": 2},\n "lines":[1,2], "path":"src/ledger.py"}'
CALL = ("read_file", AS_TEXT)


def chat(*turns: object) -> Turns:
    return turns_of({"messages": list(turns)})


def whole(*turns: object) -> tuple[bytes, ...]:
    return tuple(said.whole for said in chat(ASKED, *turns).replies)


def heard(text: str, before: bytes = b"") -> bytes | None:
    words = Words()
    for character in text:
        words.add(character)
    return words.hash(before)


def test_a_reply_has_the_hash_that_was_heard_when_it_was_streamed() -> None:
    assert whole({"role": "assistant", "content": REPLY}) == (heard(REPLY),)


REPLAYS = {
    "text": {"messages": [ASKED, {"role": "assistant", "content": REPLY}]},
    "parts": {
        "messages": [ASKED, {"role": "assistant", "content": [{"type": "text", "text": REPLY}]}]
    },
    "with thinking": {
        "messages": [
            ASKED,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s" * 400},
                    {"type": "redacted_thinking", "data": "x" * 400},
                    {"type": "text", "text": REPLY, "cache_control": {"type": "ephemeral"}},
                ],
            },
        ]
    },
    "with reasoning beside it": {
        "messages": [
            ASKED,
            {"role": "assistant", "content": REPLY, "reasoning_content": "hm " * 200},
        ]
    },
    "in two parts": {
        "messages": [
            ASKED,
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": REPLY[:30]},
                    {"type": "text", "text": REPLY[30:]},
                ],
            },
        ]
    },
    "trimmed and broken otherwise": {
        "messages": [
            ASKED,
            {"role": "assistant", "content": "\n " + REPLY.replace(" ", "\r\n") + "  "},
        ]
    },
    "responses": {
        "input": [
            {"role": "developer", "content": "be brief"},
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": ASKED["content"]}],
            },
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "y" * 400},
            {
                "type": "message",
                "role": "assistant",
                "id": "msg_1",
                "content": [{"type": "output_text", "text": REPLY}],
            },
        ]
    },
    "gemini": {
        "contents": [
            {"role": "user", "parts": [{"text": ASKED["content"]}]},
            {
                "role": "model",
                "parts": [
                    {"text": "hm", "thought": True},
                    {"text": REPLY, "thoughtSignature": "z"},
                ],
            },
        ]
    },
    "converse": {
        "messages": [
            {"role": "user", "content": [{"text": ASKED["content"]}]},
            {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm"}}},
                    {"text": REPLY},
                ],
            },
        ]
    },
    "refusal": {"messages": [ASKED, {"role": "assistant", "content": None, "refusal": REPLY}]},
    "refusal part": {
        "input": [ASKED, {"role": "assistant", "content": [{"type": "refusal", "refusal": REPLY}]}]
    },
}


@pytest.mark.parametrize("name", REPLAYS)
def test_a_reply_is_the_same_however_a_client_repeats_it(name: str) -> None:
    turns = turns_of(REPLAYS[name])
    assert [said.whole for said in turns.replies] == [heard(REPLY)]
    assert heard(REPLY) in turns.hashes


CALLS = {
    "chat": {
        "messages": [
            ASKED,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_9",
                        "type": "function",
                        "function": {"name": "read_file", "arguments": AS_TEXT},
                    }
                ],
            },
        ]
    },
    "legacy": {
        "messages": [
            ASKED,
            {
                "role": "assistant",
                "content": "",
                "function_call": {"name": "read_file", "arguments": AS_TEXT},
            },
        ]
    },
    "messages": {
        "messages": [
            ASKED,
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "t", "name": "read_file", "input": ARGUMENTS}
                ],
            },
        ]
    },
    "responses": {
        "input": [
            ASKED,
            {"type": "function_call", "call_id": "c", "name": "read_file", "arguments": AS_TEXT},
        ]
    },
    "gemini": {
        "contents": [
            {"parts": [{"text": ASKED["content"]}]},
            {
                "role": "model",
                "parts": [{"functionCall": {"name": "read_file", "args": ARGUMENTS}}],
            },
        ]
    },
    "converse": {
        "messages": [
            ASKED,
            {
                "role": "assistant",
                "content": [
                    {"toolUse": {"toolUseId": "t", "name": "read_file", "input": ARGUMENTS}}
                ],
            },
        ]
    },
    "ollama": {
        "messages": [
            ASKED,
            {
                "role": "assistant",
                "tool_calls": [{"function": {"name": "read_file", "arguments": ARGUMENTS}}],
            },
        ]
    },
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_the_same_whatever_its_id_and_however_its_arguments_are_written(
    name: str,
) -> None:
    assert [said.whole for said in turns_of(CALLS[name]).replies] == [called(*CALL, b"")]


RESULTS = {
    "chat": {"messages": [{"role": "tool", "tool_call_id": "c", "content": LONG}]},
    "chat parts": {"messages": [{"role": "tool", "content": [{"type": "text", "text": LONG}]}]},
    "function": {"messages": [{"role": "function", "name": "f", "content": LONG}]},
    "messages": {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t", "content": LONG}],
            }
        ]
    },
    "messages parts": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "content": [{"type": "text", "text": LONG}]},
                    {"type": "text", "text": "go on"},
                ],
            }
        ]
    },
    "responses": {"input": [{"type": "function_call_output", "call_id": "c", "output": LONG}]},
    "responses parts": {
        "input": [
            {"type": "custom_tool_call_output", "output": [{"type": "input_text", "text": LONG}]}
        ]
    },
    "gemini": {
        "contents": [
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": "f", "response": {"output": LONG}}}],
            }
        ]
    },
    "converse": {
        "messages": [
            {
                "role": "user",
                "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": LONG}]}}],
            }
        ]
    },
    "user": {"messages": [{"role": "user", "content": LONG}]},
    "a prompt": {"prompt": LONG},
    "prompts": {"prompt": [LONG]},
    "a text": {"input": LONG},
}


@pytest.mark.parametrize("name", RESULTS)
def test_what_a_tool_or_the_user_says_is_the_same_in_every_dialect(name: str) -> None:
    words = Words(LONG)
    assert turns_of(RESULTS[name]).hashes == (words.hash(b""),)
    assert turns_of(RESULTS[name]).replies == ()


def test_a_reply_that_comes_back_as_a_prompt_is_known_again() -> None:
    reply = chat(ASKED, {"role": "assistant", "content": LONG}).replies[0].whole
    assert chat({"role": "user", "content": LONG}).hashes == (reply,)


def test_turns_up_to_the_bound_do_not_count_and_those_above_do() -> None:
    for text, count in (("a" * TURN_BYTES_MIN, 0), ("a" * (TURN_BYTES_MIN + 1), 1), ("é" * 129, 1)):
        assert len(chat({"role": "user", "content": text}).hashes) == count
        assert len(chat({"role": "tool", "content": text}).hashes) == count


def test_what_is_said_in_every_conversation_is_told_apart_by_the_turn_before() -> None:
    done = {"role": "assistant", "content": "Done."}
    one = chat({"role": "user", "content": "one"}, done).replies[0]
    other = chat({"role": "user", "content": "other"}, done).replies[0]
    assert one != other
    assert one.whole == heard("Done.", chat({"role": "user", "content": "one"}).last)
    calls = {"role": "assistant", "tool_calls": [{"function": {"name": "ls", "arguments": "{}"}}]}
    assert chat({"role": "user", "content": "one"}, calls) != chat(
        {"role": "user", "content": "two"}, calls
    )


def test_the_turn_before_is_the_last_that_is_not_the_models() -> None:
    result = {"role": "tool", "content": "42"}
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "ls", "arguments": None}}]}
    done = {"role": "assistant", "content": "Done."}
    turns = chat(ASKED, call, result, done)
    assert turns.replies[1].whole == heard("Done.", chat(ASKED, call, result).last)
    assert turns.first == chat(ASKED).last != turns.last
    as_messages = chat(
        ASKED, call, {"role": "user", "content": [{"type": "tool_result", "content": "42"}]}, done
    )
    assert as_messages.replies == turns.replies


def test_texts_of_one_reply_are_one_and_each_is_known_too() -> None:
    first, second = {"role": "assistant", "content": LONG}, {"role": "assistant", "content": REPLY}
    both = chat(ASKED, first, second).replies
    assert both == (Said(heard(LONG + REPLY) or b"", (heard(LONG) or b"", heard(REPLY) or b"")),)


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
    None, 1, "", [], {}, [None], [[]], [{}], {"role": 1}, [{"role": "user"}], [{"role": "assistant"}],
    [{"role": "user", "content": 3}], [{"role": "user", "content": [1, None, {}]}],
    [{"role": "assistant", "content": [{}], "tool_calls": 1}], [{"role": "assistant", "tool_calls": [1, {}]}],
    [{"type": "function_call"}], [{"type": ["x"]}], [{"type": "function_call", "name": {}, "arguments": []}],
    [{"role": "tool", "content": {"a": 1, "b": 2}}], [{"parts": 3}], [{"parts": [{"text": 3}]}],
    [{"role": "user", "content": [{"type": "tool_result"}]}], [{"role": "robot", "content": "x"}],
    [{"role": "user", "content": [{"functionResponse": {}}]}],
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: msgspec.json.encode(odd).decode()[:40])
@pytest.mark.parametrize("name", ["messages", "input", "contents", "prompt"])
def test_no_body_is_an_error(name: str, odd: object) -> None:
    assert isinstance(turns_of({name: odd}), Turns)


def test_more_turns_than_are_looked_at_are_told() -> None:
    said = [{"role": "user", "content": f"{number} {LONG}"} for number in range(TURNS_MAX + 1)]
    assert chat(*said).more
    assert not chat(*said[1:]).more
