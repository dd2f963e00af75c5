"""The guard: one host, one zone, and only addresses that the zone's pins hold."""

import asyncio
import socket

import pytest
from msgspec.structs import replace

from gateway.domain.errors import BoundaryBreach
from gateway.domain.route import FailureKind
from gateway.transport import guard as guard_module
from gateway.transport.call import Address
from gateway.transport.failure import TransportFailure
from gateway.transport.guard import Guard, Place

pytestmark = pytest.mark.anyio

PIN = f"sha256:{'0' * 64}"
PINS = {"on_prem": ("10.1.0.0/16", "fd12::/16"), "cloud": ("203.0.113.0/24",)}


class Names:
    """A resolver of the test's own: names to addresses, and how often it was asked."""

    def __init__(self, **names: list[str] | Exception) -> None:
        self.names = {name.replace("_", "."): found for name, found in names.items()}
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        await asyncio.sleep(0)
        found = self.names[host]
        if isinstance(found, Exception):
            raise found
        return found


def a_place(host: str = "engine.corp", **over) -> Place:
    values = {"name": "vllm", "scheme": "http", "host": host, "port": 8000, "zone": "on_prem"}
    return Place(**(values | over))


def a_guard(host: str = "engine.corp", names: Names | None = None, **over) -> Guard:
    return Guard([a_place(host, **over)], PINS, names)


async def test_a_name_inside_the_pins_is_dialled_at_the_checked_address() -> None:
    guard = a_guard(names=Names(engine_corp=["10.1.2.3", "fd12::5"]))
    found = await guard.resolve("vllm")
    assert found == (Address("10.1.2.3", 8000), Address("fd12::5", 8000))


async def test_an_address_inside_the_pins_needs_no_resolver() -> None:
    names = Names()
    assert await a_guard("10.1.0.9", names).resolve("vllm") == (Address("10.1.0.9", 8000),)
    assert await a_guard("fd12::1", names).resolve("vllm") == (Address("fd12::1", 8000),)
    assert names.asked == 0


async def test_the_system_resolver_is_the_default() -> None:
    guard = Guard([a_place("localhost")], {"on_prem": ("127.0.0.0/8", "::1/128")})
    found = await guard.resolve("vllm")
    assert {address.ip for address in found} <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    "found",
    [
        ["203.0.113.7"],
        ["8.8.8.8"],
        ["10.1.2.3", "8.8.8.8"],
        ["10.2.0.0"],
        ["::ffff:8.8.8.8"],
        ["fd13::1"],
    ],
)
async def test_adv_51_a_name_that_leads_outside_its_zone_is_a_breach(found: list[str]) -> None:
    guard = a_guard(names=Names(engine_corp=found))
    with pytest.raises(BoundaryBreach) as caught:
        await guard.resolve("vllm")
    assert "vllm" in caught.value.hint
    assert "engine.corp" not in caught.value.what


async def test_adv_51_a_name_that_moves_later_is_caught_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard_module, "RESOLVED_MS_MAX", 0)
    names = Names(engine_corp=["10.1.2.3"])
    guard = a_guard(names=names)
    await guard.resolve("vllm")
    names.names["engine.corp"] = ["203.0.113.1"]
    with pytest.raises(BoundaryBreach):
        await guard.resolve("vllm")


async def test_adv_51_what_was_checked_is_what_is_given_until_it_is_checked_again() -> None:
    names = Names(engine_corp=["10.1.2.3"])
    guard = a_guard(names=names)
    first = await guard.resolve("vllm")
    names.names["engine.corp"] = ["203.0.113.1"]
    assert await guard.resolve("vllm") == first
    assert names.asked == 1


@pytest.mark.parametrize("pins", [("10.1.0.0/16",), ("::ffff:0:0/96",), ("::/0", "0.0.0.0/0")])
async def test_adv_53_an_ipv4_address_in_ipv6_form_is_never_dialled(pins: tuple[str, ...]) -> None:
    allowed = {"on_prem": pins}
    guard = Guard([a_place()], allowed, Names(engine_corp=["::ffff:10.1.2.3"]))
    with pytest.raises(BoundaryBreach):
        await guard.resolve("vllm")
    with pytest.raises(ValueError, match="never dialled"):
        Guard([a_place("::ffff:10.1.2.3")], allowed)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "100.100.100.200",
        "fd00:ec2::254",
        "169.254.7.7",
        "fe80::1",
        "0.0.0.0",  # noqa: S104
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "0.0.0.8",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::23",
        "fd20:ce::254",
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2001:0:5601:5601::5601:5601",
    ],
)
async def test_adv_53_some_addresses_are_never_dialled_whatever_the_pins_say(address: str) -> None:
    anywhere = {"on_prem": ("0.0.0.0/0", "::/0")}
    guard = Guard([a_place()], anywhere, Names(engine_corp=[address]))
    with pytest.raises(BoundaryBreach):
        await guard.resolve("vllm")
    with pytest.raises(ValueError, match="never dialled"):
        Guard([a_place(address)], anywhere)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "fd00::1"])
async def test_a_loopback_of_our_own_may_be_pinned(address: str) -> None:
    pins = {"on_prem": ("127.0.0.0/8", "::1/128", "fd00::/16")}
    assert len(await Guard([a_place(address)], pins).resolve("vllm")) == 1


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "127.1",
        "0177.0.0.1",
        "10.1.2.3.",
        "10.1.2",
        "1.2.3.4.5",
        "engine.corp.",
        "Engine.corp",
        "engine..corp",
        "-engine.corp",
        "git.corp@evil.test",
        "engine.corp/path",
        "engine.corp:80",
        "engine%2ecorp",
        "engine corp",
        "\u0435ngine.corp",
        "fe80::1%eth0",
        "[::1]",
        "",
        "a" * 64,
        "a." * 130 + "a",
        "engine.0x1f",
    ],
)
async def test_adv_53_a_host_in_an_odd_form_is_refused_when_the_guard_is_built(host: str) -> None:
    with pytest.raises(ValueError, match="host must be"):
        a_guard(host)


@pytest.mark.parametrize("scheme", ["file", "gopher", "ftp", "HTTP", ""])
async def test_adv_53_a_scheme_that_is_not_http_is_refused(scheme: str) -> None:
    with pytest.raises(ValueError, match="scheme"):
        a_guard(scheme=scheme)


@pytest.mark.parametrize("port", [0, -1, 65_536])
async def test_a_port_that_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="port"):
        a_guard(port=port)


async def test_a_zone_without_pins_is_refused() -> None:
    for pins in ({}, {"on_prem": ()}):
        with pytest.raises(ValueError, match="no addresses are pinned"):
            Guard([a_place()], pins)


@pytest.mark.parametrize("block", ["10.1.0.1/16", "engine.corp", "10.0.0.0/33", ""])
async def test_a_pin_that_is_no_block_is_refused(block: str) -> None:
    with pytest.raises(ValueError, match="not a CIDR block"):
        Guard([a_place()], {"on_prem": (block,)})


@pytest.mark.parametrize("other", ["engine.corp", "10.1.0.9"])
async def test_one_host_and_port_cannot_be_in_two_zones(other: str) -> None:
    host = "engine.corp" if other == "engine.corp" else "10.1.0.9"
    places = [a_place(host), a_place(other, name="other", zone="cloud")]
    with pytest.raises(ValueError, match="in zone on_prem already"):
        Guard(places, PINS)


async def test_a_certificate_name_of_another_zone_is_refused() -> None:
    ours = a_place("10.1.0.9", scheme="https", server_name="api.cloud.test")
    theirs = a_place("api.cloud.test", scheme="https", port=443, name="api", zone="cloud")
    with pytest.raises(ValueError, match="server name is a host of another zone"):
        Guard([ours, theirs], PINS)
    Guard([ours, replace(theirs, host="other.test")], PINS)


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"scheme": "http", "server_name": "a.test"}, "nothing without https"),
        ({"scheme": "http", "pins": (PIN,)}, "nothing without https"),
        ({"server_name": "0x7f.1"}, "server name"),
        ({"pins": ("sha256:ab",)}, "64 hex digits"),
        ({"pins": (PIN,) * 9}, "at most 8"),
    ],
)
async def test_what_cannot_be_verified_is_refused(over: dict, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        a_guard(**({"scheme": "https"} | over))


async def test_every_fault_is_told_at_once() -> None:
    places = [a_place(scheme="file"), a_place("0x7f.1", name="b"), a_place(port=0)]
    with pytest.raises(ValueError, match=r"(?s)host must.*scheme must") as caught:
        Guard(places, PINS)
    assert "named twice" in str(caught.value)
    assert "port must" in str(caught.value)


async def test_the_zone_is_the_one_of_the_fleet_file() -> None:
    guard = a_guard()
    assert guard.zone_of("vllm") == "on_prem"
    with pytest.raises(BoundaryBreach):
        guard.zone_of("unknown")
    with pytest.raises(BoundaryBreach):
        await guard.resolve("unknown")


@pytest.mark.parametrize("error", [socket.gaierror(-2, "x"), OSError(5, "x"), UnicodeError("x")])
async def test_a_name_that_cannot_be_resolved_is_a_failure_and_no_breach(error: Exception) -> None:
    with pytest.raises(TransportFailure) as caught:
        await a_guard(names=Names(engine_corp=error)).resolve("vllm")
    assert caught.value.failure.kind is FailureKind.UNREACHABLE
    assert not caught.value.failure.sent


@pytest.mark.parametrize("count", [0, 17])
async def test_a_name_needs_some_addresses_but_not_too_many(count: int) -> None:
    found = [f"10.1.0.{number}" for number in range(count)]
    with pytest.raises(TransportFailure):
        await a_guard(names=Names(engine_corp=found)).resolve("vllm")


async def test_a_resolver_that_hangs_meets_its_limit_and_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard_module, "RESOLVE_MS_MAX", 20)
    gate = asyncio.Event()
    asked = 0

    async def stuck(_host: str, _port: int) -> list[str]:
        nonlocal asked
        asked += 1
        await gate.wait()
        return ["10.1.2.3"]

    guard = Guard([a_place()], PINS, stuck)
    results = await asyncio.gather(
        *(guard.resolve("vllm") for _ in range(5)), return_exceptions=True
    )
    assert [type(result) for result in results] == [TransportFailure] * 5
    assert asked == 1
    waiting = asyncio.create_task(guard.resolve("vllm"))
    await asyncio.sleep(0)
    gate.set()
    assert (await waiting)[0].ip == "10.1.2.3"
    assert asked == 1


@pytest.mark.parametrize(
    ("place", "authority"),
    [
        (a_place(), "engine.corp:8000"),
        (a_place(port=80), "engine.corp"),
        (a_place(port=443), "engine.corp:443"),
        (a_place(scheme="https", port=443), "engine.corp"),
        (a_place("fd12::1"), "[fd12::1]:8000"),
    ],
)
async def test_the_host_field_names_host_and_port(place: Place, authority: str) -> None:
    assert place.authority == authority
