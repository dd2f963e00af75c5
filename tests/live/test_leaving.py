"""A client that leaves takes its work out of the engine with it."""

import http.client
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from gateway.audit.canonical import decode
from gateway.audit.record import Decided
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader
from tests.doubles.running_gateway import RunningGateway
from tests.live.engine import HOST, PLACES, SERVED_MODEL, Engine
from tests.live.node import (
    anthropic_client,
    falls_to_zero,
    openai_client,
    rises_to,
    said,
)
from tests.live.questions import Json

RUNNING = "vllm:num_requests_running"
WAITING = "vllm:num_requests_waiting"
MADE = "vllm:generation_tokens_total"
# The promise: within one second after the client of a stream has left, nothing runs for it.
LEAVES_SECONDS_MAX = 1.0
# WHY: nothing is promised of a whole reply but that it does not run to its end.
WHOLE_SECONDS_MAX = 5.0
IDLE_SECONDS_MAX = 20.0
TOKENS_MAX = 8_000
ENDLESS = {"ignore_eos": True, "max_tokens": TOKENS_MAX}
PATHS = ("/v1/chat/completions", "/v1/messages")


@pytest.fixture(autouse=True)
def idle(vllm_engine: Engine) -> None:
    """Nothing runs before, so that what runs is ours."""
    assert falls_to_zero(vllm_engine, RUNNING, IDLE_SECONDS_MAX)


@contextmanager
def posted(host: str, port: int | None, path: str, key: str = "", **fields: Any) -> Iterator[Any]:
    """Send a request of many tokens and read nothing; the connection is closed at the end."""
    body = {"model": SERVED_MODEL, "messages": said()} | ENDLESS | fields
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    with closing(http.client.HTTPConnection(host, port)) as connection:
        connection.request("POST", path, msgspec.json.encode(body), headers)
        yield connection


def through(gateway: RunningGateway, path: str, **fields: Any) -> Any:
    """Send it through the gateway."""
    address = urlsplit(gateway.url)
    key = gateway.keys["website"]
    return posted(address.hostname or "", address.port, path, key, model="tiny", **fields)


def latest(gateway: RunningGateway) -> str:
    """Return the id of the record that was decided last: without a head the client has no id."""
    with closing(Reader(LedgerFolder(gateway.ledger))) as reader:
        records = [decode(stored.entry) for stored in reader.entries()]
    return [record.id for record in records if isinstance(record, Decided)][-1]


def assert_cancelled(gateway: RunningGateway, record_id: str) -> Json:
    record = gateway.record(record_id)
    outcome = record["outcome"]
    assert (outcome["kind"], outcome["error"]) == ("cancelled", "client_gone")
    assert [(one["zone"], one["outcome"]) for one in outcome["tried"]] == [("on_prem", "cancelled")]
    return record


def test_a_client_that_leaves_a_chat_stream_frees_the_engine(
    gateway: RunningGateway, vllm_engine: Engine
) -> None:
    before = vllm_engine.metric(MADE)
    raw = openai_client(gateway).chat.completions.with_raw_response.create(
        model="tiny", messages=said(), max_tokens=TOKENS_MAX, stream=True, extra_body=ENDLESS
    )
    stream = raw.parse()
    assert any(chunk.choices[0].delta.content for chunk, _ in zip(stream, range(9), strict=False))
    rises_to(vllm_engine, RUNNING, 1)
    stream.close()
    assert falls_to_zero(vllm_engine, RUNNING, LEAVES_SECONDS_MAX)
    assert vllm_engine.metric(MADE) - before < TOKENS_MAX
    assert_cancelled(gateway, raw.headers["x-perimeter-record"])


def test_a_client_that_leaves_a_message_stream_frees_the_engine(
    gateway: RunningGateway, vllm_engine: Engine
) -> None:
    before = vllm_engine.metric(MADE)
    with anthropic_client(gateway).messages.stream(
        model="tiny", messages=said(), max_tokens=TOKENS_MAX, extra_body=ENDLESS
    ) as stream:
        assert next(stream.text_stream)
        rises_to(vllm_engine, RUNNING, 1)
        record_id = stream.response.headers["x-perimeter-record"]
    assert falls_to_zero(vllm_engine, RUNNING, LEAVES_SECONDS_MAX)
    assert vllm_engine.metric(MADE) - before < TOKENS_MAX
    assert_cancelled(gateway, record_id)


def test_a_client_that_is_torn_away_frees_the_engine(
    gateway: RunningGateway, vllm_engine: Engine
) -> None:
    with through(gateway, PATHS[0], stream=True) as connection:
        reply = connection.getresponse()
        assert reply.readline().startswith(b"data: ")
        rises_to(vllm_engine, RUNNING, 1)
        linger = struct.pack("ii", 1, 0)
        reply.fp.raw._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        reply.close()
    assert falls_to_zero(vllm_engine, RUNNING, LEAVES_SECONDS_MAX)
    assert_cancelled(gateway, reply.getheader("x-perimeter-record"))


@pytest.mark.parametrize("path", PATHS)
def test_a_client_that_leaves_before_the_first_token_leaves_the_queue(
    gateway: RunningGateway, vllm_engine: Engine, path: str
) -> None:
    filler = posted(HOST, vllm_engine.port, PATHS[0], stream=True, n=PLACES)
    with filler as others:
        assert others.getresponse().readline()
        rises_to(vllm_engine, RUNNING, PLACES)
        with through(gateway, path, stream=True):
            rises_to(vllm_engine, WAITING, 1)
        assert falls_to_zero(vllm_engine, WAITING, LEAVES_SECONDS_MAX)
        assert vllm_engine.metric(RUNNING) == PLACES
    record = assert_cancelled(gateway, latest(gateway))
    assert record["outcome"]["usage"] is None
    assert falls_to_zero(vllm_engine, RUNNING, LEAVES_SECONDS_MAX)


@pytest.mark.parametrize("path", PATHS)
def test_a_client_that_leaves_a_whole_reply_frees_the_engine(
    gateway: RunningGateway, vllm_engine: Engine, path: str
) -> None:
    before = vllm_engine.metric(MADE)
    with through(gateway, path):
        rises_to(vllm_engine, RUNNING, 1)
    assert falls_to_zero(vllm_engine, RUNNING, WHOLE_SECONDS_MAX)
    assert vllm_engine.metric(MADE) - before < TOKENS_MAX
    assert_cancelled(gateway, latest(gateway))
