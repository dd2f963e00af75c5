"""What the recordings ask: one named question for each shape of answer."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

MODEL = "tiny-qwen3"
ABSENT = "absent-model"
TOKENS_MAX = 16
SEED = 7
ASKED = "Is this change safe?"
OVERFLOWING = "word " * 2000

PARAMETERS: Json = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "enum": ["Paris", "Oslo"]},
        "unit": {"type": "string", "enum": ["celsius", "kelvin"]},
    },
    "required": ["city", "unit"],
    "additionalProperties": False,
}
# WHY: without `strict` vLLM guides the call's envelope only, and noise makes a poor argument.
STRICT: Json = {"strict": True}
DESCRIPTION = "Tell the weather in a city."
VERDICT: Json = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["safe", "unsafe"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
CALL = r'<tool_call>\n\{"name": "weather", "arguments": \{"city": "Oslo"\}\}\n</tool_call>'
TWO_CALLS = rf"Let me look\.\n{CALL}\n{CALL}"


@dataclass(frozen=True)
class Question:
    """One request; a body that is text is sent as it is."""

    path: str
    body: Json | str | None
    method: str = "POST"


def chat(**fields: Any) -> Question:
    """Return a chat completion request."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": ASKED}],
        "max_tokens": TOKENS_MAX,
        "seed": SEED,
    }
    return Question("/v1/chat/completions", body | fields)


def chat_tool(**fields: Any) -> Question:
    """Return a chat completion request that offers one tool."""
    function = {"name": "weather", "description": DESCRIPTION, "parameters": PARAMETERS}
    tools = [{"type": "function", "function": function | STRICT}]
    return chat(**({"tools": tools, "max_tokens": 64} | fields))


def chat_loose_tool() -> Question:
    """Return a request whose tool is not strict: its arguments may turn out to be anything."""
    function = {"name": "f", "parameters": {"type": "object", "properties": {}}}
    tools = [{"type": "function", "function": function}]
    return chat(tools=tools, max_tokens=64, seed=0, **REQUIRED)


def messages(**fields: Any) -> Question:
    """Return an Anthropic messages request."""
    body = {
        "model": MODEL,
        "max_tokens": TOKENS_MAX,
        "temperature": 0,
        "messages": [{"role": "user", "content": ASKED}],
    }
    return Question("/v1/messages", body | fields)


def messages_tool(**fields: Any) -> Question:
    """Return an Anthropic messages request that offers one tool."""
    tool = {"name": "weather", "description": DESCRIPTION, "input_schema": PARAMETERS}
    return messages(**({"tools": [tool | STRICT], "max_tokens": 64} | fields))


def responses(**fields: Any) -> Question:
    """Return a Responses request."""
    body = {"model": MODEL, "input": ASKED, "max_output_tokens": TOKENS_MAX, "store": False}
    return Question("/v1/responses", body | fields)


STREAM: Json = {"stream": True}
STREAM_USAGE: Json = {"stream": True, "stream_options": {"include_usage": True}}
CHOICE: Json = {"structured_outputs": {"choice": ["It is safe.", "It is not safe."]}}
NAMED: Json = {"tool_choice": {"type": "function", "function": {"name": "weather"}}}
REQUIRED: Json = {"tool_choice": "required", "parallel_tool_calls": False}
FREE_CALLS: Json = {"structured_outputs": {"regex": TWO_CALLS}, "max_tokens": 128}
CUT: Json = {"max_tokens": 8}
SCHEMA: Json = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": VERDICT}}
STOPPED: Json = {"structured_outputs": {"regex": "It is safe[.] HALT and more"}, "stop": ["HALT"]}
FORMAT: Json = {"output_config": {"format": {"type": "json_schema", "schema": VERDICT}}}
FORCED: Json = {"tool_choice": {"type": "tool", "name": "weather"}}
ANY: Json = {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}}
HALT: Json = {"stop_sequences": ["ver"]}
OVERFLOW: Json = {"messages": [{"role": "user", "content": OVERFLOWING}]}
DOCUMENT: Json = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": "words"},
}
TURNS: Json = {
    "messages": [
        {"role": "user", "content": "Weather in Oslo?"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me look."},
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": "weather",
                    "input": {"city": "Oslo", "unit": "celsius"},
                },
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "4 degrees"}],
        },
    ]
}

CHAT = {
    "chat_whole": chat(**CHOICE),
    "chat_length": chat(),
    "chat_stop": chat(**STOPPED, max_tokens=32),
    "chat_schema": chat(response_format=SCHEMA, max_tokens=32),
    "chat_n2": chat(n=2),
    "chat_logprobs": chat(**CUT, logprobs=True, top_logprobs=2),
    "chat_stream": chat(**STREAM_USAGE, **CHOICE),
    "chat_stream_length": chat(**STREAM_USAGE),
    "chat_stream_plain": chat(**STREAM, **CHOICE),
    "chat_stream_n2": chat(**STREAM_USAGE, **CUT, n=2),
    "chat_tool_named": chat_tool(**NAMED),
    "chat_tool_required": chat_tool(**REQUIRED),
    "chat_tool_auto": chat_tool(**FREE_CALLS),
    "chat_tool_loose": chat_loose_tool(),
    "chat_tool_cut": chat_tool(**REQUIRED, max_tokens=24),
    "chat_tool_stream_named": chat_tool(**NAMED, **STREAM_USAGE),
    "chat_tool_stream_required": chat_tool(**REQUIRED, **STREAM_USAGE),
    "chat_tool_stream_auto": chat_tool(**FREE_CALLS, **STREAM_USAGE),
    "chat_tool_stream_cut": chat_tool(**REQUIRED, **STREAM_USAGE, max_tokens=24),
}
MESSAGES = {
    "messages_whole": messages(**FORMAT, max_tokens=32),
    "messages_length": messages(**CUT),
    "messages_stop": messages(**FORMAT, **HALT, max_tokens=32),
    "messages_turns": messages_tool(**TURNS, tool_choice={"type": "none"}, max_tokens=TOKENS_MAX),
    "messages_stream": messages(**FORMAT, **STREAM, max_tokens=32),
    "messages_stream_length": messages(**STREAM, **CUT),
    "messages_stream_stop": messages(**FORMAT, **HALT, **STREAM, max_tokens=32),
    "messages_tool": messages_tool(**FORCED),
    "messages_tool_any": messages_tool(**ANY),
    "messages_tool_cut": messages_tool(**FORCED, max_tokens=24),
    "messages_tool_stream": messages_tool(**FORCED, **STREAM),
    "messages_tool_stream_any": messages_tool(**ANY, **STREAM),
    "messages_tool_stream_cut": messages_tool(**ANY, **STREAM, max_tokens=24),
    "count_tokens": Question(
        "/v1/messages/count_tokens",
        {"model": MODEL, "messages": [{"role": "user", "content": ASKED}]},
    ),
}
OTHERS = {
    "models": Question("/v1/models", None, "GET"),
    "version": Question("/version", None, "GET"),
    "tokenize": Question("/tokenize", {"model": MODEL, "prompt": ASKED}),
    "completions_whole": Question(
        "/v1/completions", {"model": MODEL, "prompt": "def", "max_tokens": 8, "seed": SEED}
    ),
    "completions_stream": Question(
        "/v1/completions",
        {"model": MODEL, "prompt": "def", "max_tokens": 4, "seed": SEED} | STREAM_USAGE,
    ),
    "responses_whole": responses(),
    "responses_stream": responses(**STREAM, max_output_tokens=4),
}
# These want an engine with a reasoning parser.
THOUGHT: Json = {"structured_outputs": {"regex": "Let me see[.]</think>It is safe[.]"}}
REASONING = {
    "reasoning_chat": chat(**THOUGHT, max_tokens=48),
    "reasoning_chat_stream": chat(**THOUGHT, **STREAM_USAGE, max_tokens=48),
    "reasoning_chat_cut": chat(),
    "reasoning_messages_cut": messages(),
    "reasoning_messages_stream_cut": messages(**STREAM),
}
# This wants an engine that is busy and whose queue is full.
CROWDED = {
    "error_chat_queue_full": chat(),
    "error_chat_queue_full_stream": chat(**STREAM),
    "error_messages_queue_full": messages(),
    "error_messages_queue_full_stream": messages(**STREAM),
}
LONG = chat(**STREAM, max_tokens=8000, ignore_eos=True)
ERRORS = {
    "error_chat_unknown_model": chat(model=ABSENT),
    "error_chat_overflow": chat(**OVERFLOW),
    "error_chat_overflow_stream": chat(**OVERFLOW, **STREAM),
    "error_chat_max_tokens": chat(max_tokens=100_000),
    "error_chat_malformed": Question("/v1/chat/completions", '{"model": "tiny-qwen3", '),
    "error_chat_temperature": chat(temperature=-1),
    "error_chat_no_messages": Question("/v1/chat/completions", {"model": MODEL}),
    "error_chat_unknown_tool": chat_tool(
        tool_choice={"type": "function", "function": {"name": "absent"}}
    ),
    "error_messages_unknown_model": messages(model=ABSENT),
    "error_messages_overflow": messages(**OVERFLOW),
    "error_messages_overflow_stream": messages(**OVERFLOW, **STREAM),
    "error_messages_max_tokens": messages(max_tokens=100_000),
    "error_messages_malformed": Question("/v1/messages", '{"model": "tiny-qwen3", '),
    "error_messages_no_max_tokens": Question(
        "/v1/messages", {"model": MODEL, "messages": [{"role": "user", "content": ASKED}]}
    ),
    "error_messages_document": messages(messages=[{"role": "user", "content": [DOCUMENT]}]),
    "error_count_tokens_unknown_model": Question(
        "/v1/messages/count_tokens",
        {"model": ABSENT, "messages": [{"role": "user", "content": ASKED}]},
    ),
    "error_unknown_path": Question("/v1/absent", {"model": MODEL}),
    "error_wrong_method": Question("/v1/chat/completions", None, "GET"),
    "error_embeddings": Question("/v1/embeddings", {"model": MODEL, "input": ASKED}),
    "error_responses_unknown_model": responses(model=ABSENT),
}
PLAIN = CHAT | MESSAGES | OTHERS | ERRORS
