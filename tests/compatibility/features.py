"""What a client of each surface may say, one feature at a time, each with words to look for.

A feature is a change of the least body. Every sentinel is a word or number that must stand in what
the engine gets, unless a loss was named.
"""

from typing import Any, NamedTuple

from tests.compatibility import bedrock, google

Body = dict[str, Any]
PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjQK"
SCHEMA = {"type": "object", "properties": {"S-key": {"type": "string"}}}


class Feature(NamedTuple):
    """A change of the least body, and what must be found again."""

    change: Body
    sentinels: tuple[str, ...] = ()


def _chat_tool(**more: Any) -> Body:
    return {
        "type": "function",
        "function": {"name": "S-tool", "description": "S-does", "parameters": SCHEMA, **more},
    }


def _chat_turns(*turns: Body) -> Body:
    return {"messages": list(turns)}


_HI = {"role": "user", "content": "S-hello"}
_CHAT_CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "S-tool", "arguments": '{"S-key":"S-value"}'},
        }
    ],
}
_CHAT_RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "S-result"}

OPENAI_CHAT = {
    "text": Feature({}, ("S-hello",)),
    "system": Feature(_chat_turns({"role": "system", "content": "S-sys"}, _HI), ("S-sys",)),
    "tools": Feature({"tools": [_chat_tool()]}, ("S-tool", "S-does", "S-key")),
    "strict tools": Feature({"tools": [_chat_tool(strict=True)]}, ("S-tool",)),
    "named tool": Feature(
        {
            "tools": [_chat_tool()],
            "tool_choice": {"type": "function", "function": {"name": "S-tool"}},
        },
        ("S-tool",),
    ),
    "one tool at a time": Feature(
        {"tools": [_chat_tool()], "parallel_tool_calls": False}, ("S-tool",)
    ),
    "tool history": Feature(
        _chat_turns(_HI, _CHAT_CALL, _CHAT_RESULT), ("S-tool", "S-value", "S-result")
    ),
    "structured output": Feature(
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
            }
        },
        ("S-key",),
    ),
    "image": Feature(
        _chat_turns(
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "S-hello"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                ],
            }
        ),
        (PNG,),
    ),
    "document": Feature(
        _chat_turns(
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "S-hello"},
                    {
                        "type": "file",
                        "file": {
                            "filename": "a.pdf",
                            "file_data": f"data:application/pdf;base64,{PDF}",
                        },
                    },
                ],
            }
        ),
        (PDF,),
    ),
    "effort": Feature({"reasoning_effort": "low"}, ("low",)),
    "temperature": Feature({"temperature": 0.625}, ("0.625",)),
    "stop": Feature({"stop": ["S-stop"]}, ("S-stop",)),
    "seed": Feature({"seed": 70071}, ("70071",)),
    "length": Feature({"max_completion_tokens": 321}, ("321",)),
    "logprobs": Feature({"logprobs": True, "top_logprobs": 3}),
    "who asks": Feature({"user": "S-user", "metadata": {"a": "S-meta"}}),
}


def _block(kind: str, **fields: Any) -> Body:
    return {"type": kind, **fields}


def _claude_turns(*turns: Body) -> Body:
    return {"messages": list(turns)}


_CLAUDE_TOOL = {"name": "S-tool", "description": "S-does", "input_schema": SCHEMA}
_CLAUDE_CALL = _block("tool_use", id="toolu_1", name="S-tool", input={"S-key": "S-value"})
_CLAUDE_RESULT = _block("tool_result", tool_use_id="toolu_1", content="S-result")
_IMAGE = _block("image", source={"type": "base64", "media_type": "image/png", "data": PNG})
_MARK = {"cache_control": {"type": "ephemeral"}}

ANTHROPIC = {
    "text": Feature({}, ("S-hello",)),
    "system": Feature({"system": [_block("text", text="S-sys")]}, ("S-sys",)),
    "cache marks": Feature({"system": [_block("text", text="S-sys", **_MARK)]}, ("S-sys",)),
    "tools": Feature({"tools": [_CLAUDE_TOOL]}, ("S-tool", "S-does", "S-key")),
    "named tool": Feature(
        {"tools": [_CLAUDE_TOOL], "tool_choice": {"type": "tool", "name": "S-tool"}}, ("S-tool",)
    ),
    "one tool at a time": Feature(
        {
            "tools": [_CLAUDE_TOOL],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        },
        ("S-tool",),
    ),
    "tool history": Feature(
        _claude_turns(
            _HI,
            {"role": "assistant", "content": [_CLAUDE_CALL]},
            {"role": "user", "content": [_CLAUDE_RESULT]},
        ),
        ("S-tool", "S-value", "S-result"),
    ),
    "failed tool": Feature(
        _claude_turns(
            _HI,
            {"role": "assistant", "content": [_CLAUDE_CALL]},
            {"role": "user", "content": [{**_CLAUDE_RESULT, "is_error": True}]},
        ),
        ("S-result",),
    ),
    "image from a tool": Feature(
        _claude_turns(
            _HI,
            {"role": "assistant", "content": [_CLAUDE_CALL]},
            {"role": "user", "content": [{**_CLAUDE_RESULT, "content": [_IMAGE]}]},
        ),
        (PNG,),
    ),
    "structured output": Feature(
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, ("S-key",)
    ),
    "image": Feature(
        _claude_turns({"role": "user", "content": [_block("text", text="S-hello"), _IMAGE]}), (PNG,)
    ),
    "document": Feature(
        _claude_turns(
            {
                "role": "user",
                "content": [
                    _block("text", text="S-hello"),
                    _block(
                        "document",
                        source={"type": "base64", "media_type": "application/pdf", "data": PDF},
                    ),
                ],
            }
        ),
        (PDF,),
    ),
    "thinking": Feature(
        {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 4000}
    ),
    "thinking replayed": Feature(
        _claude_turns(
            _HI,
            {
                "role": "assistant",
                "content": [
                    _block("thinking", thinking="S-thought", signature="S-signed"),
                    _CLAUDE_CALL,
                ],
            },
            {"role": "user", "content": [_CLAUDE_RESULT]},
        ),
        ("S-signed",),
    ),
    "temperature": Feature({"temperature": 0.625}, ("0.625",)),
    "stop": Feature({"stop_sequences": ["S-stop"]}, ("S-stop",)),
    "top_k": Feature({"top_k": 37}, ("37",)),
    "length": Feature({"max_tokens": 321}, ("321",)),
    "who asks": Feature({"metadata": {"user_id": "S-user"}}),
}


def _said(text: str) -> Body:
    return {"role": "user", "content": [{"type": "input_text", "text": text}]}


def _item(kind: str, **fields: Any) -> Body:
    return {"type": kind, **fields}


_RESPONSES_TOOL = _item("function", name="S-tool", description="S-does", parameters=SCHEMA)
_FUNCTION_CALL = _item(
    "function_call", call_id="call_1", name="S-tool", arguments='{"S-key":"S-value"}'
)

OPENAI_RESPONSES = {
    "text": Feature({}, ("S-hello",)),
    "system": Feature({"instructions": "S-sys"}, ("S-sys",)),
    "tools": Feature({"tools": [_RESPONSES_TOOL]}, ("S-tool", "S-does", "S-key")),
    "strict tools": Feature({"tools": [{**_RESPONSES_TOOL, "strict": True}]}, ("S-tool",)),
    "named tool": Feature(
        {"tools": [_RESPONSES_TOOL], "tool_choice": {"type": "function", "name": "S-tool"}},
        ("S-tool",),
    ),
    "one tool at a time": Feature(
        {"tools": [_RESPONSES_TOOL], "parallel_tool_calls": False}, ("S-tool",)
    ),
    "tool history": Feature(
        {
            "input": [
                _said("S-hello"),
                _FUNCTION_CALL,
                _item("function_call_output", call_id="call_1", output="S-result"),
            ]
        },
        ("S-tool", "S-value", "S-result"),
    ),
    "free-form tool": Feature(
        {"tools": [_item("custom", name="S-tool", description="S-does")]}, ("S-tool",)
    ),
    "structured output": Feature(
        {"text": {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA}}},
        ("S-key",),
    ),
    "image": Feature(
        {
            "input": [
                {
                    "role": "user",
                    "content": [
                        _item("input_text", text="S-hello"),
                        _item("input_image", image_url=f"data:image/png;base64,{PNG}"),
                    ],
                }
            ]
        },
        (PNG,),
    ),
    "document": Feature(
        {
            "input": [
                {
                    "role": "user",
                    "content": [
                        _item("input_text", text="S-hello"),
                        _item(
                            "input_file",
                            filename="a.pdf",
                            file_data=f"data:application/pdf;base64,{PDF}",
                        ),
                    ],
                }
            ]
        },
        (PDF,),
    ),
    "effort": Feature({"reasoning": {"effort": "low"}}, ("low",)),
    "sealed reasoning": Feature(
        {
            "input": [
                _said("S-hello"),
                _item("reasoning", id="rs_1", summary=[], encrypted_content="S-sealed"),
                _said("S-again"),
            ]
        },
        ("S-sealed",),
    ),
    "temperature": Feature({"temperature": 0.625}, ("0.625",)),
    "length": Feature({"max_output_tokens": 321}, ("321",)),
    "web search": Feature({"tools": [_item("web_search"), _RESPONSES_TOOL]}, ("S-tool",)),
    "who asks": Feature({"metadata": {"a": "S-meta"}, "client_metadata": {"b": "S-client"}}),
}

_OLLAMA_CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"function": {"name": "S-tool", "arguments": {"S-key": "S-value"}}}],
}

OLLAMA_CHAT = {
    "text": Feature({}, ("S-hello",)),
    "system": Feature(_chat_turns({"role": "system", "content": "S-sys"}, _HI), ("S-sys",)),
    "tools": Feature({"tools": [_chat_tool()]}, ("S-tool", "S-does", "S-key")),
    "tool history": Feature(
        _chat_turns(
            _HI, _OLLAMA_CALL, {"role": "tool", "tool_name": "S-tool", "content": "S-result"}
        ),
        ("S-tool", "S-value", "S-result"),
    ),
    "structured output": Feature({"format": SCHEMA}, ("S-key",)),
    "image": Feature(_chat_turns({"role": "user", "content": "S-hello", "images": [PNG]}), (PNG,)),
    "thinking": Feature({"think": True}),
    "temperature": Feature({"options": {"temperature": 0.625}}, ("0.625",)),
    "stop": Feature({"options": {"stop": ["S-stop"]}}, ("S-stop",)),
    "seed": Feature({"options": {"seed": 70071}}, ("70071",)),
    "length": Feature({"options": {"num_predict": 321}}, ("321",)),
    "context": Feature({"options": {"num_ctx": 4096}}),
    "keep alive": Feature({"keep_alive": "1h"}),
}

_CLAUDE_LEAST = {"max_tokens": 64, "messages": [_HI]}
LEAST: dict[str, Body] = {
    "openai_chat": {"model": "code", "messages": [_HI]},
    "openai_responses": {"model": "code", "input": [_said("S-hello")]},
    "anthropic_messages": {"model": "code", **_CLAUDE_LEAST},
    "ollama_chat": {"model": "code", "messages": [_HI]},
    "bedrock_converse": bedrock.LEAST,
    "bedrock_invoke": {"anthropic_version": "bedrock-2023-05-31", **_CLAUDE_LEAST},
    "anthropic_vertex": {"anthropic_version": "vertex-2023-10-16", **_CLAUDE_LEAST},
    "gemini": google.LEAST,
}
FEATURES: dict[str, dict[str, Feature]] = {
    "openai_chat": OPENAI_CHAT,
    "openai_responses": OPENAI_RESPONSES,
    "anthropic_messages": ANTHROPIC,
    "ollama_chat": OLLAMA_CHAT,
    "bedrock_converse": {name: Feature(*one) for name, one in bedrock.CHANGES.items()},
    "bedrock_invoke": ANTHROPIC,
    "anthropic_vertex": ANTHROPIC,
    "gemini": {name: Feature(*said) for name, said in google.FEATURES.items()},
}
