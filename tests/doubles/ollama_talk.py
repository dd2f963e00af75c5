"""Conversations for Ollama, compared with what its own client sends."""

from gateway.dialects.ollama_chat import OLLAMA_CHAT as DIALECT
from gateway.domain.conversation import (
    Conversation,
    Media,
    Text,
    ToolSpec,
    Turn,
)
from tests.doubles.fleets import an_offering
from tests.doubles.vendor_readers import ollama_sends

SECRET = "correct-horse-battery"
OFFERING = an_offering("qwen3", "ollama", "on_prem", wire_model="qwen3:14b")
MUTE = an_offering("coder", "ollama", "on_prem", capabilities=frozenset({"tools"}))
HELLO = (Turn("user", (Text("hello"),)),)
TOOL = ToolSpec("Read", "Reads.", {"type": "object", "properties": {"path": {"type": "string"}}})
IMAGE = Media("image/png", "iVBORw0KGgo=")


def asking(**fields):
    return {"model": "code", "messages": [{"role": "user", "content": "hello"}], **fields}


def talk(*turns, system=(), **fields):
    return Conversation(system=system, turns=turns or HELLO, **fields)


def written(conversation, *, offering=OFFERING, stream=False):
    """Write, and compare with what the vendor's own client sends for the same conversation."""
    body, losses = DIALECT.write(conversation, offering, stream)
    ours = {name: value for name, value in body.items() if name not in ("truncate", "shift")}
    theirs = ollama_sends(body)
    theirs.setdefault("tools", [])
    for message in theirs["messages"]:
        message.setdefault("content", "")
    assert theirs == {"tools": [], **ours, "stream": False}
    assert body["options"]["num_ctx"] == 8192
    assert (body["truncate"], body["shift"]) == (False, False)
    return body, losses


def said(*turns, **fields):
    body, losses = written(talk(*turns, **fields))
    return body["messages"], losses
