"""What the scripted engine does with one request, and how the request can ask for it."""

import random
import re
from typing import Any

from msgspec import Struct

TEXTS_MAX = 2_000
WORDS_MAX = 100_000
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "islet", "jetty")
WORDS_USUAL = 6
CHOICES_MAX = 8
DIMENSIONS_USUAL = 8
DIMENSIONS_MAX = 4_096

BEHAVIOURS = {
    "status": "answer with that status; 429 and 503 carry retry-after: 1 (status=429)",
    "retry-after": "the seconds of retry-after with an error status (retry-after=2)",
    "context": "refuse the prompt as too long, in the dialect's own words",
    "hang": "accept the request and never answer",
    "cut": "close the connection after that many stream events (cut=3)",
    "break": "send an error inside the 200 stream after that many events (break=2)",
    "html": "answer 200 with an HTML page",
    "garbage": "answer 200 with bytes that are no message",
    "drip": "wait that many milliseconds before each stream event (drip=50)",
    "words": "answer with that many words (words=500)",
    "tool": "call the first tool of the request",
    "think": "think before answering",
    "length": "stop for length: with `tool` in the call, with `think` in the thought",
    "stop": "stop for the first stop sequence of the request",
    "cached": "say that that many tokens of the prompt came from a cache (cached=8)",
    "remote": "as Ollama: say that a remote host answered",
}
_ASKED = re.compile(r"\bmock:([a-z-]+)(?:=([0-9]{1,6}))?")


class Behaviour(Struct, frozen=True):
    """One behaviour and its argument."""

    name: str
    argument: int | None = None


class Script(Struct, frozen=True):
    """Everything that shapes one reply.

    `choices` counts the replies that one request asks for, `sequence` is the stop sequence that
    ends it, and `is_named` says that the request named its tool. `vectors` has one for each text to
    embed, and `form` how they are wanted.
    """

    model: str
    text: tuple[str, ...]
    stream: bool
    input_tokens: int
    tool: tuple[str, dict[str, Any]] | None
    behaviours: dict[str, int | None]
    usage_in_stream: bool = True
    choices: int = 1
    sequence: str | None = None
    is_named: bool = False
    vectors: tuple[tuple[float, ...], ...] = ()
    form: str = ""

    def does(self, name: str) -> bool:
        """Was this behaviour asked for?"""
        return name in self.behaviours

    @property
    def spaced(self) -> tuple[str, ...]:
        """The text in pieces, each but the first with its leading space."""
        return tuple(word if n == 0 else f" {word}" for n, word in enumerate(self.text))

    @property
    def stop(self) -> str:
        """Why the reply ends: length, tool, sequence or end."""
        if self.does("length"):
            return "length"
        if self.tool is not None:
            return "tool"
        return "end" if self.sequence is None else "sequence"

    @property
    def is_cut(self) -> bool:
        """Does the reply end in the middle of a call?"""
        return self.tool is not None and self.does("length")

    @property
    def is_lost_in_thought(self) -> bool:
        """Does the reply end before it says anything?"""
        return self.tool is None and self.does("think") and self.does("length")

    @property
    def cut_call(self) -> str:
        """The text of a call that was cut before it was one."""
        name, _ = self.tool or ("", {})
        return f'<tool_call>{{"name": "{name}", "argu'

    @property
    def cached_tokens(self) -> int:
        """The tokens of the prompt that came from a cache."""
        return min(self.behaviours.get("cached") or 0, self.input_tokens)


def parse_behaviour(text: str) -> Behaviour:
    """Read `name` or `name=number`; ValueError for a name that does not exist."""
    name, _, argument = text.partition("=")
    if name not in BEHAVIOURS:
        raise ValueError(f"no such behaviour; there are: {', '.join(BEHAVIOURS)}")
    return Behaviour(name, int(argument) if argument else None)


def script_of(
    body: dict[str, Any], size: int, name: str, seed: int, always: tuple[Behaviour, ...]
) -> Script:
    """Return the script for a request: what always holds, then what its last message asks for."""
    asked = [
        Behaviour(word, int(number) if number else None)
        for word, number in _ASKED.findall(_last_text(body))
        if word in BEHAVIOURS
    ]
    behaviours = {one.name: one.argument for one in (*always, *asked)}
    count = min(behaviours.get("words") or WORDS_USUAL, WORDS_MAX)
    chance = random.Random(f"{seed}:{size}")  # noqa: S311 - words, not secrets
    words = [chance.choice(WORDS) for _ in range(count)]
    options = body.get("stream_options")
    return Script(
        model=str(body.get("model", "")),
        text=(f"{name}:", *words),
        stream=bool(body.get("stream", False)),
        input_tokens=max(1, size // 4),
        tool=_tool(body) if "tool" in behaviours else None,
        behaviours=behaviours,
        usage_in_stream=isinstance(options, dict) and bool(options.get("include_usage")),
        choices=_choices(body),
        sequence=_sequence(body) if "stop" in behaviours else None,
        is_named=isinstance(body.get("tool_choice"), dict),
        vectors=tuple(_vector(chance, body) for _ in _texts(body.get("input"))),
        form=str(body.get("encoding_format", "")),
    )


def _texts(given: object) -> list[object]:
    return given if isinstance(given, list) else [given]


def _vector(chance: random.Random, body: dict[str, Any]) -> tuple[float, ...]:
    """Return numbers that float32 holds, as many as are asked for."""
    asked = body.get("dimensions")
    count = min(asked, DIMENSIONS_MAX) if isinstance(asked, int) else DIMENSIONS_USUAL
    return tuple(chance.randrange(-(2**20), 2**20) / 2**20 for _ in range(count))


def _choices(body: dict[str, Any]) -> int:
    asked = body.get("n")
    return min(max(asked, 1), CHOICES_MAX) if isinstance(asked, int) else 1


def _sequence(body: dict[str, Any]) -> str | None:
    asked = body.get("stop") or body.get("stop_sequences")
    first = asked[0] if isinstance(asked, list) else asked
    return first if isinstance(first, str) else None


def _last_text(body: dict[str, Any]) -> str:
    messages = body.get("messages")
    if messages is None:
        return str(_texts(body.get("prompt") or body.get("input"))[-1])[-TEXTS_MAX:]
    last = messages[-1] if isinstance(messages, list) and messages else {}
    content = last.get("content", "") if isinstance(last, dict) else ""
    if isinstance(content, list):
        content = " ".join(str(p.get("text", "")) for p in content if isinstance(p, dict))
    return str(content)[-TEXTS_MAX:]


def _tool(body: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    tools = body.get("tools")
    if not isinstance(tools, list) or not tools:
        return None
    first = tools[0].get("function", tools[0])
    schema = first.get("parameters") or first.get("input_schema") or {}
    properties = schema.get("properties", {})
    return first.get("name", "tool"), {key: _value(properties[key]) for key in properties}


def _value(schema: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    kinds = {"string": "amber", "integer": 7, "number": 1.5, "boolean": True, "array": []}
    return kinds.get(schema.get("type", "string"), {})
