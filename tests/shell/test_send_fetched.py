"""The sender with a credential that is fetched: signed by what was fetched, or not sent at all."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.domain.route import FailureKind
from gateway.domain.secret import Secret
from gateway.transport.credentials import CredentialRefused, Lease, Source, bearer
from gateway.transport.failure import TransportFailure
from gateway.transport.send import Access
from gateway.transport.target import Target
from tests.doubles import fake_aws as vendor
from tests.doubles.fake_aws import fake_aws
from tests.doubles.scripted_server import ScriptedServer, answering, whole
from tests.doubles.transport_parts import ENGINE, Shell, a_call, a_candidate, a_route, a_target

pytestmark = pytest.mark.anyio

Fetch = Callable[[datetime], Lease]
LIFE = timedelta(hours=1)


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)  # noqa: TID251 - a clock of the test

    def __call__(self) -> datetime:
        return self.now


def fetching(server: ScriptedServer, clock: Clock, fetch: Fetch) -> Target:
    source = Source("giver", (), fetch)
    kind = replace(ENGINE, credential=bearer.required, source=lambda *_stated: source)
    return a_target(server, kind=kind, now=clock)


async def sent(shell: Shell) -> None:
    reply = await shell.sender.send(a_candidate(), a_route(), a_call())
    await reply.read(100)


async def test_each_request_carries_the_credential_of_its_time() -> None:
    clock, given = Clock(), iter(("token-1", "token-2"))
    async with ScriptedServer(answering(whole(), whole())) as server:
        fetch = lambda now: Lease(Secret(next(given)), now + LIFE)  # noqa: E731 - a fetch
        shell = Shell(fetching(server, clock, fetch))
        await shell.sender.fetch_ahead()
        await sent(shell)
        clock.now += LIFE
        await sent(shell)
        heads = [raw.decode() for peer in server.peers for raw in peer.requests]
        assert [f"Bearer token-{n}" in head for n, head in enumerate(heads, 1)] == [True, True]
        await shell.sender.close()


async def test_what_an_engine_does_not_believe_is_fetched_anew() -> None:
    clock, given = Clock(), iter(("token-1", "token-2"))
    denied = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
    async with ScriptedServer(answering(denied, whole())) as server:
        fetch = lambda now: Lease(Secret(next(given)), now + LIFE)  # noqa: E731 - a fetch
        shell = Shell(fetching(server, clock, fetch))
        await shell.sender.fetch_ahead()
        clock.now += LIFE / 2
        await sent(shell)
        await asyncio.sleep(0.1)
        await sent(shell)
        heads = [raw.decode() for peer in server.peers for raw in peer.requests]
        assert [f"Bearer token-{n}" in head for n, head in enumerate(heads, 1)] == [True, True]
        await shell.sender.close()


async def test_without_a_credential_nothing_is_dialled() -> None:
    def refuse(_now: datetime) -> Lease:
        raise CredentialRefused("the token service answers AccessDenied")

    async with ScriptedServer(answering(whole())) as server:
        shell = Shell(fetching(server, Clock(), refuse))
        await shell.sender.fetch_ahead()
        with pytest.raises(TransportFailure) as caught:
            await sent(shell)
        failure = caught.value.failure
        assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)
        assert server.peers == []
        assert shell.breaches.rung == []


async def test_a_fetched_secret_that_the_kind_cannot_use_is_a_failure_without_its_words() -> None:
    def unusable(_secret: Secret | None):
        raise ValueError("sk-canary")

    async with ScriptedServer(answering(whole())) as server:
        fetch = lambda now: Lease(Secret("sk-canary"), now + LIFE)  # noqa: E731 - a fetch
        target = fetching(server, Clock(), fetch)
        shell = Shell(replace(target, kind=replace(target.kind, credential=unusable)))
        with pytest.raises(TransportFailure) as caught:
            await sent(shell)
        assert "canary" not in str(caught.value)
        assert server.peers == []
        await shell.sender.close()


async def test_bedrock_is_signed_with_the_key_that_the_instance_gave() -> None:
    with fake_aws() as machine:
        settings = {
            "region": vendor.REGION,
            "private_endpoint": True,
            "credentials": "instance",
            "credentials_url": machine.url,
        }
        async with ScriptedServer(answering(whole())) as server:
            target = a_target(server, kind=BACKENDS["bedrock"], now=Clock(), settings=settings)
            shell = Shell(target)
            await sent(shell)
            head = server.peers[0].requests[0].decode()
            assert f"Credential={vendor.GIVEN_KEY}/" in head
            assert f"x-amz-security-token: {vendor.GIVEN_TOKEN}" in head
            assert vendor.GIVEN_SECRET not in head
            await shell.sender.close()


async def test_a_source_without_a_clock_or_with_wrong_settings_is_no_target() -> None:
    async with ScriptedServer(answering(whole())) as server:
        target = fetching(server, Clock(), lambda now: Lease(Secret("x"), now))
        with pytest.raises(ValueError, match="vllm: a fetched credential needs a clock"):
            Shell(replace(target, now=None))
        wrong = a_target(server, kind=BACKENDS["bedrock"], settings={"credentials": "x"})
        with pytest.raises(ValueError, match="vllm: credentials is one of"):
            Shell(wrong)


def test_what_a_secret_has_become_is_not_shown() -> None:
    access = Access((("authorization", "Bearer sk-canary"),), None)
    assert "canary" not in repr(access)
