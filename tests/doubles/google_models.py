"""What is written for Google's models, each body held against the vendor's own types."""

from gateway.dialects.gemini import GEMINI as DIALECT
from gateway.domain.conversation import Conversation, Text, ToolSpec, Turn
from tests.doubles.fleets import an_offering
from tests.doubles.google_client import assert_google_takes

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"path": {"type": "string"}},
    "required": ["path"],
    "additionalProperties": False,
}
BOUND = "Uy1ib3VuZA=="
TOOL = ToolSpec("look", "Looks.", SCHEMA)
HELLO = Turn("user", (Text("hello"),))
MODELS = {
    "third": "gemini-3-pro-preview",
    "later": "gemini-3.1-pro",
    "flash": "gemini-3-flash",
    "second": "gemini-2.5-flash",
    "pro": "gemini-2.5-pro",
    "lite": "gemini-2.5-flash-lite",
    "old": "gemini-2.0-flash",
    "first": "gemini-1.5-pro-002",
    "tuned": "my-endpoint",
}


def at(model="third", **more):
    return an_offering("gemini", "vertex", "eu", wire_model=MODELS[model], **more)


def said(conversation, model="third"):
    body, losses = DIALECT.write(conversation, at(model), False)
    assert_google_takes(body)
    DIALECT.peek(body)
    return body, losses


def asked(*turns, model="third", **more):
    return said(Conversation((), turns or (HELLO,), **more), model)
