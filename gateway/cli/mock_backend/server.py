"""The scripted engine's own small HTTP/1.1 server, which can also be rude."""

import asyncio
from collections import Counter
from types import ModuleType
from typing import Any

import msgspec

from gateway.cli.mock_backend import (
    anthropic,
    count,
    ollama,
    ollama_embed,
    ollama_generate,
    openai,
    openai_completions,
    openai_embeddings,
    openai_input_tokens,
    openai_responses,
)
from gateway.cli.mock_backend.script import Behaviour, Script, script_of

HEAD_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 64 * 1024 * 1024
IDLE_S_MAX = 60
MODELS_MAX = 64
DIALECTS: dict[str, ModuleType] = {
    module.PATH: module
    for module in (
        openai,
        anthropic,
        count,
        ollama,
        openai_embeddings,
        ollama_embed,
        openai_completions,
        ollama_generate,
        openai_input_tokens,
        openai_responses,
    )
}
# What streams unless it is told otherwise.
STREAMING = (ollama, ollama_generate)
SCRIPTED = "x-perimeter-scripted: 1\r\n"
REASON = "Scripted"


class ScriptedEngine:
    """Answers as an engine would, by script."""

    def __init__(self, name: str, seed: int, always: tuple[Behaviour, ...] = ()) -> None:
        self._name = name
        self._seed = seed
        self.always = always
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[Any]] = set()
        self.served: Counter[str] = Counter()
        self.working = 0
        self._models: dict[str, None] = {"scripted:latest": None}

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; returns the address."""
        self._server = await asyncio.start_server(self._connected, host, port, limit=HEAD_BYTES_MAX)
        bound = self._server.sockets[0].getsockname()
        return bound[0], bound[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def script(self, dialect: ModuleType, raw: bytes) -> Script:
        """Return what to do with a request."""
        body = msgspec.json.decode(raw, type=dict[str, Any])
        script = script_of(body, len(raw), self._name, self._seed, self.always)
        if dialect in STREAMING and "stream" not in body:
            return msgspec.structs.replace(script, stream=True)
        return script

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.CancelledError, EOFError, ConnectionError, TimeoutError, ValueError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; returns whether the connection stays."""
        async with asyncio.timeout(IDLE_S_MAX):
            head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        size = int(fields.get("content-length", "0"))
        if size > BODY_BYTES_MAX:
            return False
        raw = await reader.readexactly(size)
        path = path.partition("?")[0]
        self.served[f"{method} {path}"] += 1
        dialect = DIALECTS.get(path) if method == "POST" else None
        if dialect is None:
            return await self._side(path, raw, writer)
        self.working += 1
        try:
            return await self._answer(dialect, raw, reader, writer)
        finally:
            self.working -= 1

    async def _answer(
        self,
        dialect: ModuleType,
        raw: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        script = self.script(dialect, raw)
        unknown = _unknown(dialect, msgspec.json.decode(raw, type=dict[str, Any]))
        if unknown:
            return await _reply(writer, 400, dialect.error(400, unknown))
        if script.does("hang"):
            await _until_gone(reader)
            return False
        refused = _refusal(dialect, script)
        if refused is not None:
            return await _reply(writer, *refused)
        if script.stream:
            return await self._stream(dialect, script, reader, writer)
        if script.does("cut"):
            return False
        return await _reply(writer, 200, dialect.whole(script))

    async def _stream(
        self,
        dialect: ModuleType,
        script: Script,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {dialect.STREAM_TYPE}\r\n{SCRIPTED}"
        writer.write((head + "transfer-encoding: chunked\r\n\r\n").encode())
        for number, event in enumerate(dialect.stream(script)):
            if script.behaviours.get("cut") == number:
                await writer.drain()
                return False
            if script.behaviours.get("break") == number:
                await _chunk(writer, dialect.broken("the scripted engine broke"))
                break
            await asyncio.sleep((script.behaviours.get("drip") or 0) / 1000)
            if reader.at_eof() or writer.is_closing():
                return False
            await _chunk(writer, event)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _side(self, path: str, raw: bytes, writer: asyncio.StreamWriter) -> bool:
        remote = any(one.name == "remote" for one in self.always)
        if path == "/api/show":
            self._know(msgspec.json.decode(raw, type=dict[str, Any]))
        pages: dict[str, bytes] = {
            "/health": b"",
            "/version": msgspec.json.encode({"version": "scripted"}),
            "/api/version": msgspec.json.encode({"version": "0.20.0-scripted"}),
            "/api/tags": ollama.tags(list(self._models)),
            "/api/show": ollama.show(remote=remote),
            "/v1/models": msgspec.json.encode({"object": "list", "data": []}),
            "/mock/state": msgspec.json.encode({"served": self.served, "working": self.working}),
        }
        page = pages.get(path)
        if page is None:
            return await _reply(writer, 404, openai.error(404, "no such path"))
        return await _reply(writer, 200, page)

    def _know(self, asked: dict[str, Any]) -> None:
        """Have every model that it is asked about, and list it from then on."""
        name = str(asked.get("model", ""))
        if name and len(self._models) < MODELS_MAX:
            self._models[name if ":" in name else f"{name}:latest"] = None


def _unknown(dialect: ModuleType, body: dict[str, Any]) -> str:
    """Return why a field is refused, empty where none is."""
    refuses: dict[str, str] = getattr(dialect, "REFUSES", {})
    return next((why for name, why in refuses.items() if body.get(name) is not None), "")


def _refusal(dialect: ModuleType, script: Script) -> tuple[int, bytes, str, str] | None:
    json = "application/json"
    if script.does("context"):
        return 400, dialect.too_long(script), json, ""
    status = script.behaviours.get("status")
    if status is not None:
        wait = script.behaviours.get("retry-after")
        asked = wait if wait is not None else 1
        more = f"retry-after: {asked}\r\n" if status in {429, 503} else ""
        return status, dialect.error(status, "the scripted engine refuses"), json, more
    if script.does("html"):
        return 200, b"<html><body>Sign in to continue</body></html>", "text/html", ""
    if script.does("garbage"):
        return 200, b'{"neither": "this nor that"', json, ""
    return None


async def _reply(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    content_type: str = "application/json",
    more: str = "",
) -> bool:
    head = f"HTTP/1.1 {status} {REASON}\r\ncontent-type: {content_type}\r\n{SCRIPTED}{more}"
    writer.write((head + f"content-length: {len(body)}\r\n\r\n").encode() + body)
    await writer.drain()
    return True


async def _until_gone(reader: asyncio.StreamReader) -> None:
    while await reader.read(HEAD_BYTES_MAX):
        pass


async def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()
