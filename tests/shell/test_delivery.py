"""A parcel goes to one stated host at a checked address; what a lying witness says is no anchor."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import checkpoint
from gateway.audit.cosignature import cosign, cosigner_of
from gateway.audit.tree import Proof, leaf_hash, root_of
from gateway.transport.anchors import NotAnchored
from gateway.transport.anchors.witness import WitnessAnchor
from gateway.transport.delivery import Delivery, NotDelivered, Parcel, Source
from tests.doubles.certificates import TestAuthority
from tests.doubles.scripted_server import ScriptedServer, answering

pytestmark = pytest.mark.anyio
ORIGIN = "perimeter.example/gw-0"
NAME = "witness.example/w1"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
KEY = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
LEAVES = [leaf_hash(b"%d" % number) for number in range(7)]
NOTE = checkpoint.sign(checkpoint.body(ORIGIN, 7, root_of(LEAVES)), ORIGIN, LOG_KEY)
SEALED = checkpoint.verify(NOTE, checkpoint.vkey_of(ORIGIN, LOG_KEY))
TIME_S = 1_795_262_400


def reply(status: int, body: str | bytes = b"", *fields: str) -> bytes:
    data = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status} X", f"content-length: {len(data)}", "connection: close", *fields]
    return "\r\n".join([*head, "", ""]).encode() + data


def delivery(server: ScriptedServer, *addresses: str, bytes_max: int = 1_000) -> Delivery:
    url = f"http://127.0.0.1:{server.address.port}"
    return Delivery(Source(name="w", url=url, addresses=addresses, bytes_max=bytes_max))


def parcel(server: ScriptedServer, body: bytes = b"hello") -> Parcel:
    url = f"http://127.0.0.1:{server.address.port}/add-checkpoint"
    return Parcel("POST", url, {"content-type": "text/plain"}, body)


async def test_a_parcel_is_handed_over_and_says_nothing_of_us(monkeypatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with ScriptedServer(answering(reply(200, b"yes"))) as server:
        told = await delivery(server, "127.0.0.0/8").send(parcel(server))
        assert (told.status, told.body) == (200, b"yes")
        (heard,) = server.peers[0].requests
    head = heard.lower()
    assert head.startswith(b"post /add-checkpoint http/1.1")
    assert heard.endswith(b"\r\n\r\nhello")
    for word in (b"authorization", b"cookie", b"python", b"httpx"):
        assert word not in head


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with ScriptedServer(
        answering(reply(307, b"", "location: http://127.0.0.1:9/"))
    ) as server:
        assert (await delivery(server).send(parcel(server))).status == 307
        assert len(server.peers) == 1


async def test_an_answer_has_a_bound() -> None:
    async with ScriptedServer(answering(reply(200, b"x" * 1_001))) as server:
        with pytest.raises(NotDelivered, match="too large"):
            await delivery(server).send(parcel(server))


async def test_an_address_outside_the_pins_is_not_dialled() -> None:
    async with ScriptedServer(answering(reply(200))) as server:
        with pytest.raises(NotDelivered, match="outside the pins"):
            await delivery(server, "10.0.0.0/8").send(parcel(server))
        assert server.peers == []


async def test_the_certificate_is_verified_for_the_stated_host(tmp_path) -> None:
    authority = TestAuthority(tmp_path)

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    for host, ca_file in (("w.test", authority.ca_file), ("other.test", authority.ca_file)):
        async with ScriptedServer(answering(reply(200)), tls=authority.server(host)) as server:
            url = f"https://w.test:{server.address.port}"
            one = Delivery(Source(name="w", url=url, ca_file=ca_file, bytes_max=99), here)
            asked = Parcel("POST", f"{url}/add-checkpoint", {}, b"x")
            if host == "w.test":
                assert (await one.send(asked)).status == 200
            else:
                with pytest.raises(NotDelivered, match="ConnectError"):
                    await one.send(asked)


async def test_a_name_that_nobody_knows_is_told_in_a_word() -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    one = Delivery(Source(name="w", url="https://w.test", bytes_max=9), nowhere)
    with pytest.raises(NotDelivered):
        await one.send(Parcel("POST", "https://w.test/", {}, b""))


async def no_proof(_old: int) -> Proof:
    return ()


def signed(note: str = NOTE, name: str = NAME, key: Ed25519PrivateKey = KEY) -> str:
    return cosign(note, name, key, TIME_S)


OTHER = checkpoint.sign(checkpoint.body(ORIGIN, 8, root_of(LEAVES)), ORIGIN, LOG_KEY)
LIES = {
    "an error": (reply(500), "answered with 500", False),
    "no log of ours": (reply(404), "answered with 404", False),
    "nothing": (reply(200), "signed with another key", False),
    "no signature": (reply(200, "yes\n"), "did not sign", False),
    "bytes": (reply(200, b"\xff"), "did not sign", False),
    "another text": (reply(200, signed(OTHER)), "did not sign", False),
    "another key": (reply(200, signed(key=LOG_KEY)), "another key", False),
    "another name": (reply(200, signed(name="witness.example/w2")), "another key", False),
    "not proven": (reply(422), "another history", True),
    "a larger log": (reply(409, "9\n"), "larger log", True),
    "the same size twice": (reply(409, "7\n"), "another tree", True),
    "no size": (reply(409, "many\n"), "did not say", False),
    "a size in other digits": (reply(409, "\u0663\n"), "did not say", False),
    "a size without end": (reply(409, "9" * 500), "did not say", False),
}


@pytest.mark.parametrize("what", LIES)
async def test_what_is_not_the_cosignature_of_our_witness_is_no_anchor(what: str) -> None:
    answer, why, contradicts = LIES[what]
    async with ScriptedServer(answering(answer)) as server:
        url = f"http://127.0.0.1:{server.address.port}"
        anchor = WitnessAnchor(url, cosigner_of(NAME, KEY), delivery(server))
        with pytest.raises(NotAnchored, match=why) as refused:
            await anchor.anchor(SEALED, NOTE, no_proof)
    assert refused.value.contradicts is contradicts


async def test_more_signatures_than_ours_are_ignored() -> None:
    lines = signed(name="witness.example/w2") + signed()
    async with ScriptedServer(answering(reply(200, lines))) as server:
        url = f"http://127.0.0.1:{server.address.port}/"
        found = await WitnessAnchor(url, cosigner_of(NAME, KEY), delivery(server)).anchor(
            SEALED, NOTE, no_proof
        )
    assert found.lines == (signed(),)
    assert found.facts == {"witness": NAME, "signed_s": TIME_S}
