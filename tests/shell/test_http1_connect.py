"""What the system says while connecting, and what it means for the attempt."""

import asyncio
import ssl

import pytest

from gateway.domain.route import FailureKind
from gateway.transport.call import HttpCall, Timeouts
from gateway.transport.failure import TransportFailure, failed, from_os, too_large
from gateway.transport.http1 import CONNECTIONS_MAX, Http1Connector
from tests.doubles.scripted_server import Peer, ScriptedServer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("error", "kind", "detail"),
    [
        (ssl.SSLCertVerificationError(1, "canary"), FailureKind.UNREACHABLE, "certificate refused"),
        (ssl.SSLError(1, "canary"), FailureKind.UNREACHABLE, "TLS failed"),
        (TimeoutError(110, "canary"), FailureKind.TIMED_OUT, "timed out"),
        (ConnectionRefusedError(111, "canary"), FailureKind.UNREACHABLE, "connection refused"),
        (ConnectionResetError(104, "canary"), FailureKind.UNREACHABLE, "connection reset"),
        (OSError(113, "canary"), FailureKind.UNREACHABLE, "connection failed (EHOSTUNREACH)"),
        (OSError("canary"), FailureKind.UNREACHABLE, "connection failed (OSError)"),
    ],
)
@pytest.mark.parametrize("sent", [True, False])
def test_each_error_of_the_system_has_one_meaning_and_is_not_quoted(
    error: OSError, kind: FailureKind, detail: str, *, sent: bool
) -> None:
    failure = from_os(error, sent=sent)
    assert (failure.failure.kind, failure.failure.detail) == (kind, detail)
    assert failure.failure.sent is sent
    assert "canary" not in repr(failure)


def test_a_failure_reads_well_in_a_log() -> None:
    assert str(failed(FailureKind.TIMED_OUT, "connect", sent=False)) == "timed_out: connect"
    assert str(too_large(5)) == "unreadable: reply over 5 bytes"


async def test_a_connection_that_is_gone_before_it_is_used_has_sent_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def close_at_once(peer: Peer) -> None:
        peer.reset()

    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def late(*args, **fields):
        made = await connect(*args, **fields)
        await asyncio.sleep(0.05)
        return made

    monkeypatch.setattr(loop, "create_connection", late)
    call = HttpCall("engine", "POST", "/v1/messages", (), b"{}")
    async with ScriptedServer(close_at_once) as server:
        connector = Http1Connector("e")
        with pytest.raises(TransportFailure, match="closed before the request") as caught:
            await connector.send(call, Timeouts(), server.address)
        assert not caught.value.failure.sent
        assert connector._permits._value == CONNECTIONS_MAX
        assert connector._open == set()
