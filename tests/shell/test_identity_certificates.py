"""Client certificates: whom one names, and what is nobody."""

from datetime import UTC, datetime

import pytest

from gateway.config.files import load_text
from gateway.domain.caller import Caller
from gateway.domain.errors import ConfigError, Malformed, Unauthenticated
from gateway.identity.access_keys import AccessKeys
from gateway.identity.callers import Callers
from gateway.identity.certificate import is_subject, subjects_of, told_subject
from gateway.identity.keyfile import read_keys
from gateway.identity.keys import HeldKeys, KeyEntry, KeyRing, new_key
from tests.doubles.signers import ROOT, sent

NOW = datetime(2026, 12, 1, tzinfo=UTC)
URL = "http://gateway.test/v1/messages"
CI = "uri:spiffe://corp/ns/build/sa/ci"
KEY, DIGEST = new_key("bound", bytes(32))
SHOWN = {
    "subject": ((("countryName", "DE"),), (("commonName", "CI Runner"),)),
    "subjectAltName": (
        ("URI", "spiffe://corp/ns/build/sa/ci"),
        ("DNS", "CI.Corp"),
        ("email", "CI@corp.example"),
        ("IP Address", "10.0.0.1"),
    ),
}
SUBJECTS = (CI, "dns:ci.corp", "email:ci@corp.example", "cn:CI Runner")


def a_house(**entries: KeyEntry) -> Callers:
    ring = HeldKeys(KeyRing(entries))
    return Callers(ring, AccessKeys(ring, ROOT))


def meet(house: Callers, *subjects: str, key: str = "") -> Caller:
    fields = [("x-api-key", key.encode())] if key else []
    met = house.meet(sent(fields, URL, subjects=subjects), NOW)
    assert isinstance(met, Caller)
    return met


def assert_nobody(house: Callers, *subjects: str, key: str = "") -> None:
    with pytest.raises(Unauthenticated):
        meet(house, *subjects, key=key)


def test_every_name_of_a_certificate_is_a_subject_of_its_kind() -> None:
    assert subjects_of(SHOWN) == SUBJECTS
    assert subjects_of(None) == subjects_of({}) == ()


def test_a_certificate_that_says_too_much_or_oddly_names_nobody() -> None:
    many = {"subjectAltName": tuple(("DNS", f"h{number}.corp") for number in range(33))}
    assert subjects_of(many) == ()
    for odd in ("a\x00b", "a\nb", "", "x" * 512):
        assert subjects_of({**SHOWN, "subjectAltName": (("DNS", odd),)}) == ()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_certificate_is_the_holder_that_the_key_file_names(subject) -> None:
    written = subject.upper().replace("DNS:", "dns:") if subject.startswith("dns") else subject
    house = a_house(ci=KeyEntry("ci", "build", certificates=(written,)))
    met = meet(house, *SUBJECTS)
    assert (met.key_id, met.subject, met.known_by) == ("ci", "ci", "mtls")
    assert_nobody(house, "dns:other.corp")
    assert_nobody(house)


def test_near_is_not_the_same() -> None:
    house = a_house(ci=KeyEntry("ci", "build", certificates=(CI,)))
    for near in (CI + "/", CI + "x", CI.upper(), CI.replace("uri:", "dns:"), CI[:-1]):
        assert_nobody(house, near)


def test_a_certificate_that_names_two_keys_names_nobody() -> None:
    house = a_house(
        ci=KeyEntry("ci", "build", certificates=(CI,)),
        cd=KeyEntry("cd", "build", certificates=("dns:ci.corp",)),
    )
    assert meet(house, CI).key_id == "ci"
    assert_nobody(house, *SUBJECTS)


def test_a_certificate_of_a_key_that_ended_names_nobody() -> None:
    for ended in ({"revoked": True}, {"expires_on": datetime(2026, 11, 30, tzinfo=UTC).date()}):
        assert_nobody(a_house(ci=KeyEntry("ci", "b", certificates=(CI,), **ended)), CI)


def test_a_key_that_asks_for_a_certificate_is_good_beside_it_alone() -> None:
    house = a_house(bound=KeyEntry("b", "t", DIGEST, certificates=(CI,)))
    assert meet(house, CI, key=KEY.reveal()).known_by == ""
    assert_nobody(house, key=KEY.reveal())
    assert_nobody(house, "dns:other.corp", key=KEY.reveal())
    assert_nobody(house, CI)


def test_who_sends_a_key_is_its_holder_whatever_his_certificate() -> None:
    house = a_house(bound=KeyEntry("b", "t", DIGEST), ci=KeyEntry("ci", "t", certificates=(CI,)))
    assert meet(house, CI, key=KEY.reveal()).subject == "b"
    assert_nobody(house, CI, key="pmt_wrong")


def test_what_a_proxy_tells_is_one_clear_subject() -> None:
    assert told_subject([b" spiffe://corp/a "], "uri") == ("uri:spiffe://corp/a",)
    assert told_subject([b"CI.corp"], "dns") == ("dns:ci.corp",)
    assert told_subject([], "uri") == told_subject([b""], "uri") == ()
    for values in ([b"a", b"b"], [b"a", b"a"], [b"\xe9"], [b"a\tb"], [b"x" * 600]):
        with pytest.raises(Malformed):
            told_subject(values, "uri")


@pytest.mark.parametrize("text", ["", "ci", "uri:", "ip:10.0.0.1", "cn:a\nb", "CN:x"])
def test_a_subject_has_a_form(text) -> None:
    assert not is_subject(text)
    with pytest.raises(ConfigError, match="uri:, dns:, email: or cn:"):
        read_keys(
            load_text(
                f"version: 1\nkeys:\n  ci: {{subject: a, team: b, certificates: [{text!r}]}}\n"
                if "\n" not in text
                else 'version: 1\nkeys:\n  ci: {subject: a, team: b, certificates: ["cn:a\\nb"]}\n',
                "keys.yaml",
            )
        )


def test_a_subject_stands_with_one_key() -> None:
    entry = "{subject: a, team: b, certificates: ['dns:ci.corp']}"
    text = f"version: 1\nkeys:\n  a: {entry}\n  b: {entry.replace('ci', 'CI')}\n"
    with pytest.raises(ConfigError, match="a certificate names one key"):
        read_keys(load_text(text, "keys.yaml"))


def test_a_key_without_hash_generation_or_certificate_is_none() -> None:
    with pytest.raises(ConfigError, match="give `hash`"):
        read_keys(load_text("version: 1\nkeys: {a: {subject: a, team: b}}\n", "keys.yaml"))


HASHED = "By=spiffe://corp/gw;Hash=" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        (f"{HASHED};URI=spiffe://corp/ci", ("uri:spiffe://corp/ci",)),
        (
            f'{HASHED};Subject="CN=x,O=a;URI=spiffe://corp/root";URI=spiffe://corp/ci;DNS=CI.corp',
            ("uri:spiffe://corp/ci", "dns:ci.corp"),
        ),
        (f'{HASHED};Subject="a\\",URI=spiffe://corp/root"', ()),
        (f'{HASHED};Subject="";URI=', ()),
        (HASHED, ()),
        ("spiffe://corp/ci", ()),
        (f'{HASHED};URI="spiffe://corp/ci"', ()),
    ],
)
def test_envoys_form_tells_uri_and_names_of_one_certificate(text, subjects) -> None:
    assert told_subject([text.encode()], "xfcc") == subjects


@pytest.mark.parametrize(
    "values",
    [
        [b"URI=spiffe://corp/a,URI=spiffe://corp/b"],
        [f"{HASHED};URI=spiffe://corp/a,{HASHED};URI=spiffe://corp/b".encode()],
        [b'Subject="x,URI=spiffe://corp/a'],
        [b'Subject="x;URI=spiffe://corp/a'],
        [b'Subject="x\\";URI=spiffe://corp/a'],
        [b'URI="spiffe://corp/a"b;DNS="'],
        [b"URI=spiffe://corp/a", b"URI=spiffe://corp/a"],
        [b"URI=" + b"x" * 600],
        [b";".join(b"DNS=h%d" % number for number in range(33))],
        [b"x" * 17_000],
    ],
)
def test_adv_03_envoys_form_of_several_certificates_is_refused(values) -> None:
    with pytest.raises(Malformed):
        told_subject(values, "xfcc")
