"""Values that stand exactly where a bound is."""

import pytest

from gateway.classification.detectors.contacts import (
    PHONE_DIGITS_MAX,
    PHONE_DIGITS_MIN,
    is_ipv6,
    is_phone,
)
from gateway.classification.detectors.personal.national import is_french
from gateway.classification.unfolding import folding, reading
from gateway.classification.unfolding.decoding import base64_bytes
from gateway.classification.unfolding.reading import media_kind, words_of_xml
from gateway.domain.decision import Finding
from gateway.policy.cases import Given

DIGITS = "4930123456789012345678"


@pytest.mark.parametrize(
    ("count", "is_one"),
    [
        (PHONE_DIGITS_MIN - 1, False),
        (PHONE_DIGITS_MIN, True),
        (PHONE_DIGITS_MAX, True),
        (PHONE_DIGITS_MAX + 1, False),
    ],
)
def test_a_telephone_number_is_neither_shorter_nor_longer(count: int, is_one: bool) -> None:
    assert is_phone(f"+{DIGITS[:count]}") is is_one


def test_an_address_has_so_many_groups_and_digits_at_least() -> None:
    assert is_ipv6("2a02:8071:b:c") is False
    assert is_ipv6("2a02:8071:0b70:7400::1")


@pytest.mark.parametrize("apart", ["", " ", ".", "-"])
def test_a_french_number_may_be_written_with_any_mark_between(apart: str) -> None:
    parts = ("2", "55", "08", "14", "168", "025", "38")
    assert is_french(apart.join(parts))


@pytest.mark.parametrize(
    ("run", "said"), [(b"YWJj", b"abc"), (b"YWJjZ", b"abc"), (b"YWI", b"ab"), (b"YQ", b"a")]
)
def test_base64_is_read_whole_whatever_is_left_at_its_end(run: bytes, said: bytes) -> None:
    assert base64_bytes(run) == said


@pytest.mark.parametrize(
    ("brand", "kind"),
    [(b"heic", "image"), (b"mif1", "image"), (b"avif", "image"), (b"mp42", "video")],
)
def test_a_container_of_pictures_is_no_film(brand: bytes, kind: str) -> None:
    assert media_kind(b"\0\0\0\x18ftyp" + brand + b"\0" * 12) == kind


def test_so_many_tags_are_read_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "TAGS_MAX", 3)
    assert words_of_xml(b"<a>x<b>y<c>z") == b"xyz"
    assert words_of_xml(b"<a>x<b>y<c>z<d>") is None


def test_so_many_folds_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "FOLDS_MAX", 2)
    folds = folding._Folds()
    for code in (0x61, 0x62):
        folds[code]
    assert len(folds) == 2
    folds[0x63]
    assert len(folds) == 1


def test_what_a_case_finds_stands_at_no_place() -> None:
    given = Given(findings=["secrets/aws"])
    assert given.found == (Finding("secrets", "aws", "", 0, 0),)
