"""A turn has one hash, however it is said; two turns have two."""

import pytest

from gateway.classification.turns import (
    EXACT_MAX,
    TURN_BYTES_MIN,
    Said,
    Turns,
    Words,
    _exact,
    _only_text,
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


def test_what_begins_an_unfinished_reply_is_all_that_it_has_said() -> None:
    parts = [{"type": "text", "text": "It lies "}, {"type": "text", "text": "in the vault"}]
    assert chat(ASKED, {"role": "assistant", "content": parts}).begun == "It lies in the vault"
    assert chat(ASKED).begun == ""


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"result": "42"}, "42"),
        ({"json": {"b": 1, "a": 2}}, '{"a":2,"b":1}'),
        ({"b": 1, "a": "2"}, '{"a":"2","b":1}'),
        ({"type": "text", "text": "42"}, None),
        ({"image": {}}, None),
        ({"document": {}}, None),
    ],
)
def test_a_tool_that_answers_with_a_map_says_its_text(part: dict, text: str | None) -> None:
    assert _only_text(part) == text


def test_a_number_that_a_client_reads_exactly_is_written_as_a_whole_one() -> None:
    for value in (2.0, float(EXACT_MAX), -float(EXACT_MAX)):
        assert isinstance(_exact([value]), list)
        assert [type(one) for one in _exact([value])] == [int]  # type: ignore[attr-defined]
    for value in (2.5, float(EXACT_MAX * 2), True, "2.0"):
        assert _exact({"x": value}) == {"x": value}
        assert type(_exact({"x": value})["x"]) is type(value)  # type: ignore[index]
