"""What engines say, as bytes."""

import msgspec

from gateway.cli.mock_backend import anthropic, ollama, openai
from gateway.cli.mock_backend.script import Script

TEXT = ("amber", "birch", "cedar")


def a_script(**changed: object) -> Script:
    script = Script("m", TEXT, stream=False, input_tokens=10, tool=None, behaviours={})
    return msgspec.structs.replace(script, **changed)


def chat_whole() -> bytes:
    return openai.whole(a_script())


def chat_events(**changed: object) -> list[bytes]:
    return openai.stream(a_script(**changed))


def message_whole() -> bytes:
    return anthropic.whole(a_script())


def message_events() -> list[bytes]:
    return anthropic.stream(a_script())


def ollama_whole() -> bytes:
    return ollama.whole(a_script())


def ollama_lines() -> list[bytes]:
    return ollama.stream(a_script())
