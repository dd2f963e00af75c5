"""An engine that repeats in every error what it was told, its own credential included."""

import asyncio
from types import ModuleType

from msgspec.structs import replace

from gateway.cli.mock_backend.script import Script
from gateway.cli.mock_backend.server import ScriptedEngine, _reply

REPLY = "c4n4ry-reply-0e11"


class ChattyEngine(ScriptedEngine):
    """Says one secret in each reply, and everything that it was sent in each error."""

    told: dict[str, str]

    def script(self, dialect: ModuleType, raw: bytes) -> Script:
        script = super().script(dialect, raw)
        return replace(script, text=(REPLY, *script.text))

    async def _answer(
        self,
        dialect: ModuleType,
        raw: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        status = self.script(dialect, raw).behaviours.get("status")
        if status is None:
            return await super()._answer(dialect, raw, reader, writer)
        said = f"invalid: {self.credential} may not send {raw.decode()}"
        return await _reply(writer, status, dialect.error(status, said))

    credential = ""
