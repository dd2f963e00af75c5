"""A published document: one stated host, a checked address, bounds, and no byte of a request."""

import pytest

from gateway.transport.delivery import Source
from gateway.transport.published import NotPublished, Published
from tests.doubles.certificates import TestAuthority
from tests.doubles.issuers import a_desk
from tests.doubles.scripted_server import ScriptedServer, answering, whole

pytestmark = pytest.mark.anyio
BODY = b'{"keys":[]}'


def source(url: str, *addresses: str, bytes_max: int = 1_000) -> Source:
    return Source(name="corp", url=url, addresses=addresses, bytes_max=bytes_max)


async def test_what_is_published_is_fetched_and_says_nothing_of_us(monkeypatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with a_desk(BODY) as desk:
        assert await Published(source(desk.url, "127.0.0.0/8")).fetch() == BODY
        (heard,) = desk.heard
    head = heard.lower()
    assert head.startswith(b"get /certs http/1.1")
    assert b"authorization" not in head
    assert b"cookie" not in head
    assert b"content-length" not in head


async def test_a_redirect_and_any_other_answer_is_none() -> None:
    with a_desk(BODY) as desk, a_desk(BODY) as other:
        desk.headers["location"] = other.url
        for status in (301, 307, 204, 401, 404, 500):
            desk.status = status
            with pytest.raises(NotPublished, match=str(status)):
                await Published(source(desk.url)).fetch()
        assert other.heard == []


async def test_an_answer_has_a_bound() -> None:
    with a_desk(b"x" * 1_001) as desk, pytest.raises(NotPublished, match="too large"):
        await Published(source(desk.url)).fetch()


async def test_an_address_outside_the_pins_is_not_dialled() -> None:
    with a_desk(BODY) as desk:
        with pytest.raises(NotPublished, match="outside the pins"):
            await Published(source(desk.url, "10.0.0.0/8")).fetch()
        assert desk.heard == []


async def test_the_address_that_was_checked_is_the_one_that_is_dialled() -> None:
    asked: list[str] = []

    async def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async def elsewhere(host: str, port: int) -> list[str]:
        return ["169.254.169.254"]

    with a_desk(BODY) as desk:
        url = desk.url.replace("127.0.0.1", "idp.test")
        assert await Published(source(url, "127.0.0.1/32"), lookup).fetch() == BODY
        assert b"host: idp.test:" in desk.heard[0].lower()
        assert asked == ["idp.test"]
        with pytest.raises(NotPublished, match="never dialled"):
            await Published(source(url), elsewhere).fetch()
        assert len(desk.heard) == 1


async def test_nobody_there_is_told_in_a_word() -> None:
    with pytest.raises(NotPublished, match="ConnectError"):
        await Published(source("http://127.0.0.1:9/certs")).fetch()


async def test_the_certificate_is_verified_for_the_stated_host(tmp_path) -> None:
    authority = TestAuthority(tmp_path)

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    def told(port: int, ca_file: str | None) -> Published:
        url = f"https://idp.test:{port}/certs"
        return Published(Source(name="c", url=url, ca_file=ca_file, bytes_max=99), here)

    right, wrong = authority.server("idp.test"), authority.server("other.test")
    async with ScriptedServer(answering(whole(BODY)), tls=right) as server:
        assert await told(server.address.port, authority.ca_file).fetch() == BODY
    async with ScriptedServer(answering(whole(BODY)), tls=right) as server:
        with pytest.raises(NotPublished, match="ConnectError"):
            await told(server.address.port, None).fetch()
    async with ScriptedServer(answering(whole(BODY)), tls=wrong) as server:
        with pytest.raises(NotPublished, match="ConnectError"):
            await told(server.address.port, authority.ca_file).fetch()
        assert server.peers == [] or not server.peers[0].requests


async def test_a_ca_file_that_is_none_is_told() -> None:
    with_ca = Source(name="c", url="http://127.0.0.1:9/x", ca_file="/no/such", bytes_max=9)
    with pytest.raises(NotPublished, match="FileNotFoundError"):
        await Published(with_ca).fetch()
