"""An engine that does a coding agent's simplest work: read the file that was asked for, say it.

On the wire it is the scripted engine, in all of its dialects. It calls the client's own tool, by
the name and the schema that the client offers, and repeats the word that the tool brought back:
so a word that a client prints at the end went through every part of the turn, both ways.
"""

from types import ModuleType
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.cli.mock_backend.script import Script
from gateway.cli.mock_backend.server import ScriptedEngine
from tests.clients.agent_work import Work, work_of


class AgentEngine(ScriptedEngine):
    """Answers a turn of an agent."""

    def script(self, dialect: ModuleType, raw: bytes) -> Script:
        """Return what to say: a call of a tool, what it brought back, or that it is done."""
        script = super().script(dialect, raw)
        work = work_of(msgspec.json.decode(raw, type=dict[str, Any]))
        return replace(script, text=words_of(work, script.text), tool=work.call)


def words_of(work: Work, else_: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is said, in words."""
    return else_ if work.call else tuple(work.text.split(" "))
