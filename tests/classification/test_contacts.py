import pytest

from gateway.classification.detectors.contacts import is_email, is_ipv4, is_ipv6, is_phone
from tests.doubles.compiled_detectors import a_detector, hits_of


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("email", "mail ada@analytical.io now", "ada@analytical.io"),
        ("email", "<o'neil+x@mail.corp.co.uk>", "neil+x@mail.corp.co.uk"),
        ("phone", "call +49 (0)30 1234-5678!", "+49 (0)30 1234-5678"),
        ("phone", "0049 30 12345678", "0049 30 12345678"),
        ("phone", "Tel.: 030/12345678", "030/12345678"),
        ("phone", "phone (212) 555-0198", "(212) 555-0198"),
        ("ip-address", "host 10.1.2.3:80", "10.1.2.3"),
        ("ip-address", "route 10.64.0.0/10", "10.64.0.0"),
        ("ip-address", "[2a00:1450:4001:81b::200e]", "2a00:1450:4001:81b::200e"),
        ("ip-address", "fd12:3456:789a:1:2:3:4:5", "fd12:3456:789a:1:2:3:4:5"),
        ("ip-address", "fd12:3456:789a:1:2:3:4:5_eth0", "fd12:3456:789a:1:2:3:4:5"),
        ("ip-address", "2a00:1450:4001:81b::200e_eth0", "2a00:1450:4001:81b::200e"),
        ("ip-address", "route to 2a00:1450:4001::", "2a00:1450:4001::"),
        ("ip-address", "at 12:34:56 from 2a00:1450::1:2", "2a00:1450::1:2"),
    ],
)
def test_a_contact_is_found_and_is_a_tag(kind: str, text: str, found: str) -> None:
    assert hits_of("contacts", text) == [(kind, found)]
    hits = a_detector("contacts").scan(b"\n\xff\n" + text.encode() + b"\n\xff\n").hits
    assert [hit.tag_only for hit in hits] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "user@example.com",
        "me@sub.example.org",
        "git@github.com:a/b",
        "icon@2x.png",
        "a..b@corp.io",
        "version 1.2.3.400",
        "127.0.0.1 and 255.255.255.0",
        "192.0.2.7",
        "std::chrono::hours",
        "ab::cd",
        "at 12:34:56",
        "12:30:45",
        "00:1a:2b:3c:4d:5e",
        "2001:db8::1",
        "::1",
        "order 030 12345678",
        "+11 11 11 11 11",
    ],
)
def test_what_names_nobody_is_no_contact(text: str) -> None:
    assert hits_of("contacts", text) == []


def test_an_address_has_bounds() -> None:
    assert not is_email("a" * 65 + "@corp.io")
    assert not is_email(".a@corp.io")
    assert not is_email("a.@corp.io")
    assert not is_phone("+49 1234")
    assert not is_phone("1234567890123456")
    assert not is_ipv4("300.1.1.1")
    assert not is_ipv6("fe80::1::2:3456")
    assert not is_ipv6("1:2:3:4:5:6:7:8:9")


def test_an_address_of_no_length_or_form_is_none() -> None:
    assert hits_of("contacts", "@corp.io") == []
    assert not is_ipv6("fe80:1234:5678")
    assert not is_ipv6("abcd::1")
    assert is_ipv6("abcd:1::2")
    assert not is_ipv6("fe80:123456::1:22")


@pytest.mark.parametrize("many", [1_500, 20_000])
def test_a_number_behind_many_addresses_is_found(many: int) -> None:
    addresses = " ".join(f"u{number}@corp{number}.io" for number in range(many))
    kinds = [kind for kind, _ in hits_of("contacts", f"{addresses} call +49 30 1234 5678")]
    assert set(kinds) == {"email", "phone"}


def test_a_number_behind_numbers_that_are_parts_of_addresses_is_not_passed_over() -> None:
    addresses = " ".join(f"+49301234{number:04d}@corp{number}.io" for number in range(1_500))
    text = f"\n\xff\n{addresses} call +44 20 7946 1234\n\xff\n".encode("latin-1")
    found = a_detector("contacts").scan(text)
    assert found.truncated or "phone" in {hit.kind for hit in found.hits}
