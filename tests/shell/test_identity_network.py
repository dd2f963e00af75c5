import pytest

from gateway.identity import network
from gateway.identity.network import client_address, networks_of

PROXIES = networks_of(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])


def test_without_listed_proxies_the_header_means_nothing() -> None:
    assert client_address("203.0.113.5", "198.51.100.1", ()) == "203.0.113.5"


def test_a_peer_that_is_not_listed_cannot_speak_for_others() -> None:
    assert client_address("203.0.113.5", "198.51.100.1", PROXIES) == "203.0.113.5"


def test_a_listed_proxy_without_the_header_is_the_client() -> None:
    assert client_address("10.1.2.3", None, PROXIES) == "10.1.2.3"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("1.2.3.4, 198.51.100.1,10.9.9.9 , 192.0.2.7", "198.51.100.1"),
        ("10.9.9.9, 10.8.8.8", "10.9.9.9"),
        ("2001:db8::1, 2001:db9::1, 2001:db8::2", "2001:db9::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_right_most_hop_that_is_not_listed_is_the_client(forwarded: str, client: str) -> None:
    assert client_address("10.1.2.3", forwarded, PROXIES) == client


@pytest.mark.parametrize(
    "forwarded",
    [
        "",
        ",",
        "unknown",
        "198.51.100.1, _hidden",
        "not an address, 198.51.100.1",
        "198.51.100.1:443",
        "198.51.100.01",
        "0x7f.1",
        "198.51.100.1\n10.0.0.1",
        ",".join(["198.51.100.1"] * 33),
        "1" * 3_000,
    ],
)
def test_a_header_that_cannot_be_read_leaves_the_peer(forwarded: str) -> None:
    assert client_address("10.1.2.3", forwarded, PROXIES) == "10.1.2.3"


def test_an_ipv4_peer_on_a_dual_stack_socket_is_the_same_machine() -> None:
    assert client_address("::ffff:10.1.2.3", "198.51.100.1", PROXIES) == "198.51.100.1"
    assert client_address("::ffff:203.0.113.5", "198.51.100.1", PROXIES) == "203.0.113.5"


def test_a_peer_without_an_address_stays_as_it_is() -> None:
    assert client_address("", "198.51.100.1", PROXIES) == ""
    assert client_address("unix:socket", "198.51.100.1", PROXIES) == "unix:socket"


@pytest.mark.parametrize("block", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33", ""])
def test_a_block_that_is_none_is_refused(block: str) -> None:
    with pytest.raises(ValueError, match=r"host bits|IPv4"):
        networks_of([block])


def test_listed_proxies_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "NETWORKS_MAX", 1)
    with pytest.raises(ValueError, match="more than 1"):
        networks_of(["10.0.0.1", "10.0.0.2"])
