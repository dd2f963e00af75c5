"""The bounds of what bytes are and hold: what is still read, and what is just beyond."""

import gzip
import io
import zipfile
import zlib

import pytest

from gateway.classification.unfolding import reading
from gateway.classification.unfolding.reading import Budget, Reading, as_text, media_kind
from tests.doubles.dice import dice

NOISE = dice("edges").randbytes(5_000)
PNG = b"\x89PNG\r\n\x1a\n" + NOISE[:40]
RATIO = 100
FREE = 64 * 1024
MANY = 24


def read(data: bytes, depth: int = 1, budget: Budget | None = None) -> Reading:
    found = Reading(budget or Budget())
    found.read(data, depth)
    return found


def texts_of(data: bytes, depth: int = 1) -> list[tuple[bytes, int]]:
    return read(data, depth).texts


def opaque(data: bytes, depth: int = 1, budget: Budget | None = None) -> list[str]:
    return list(read(data, depth, budget).opaque)


def zipped(*members: tuple[str, bytes], comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


# --- how much is expanded


def test_a_budget_gives_what_it_has_and_remembers_that_it_was_not_enough() -> None:
    budget = Budget(10)
    assert budget.take(10)
    assert not budget.spent
    assert not budget.take(1)
    assert budget.spent
    assert budget.room(1) == 0


@pytest.mark.parametrize(("asked", "given"), [(None, 1_000), (999, 999), (1_001, 1_000)])
def test_no_budget_is_larger_than_the_bound(monkeypatch, asked, given) -> None:
    monkeypatch.setattr(reading, "EXPANDED_BYTES_MAX", 1_000)
    assert Budget(asked).bytes_left == given


def test_so_many_bytes_may_come_out_of_so_many() -> None:
    budget = Budget()
    assert budget.room(0) == FREE
    assert budget.room(FREE // RATIO) == FREE
    assert budget.room(1_000) == 1_000 * RATIO
    assert Budget(5).room(1_000) == 5


def test_a_ratio_that_is_too_high_spends_no_budget() -> None:
    budget = Budget(1_000)
    budget.exceeded(999)
    assert not budget.spent
    budget.exceeded(1_000)
    assert budget.spent


def test_a_stream_of_just_as_many_bytes_is_read() -> None:
    data = gzip.compress(b"a" * 500)
    assert read(data, budget=Budget(500)).texts == [(b"a" * 500, 2)]
    assert opaque(data, budget=Budget(499)) == ["unexpanded"]


def test_a_text_is_read_three_deep_and_an_archive_two() -> None:
    assert texts_of(b"some words", 3) == [(b"some words", 3)]
    assert opaque(b"some words", 4) == ["unexpanded"]
    assert texts_of(gzip.compress(b"some words"), 2) == [(b"some words", 3)]
    for packed in (gzip.compress(PNG), zlib.compress(PNG), zipped(("a.png", PNG))):
        assert opaque(packed, 3) == ["unexpanded"]
        assert "image" in opaque(packed, 2)


def test_so_many_members_and_streams_are_read(monkeypatch) -> None:
    monkeypatch.setattr(reading, "MEMBERS_MAX", 3)
    three = [(f"{n}", b"word %d" % n) for n in range(3)]
    assert opaque(zipped(*three)) == []
    assert opaque(zipped(*three, ("4", b"more"))) == ["unexpanded"]
    streams = [gzip.compress(b"one more") for _ in range(5)]
    assert opaque(b"".join(streams[:4])) == []
    assert len(texts_of(b"".join(streams[:4]))) == 4
    assert opaque(b"".join(streams)) == ["unexpanded"]


def test_streams_behind_one_another_are_as_deep_as_the_first() -> None:
    streams = gzip.compress(b"first") + gzip.compress(b"second") + b"and words"
    assert texts_of(streams, 1) == [(b"first", 2), (b"second", 2), (b"and words", 1)]


def test_an_archive_tells_its_comment_and_every_name_apart() -> None:
    found = texts_of(zipped(("a/", b""), ("b.txt", b"said"), comment=b"a comment"))
    assert found == [(b"a comment\na/\nb.txt", 2), (b"said", 2)]


def test_what_follows_an_encrypted_member_is_read() -> None:
    data = bytearray(zipped(("a", b"locked up"), ("b", b"said")))
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(sign) + at] |= 1
    found = read(bytes(data))
    assert list(found.opaque) == ["encrypted"]
    assert (b"said", 2) in found.texts


@pytest.mark.parametrize(("size", "kinds"), [(767, []), (768, ["binary"])])
def test_bytes_without_a_form_are_opaque_from_a_size_on(size: int, kinds: list[str]) -> None:
    assert opaque(NOISE[:size]) == kinds
    assert opaque(b"\x1f\x8b\x08\x00" + NOISE[: size - 4]) == kinds


@pytest.mark.parametrize(("count", "kinds"), [(MANY - 1, []), (MANY, ["binary"])])
def test_a_repetition_of_few_bytes_is_not_opaque(count: int, kinds: list[str]) -> None:
    assert opaque(bytes(range(0x80, 0x80 + count)) * 60) == kinds


@pytest.mark.parametrize("front", [1, 2_000, 4_096, 9_000])
def test_the_kinds_of_bytes_are_counted_wherever_they_stand(front: int) -> None:
    assert opaque(bytes([0x80, 0x81]) * front + NOISE[:900]) == ["binary"]


def test_what_is_printed_among_few_other_bytes_is_read() -> None:
    found = reading.Reading(reading.Budget())
    found.read(b"\x80" * 900 + b"no \x814532\x80", 1)
    assert found.texts == [(b"no 4532", 1)]


# --- what bytes are


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image"),
        (b"\x89PNG\r\n\x1a\n...", ""),
        (b"\xff\xd8\xff\xe0........", "image"),
        (b"GIF89a\x80\x80\x80\x80\x80\x80", "image"),
        (b"GIF89a is a form of pictures", ""),
        (b"BM\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", "image"),
        (b"BMW makes cars", ""),
        (b"II*\0\x80\x80\x80\x80\x80\x80\x80\x80", "image"),
        (b"MM\0*\x80\x80\x80\x80\x80\x80\x80\x80", "image"),
        (b"8BPS is no word at all", "image"),
        (b"%PDF-1.7 and more", "pdf"),
        (b"ID3\x80\x80\x80\x80\x80\x80\x80\x80\x80", "audio"),
        (b"ID3 is a mark of sound", ""),
        (b"fLaC........", "audio"),
        (b"\x1aE\xdf\xa3........", "video"),
        (b"Rar!\x1a\x07......", "archive"),
        (b"\xfd7zXZ\0......", "archive"),
        (b"BZh9\x80\x80\x80\x80\x80\x80\x80\x80", "archive"),
        (b"BZhang wrote this", ""),
        (b"\x28\xb5\x2f\xfd........", "archive"),
        (b"RIFF....WEBP", "image"),
        (b"RIFF....WAVE", "audio"),
        (b"RIFF....AVI ", "video"),
        (b"RIFF....else", ""),
        (b"Riff-raff is no sound", ""),
        (b"....ftypheic", "image"),
        (b"....ftypmif1", "image"),
        (b"....ftypavif", "image"),
        (b"....ftypisom", "video"),
        (b"words, and nothing else", ""),
    ],
)
def test_the_first_bytes_say_what_it_is(data: bytes, kind: str) -> None:
    assert media_kind(data) == kind


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PK\x03\x04", "zip"),
        (b"PK\x05\x06", "zip"),
        (b"PK\x01\x02", ""),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x1f\x8b\x09", ""),
        (b"\x78\x01", "zlib"),
        (b"\x78\x5e", "zlib"),
        (b"\x78\x9c", "zlib"),
        (b"\x78\xda", "zlib"),
        (b"\x78\x9d", ""),
        (b"\x79\x9c", ""),
        (b"\x78", ""),
        (b"", ""),
    ],
)
def test_an_archive_is_known_by_its_first_bytes(data: bytes, what: str) -> None:
    assert reading.expansion(data) == what


@pytest.mark.parametrize("level", [1, 5, 6, 9])
def test_what_zlib_packs_is_unpacked_whatever_the_effort(level: int) -> None:
    assert texts_of(zlib.compress(b"some words " * 9, level)) == [(b"some words " * 9, 2)]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", b""),
        (b"words\t\r\n", b"words\t\r\n"),
        ("größer".encode(), "größer".encode()),
        # Cut in the middle of a character, as a window is.
        ("größer 😀".encode()[:-1], "größer 😀".encode()[:-1]),
        (b"\xc3", None),
        # Six of ten that are printed, and five of ten.
        (b"abcdef" + b"\x80" * 4, b"abcdef" + b"\x80" * 4),
        (b"abcde" + b"\x80" * 5, None),
        (b"\x01\x02ab", None),
        (b"abc\x01", b"abc\x01"),
        # What is no character stands between others.
        (b"a\0b", b"ab"),
        (b"\0" * 9, None),
        (b"\0", None),
    ],
)
def test_text_is_what_is_mostly_printed(data: bytes, text: bytes | None) -> None:
    assert as_text(data) == text


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_wide_text_is_known_by_its_empty_bytes(order: str) -> None:
    # Six of twenty bytes are empty: as few as may be.
    few = "abcdefЖЖЖЖ"
    assert as_text(few.encode(order)) == few.encode()
    assert as_text(b"\0".join(b"%c" % one for one in b"a secret")) == b"a secret"
    assert as_text(b"\0" + b"\0".join(b"%c" % one for one in b"a secret")) == b"a secret"
    assert as_text("a secret".encode(order) + b"\0") == b"a secret"
    fewer = "abcdeЖЖЖЖЖ"
    assert as_text(fewer.encode(order)) != fewer.encode()
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}[order]
    assert as_text(mark + fewer.encode(order)) == fewer.encode()


def test_a_character_that_is_cut_off_has_three_bytes_at_the_most() -> None:
    assert reading._is_utf8(b"a\xf0\x9f\x98")
    assert not reading._is_utf8(b"a\xf0bcd")
    assert not reading._is_utf8(b"\xf0\x9f\x98")
    assert not reading._is_utf8(b"a\x01")


def test_words_of_xml_are_read_as_people_read_them() -> None:
    told = b"<w:p><w:t>a &lt;b&gt; &amp;lt; &quot;c&apos;</w:t></w:p><w:br/>d<row>e</row><i>f</i>"
    assert reading.words_of_xml(told) == b"a <b> &lt; \"c'\n\nde\nf"
    assert texts_of(b"<a>cut<b/>ting</a>") == [
        (b"<a>cut<b/>ting</a>", 1),
        (b"cutting", 1),
    ]
    assert len(texts_of(b"  \n<?xml version='1'?><a>b</a>")) == 2
    assert len(texts_of(b"  <a>b</a>")) == 1
    assert len(texts_of(b"a < b")) == 1


def test_words_of_xml_count_against_the_budget() -> None:
    told = b"<a>cutting</a>"
    assert read(told, budget=Budget(len(told) + 7)).opaque == {}
    assert opaque(told, budget=Budget(len(told) + 6)) == ["unexpanded"]
