"""Callers without a credential: nobody, except where the node file names somebody."""

import pytest

from gateway.domain.caller import Caller
from gateway.domain.errors import Unauthenticated
from gateway.identity.access_keys import AccessKeys
from gateway.identity.anonymous import Anonymous
from gateway.identity.callers import Callers
from gateway.identity.keys import HeldKeys, KeyEntry, KeyRing, new_key
from gateway.identity.network import networks_of
from tests.doubles.signers import NOW, ROOT, sent

URL = "http://gateway.test/v1/messages"
SOMEBODY = Caller("anonymous", "desks", "payments", "internal")
KEY, DIGEST = new_key("ann", bytes(32))
RING = HeldKeys(KeyRing({"ann": KeyEntry("ann", "payments", DIGEST)}))
LOOPBACK = ("127.0.0.0/8", "::1/128")
PROXIES = networks_of(["127.0.0.9/32", "10.0.0.0/30"])


def a_house(*networks: str, named: bool = True) -> Callers:
    somebody = Anonymous(SOMEBODY, networks_of(networks or LOOPBACK), PROXIES)
    return Callers(RING, AccessKeys(RING, ROOT), somebody if named else None)


def assert_nobody(house: Callers, *fields: tuple[str, bytes], url: str = URL, **where: str) -> None:
    with pytest.raises(Unauthenticated):
        house.meet(sent(list(fields), url, **where), NOW)


def at(address: str, peer: str = "") -> dict[str, str]:
    return {"address": address, "peer": peer or address}


def test_without_a_word_in_the_node_file_nobody_is_anonymous() -> None:
    assert_nobody(a_house(named=False))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_may_do_without_a_credential(address: str) -> None:
    assert a_house().meet(sent([], URL, **at(address)), NOW) == SOMEBODY


@pytest.mark.parametrize("address", ["10.1.2.3", "192.0.2.1", "::2", "::ffff:127.0.0.1x", "", "x"])
def test_any_other_address_may_not(address: str) -> None:
    assert_nobody(a_house(), **at(address))


def test_listed_networks_stand_for_themselves_alone() -> None:
    house = a_house("10.1.2.0/24", "2001:db8::/64")
    for address in ("10.1.2.3", "2001:db8::1", "::ffff:10.1.2.3"):
        assert house.meet(sent([], URL, **at(address)), NOW) == SOMEBODY
    for address in ("10.1.3.3", "2001:db8:1::1", "127.0.0.1", "::1"):
        assert_nobody(house, **at(address))


CREDENTIALS = {
    "authorization": [b"", b"Bearer ollama", b"Bearer EMPTY", b"Basic eDp4", b"Bearer ", b"AWS4-"],
    "x-api-key": [b"", b"x"],
    "x-goog-api-key": [b"", b"x"],
    "api-key": [b"", b"x"],
    "x-amz-security-token": [b"", b"x"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in CREDENTIALS.items() for value in values]
)
def test_a_wrong_credential_is_not_no_credential(name: str, value: bytes) -> None:
    assert_nobody(a_house(), (name, value))


@pytest.mark.parametrize(
    "query", ["key=x", "a=1&key", "KEY=x", "api_key=x", "access_token=x", "k%65y=x", "api-key=1",
              "X-Amz-Signature=x"]
)  # fmt: skip
def test_a_credential_in_the_url_is_not_no_credential(query: str) -> None:
    assert_nobody(a_house(), url=f"{URL}?{query}")


def test_a_key_in_the_url_opens_nothing() -> None:
    for name in ("key", "api_key", "x-api-key", "authorization"):
        url = f"{URL}?{name}={KEY.reveal()}"
        assert_nobody(a_house(named=False), url=url)
    beside = sent([("x-api-key", KEY.reveal().encode())], f"{URL}?key=x", **at("192.0.2.1"))
    assert a_house().meet(beside, NOW) == RING.now().callers[0]


def test_a_query_that_holds_no_credential_is_ignored() -> None:
    head = sent([], f"{URL}?beta=true&keys=1&alt=sse&monkey=x", **at("127.0.0.1"))
    assert a_house().meet(head, NOW) == SOMEBODY


def test_a_key_is_its_holder_also_where_somebody_is_anonymous() -> None:
    head = sent([("x-api-key", KEY.reveal().encode())], URL, **at("127.0.0.1"))
    assert a_house().meet(head, NOW) == RING.now().callers[0]


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
def test_what_a_proxy_hands_on_that_nobody_listed_is_nobodys(name: str) -> None:
    assert_nobody(a_house(), (name, b"127.0.0.1"), **at("127.0.0.1"))
    assert_nobody(a_house(), (name, b"127.0.0.1"), **at("127.0.0.1", "::ffff:127.0.0.1"))


def test_a_listed_proxy_speaks_for_others_and_is_nobody_itself() -> None:
    house = a_house("127.0.0.0/8", "10.0.0.0/8")
    told = ("x-forwarded-for", b"10.7.7.7")
    assert house.meet(sent([told], URL, **at("10.7.7.7", "127.0.0.9")), NOW) == SOMEBODY
    assert_nobody(house, told, **at("192.0.2.1", "127.0.0.9"))
    assert_nobody(house, ("x-forwarded-for", b"nonsense"), **at("127.0.0.9"))
    assert_nobody(house, **at("127.0.0.9"))
    assert_nobody(house, told, **at("10.0.0.1", "127.0.0.9"))


@pytest.mark.parametrize("origin", [b"http://evil.example", b"null", b"", b"http://127.0.0.1"])
def test_a_page_in_a_browser_is_nobody(origin: bytes) -> None:
    assert_nobody(a_house(), ("origin", origin))


def test_headers_that_clients_send_do_no_harm() -> None:
    fields = [("sec-fetch-mode", b"cors"), ("user-agent", b"ollama-python/0.6.3"), ("accept", b"*")]
    assert a_house().meet(sent(fields, URL, **at("127.0.0.1")), NOW) == SOMEBODY
