"""What stands beside something else, or behind a bound, is seen all the same."""

import gzip
import io
import zipfile
import zlib
from itertools import pairwise

import msgspec
import pytest

from gateway.classification.unfolding import lines, screening, unfolder
from tests.doubles.dice import dice
from tests.doubles.scans import b64, kinds
from tests.doubles.vendor_secrets import FORMATS, Draw

pytestmark = pytest.mark.anyio

PAT = FORMATS["github-pat"](Draw("unseen"))
SECRET = "secrets/github-pat"
NOISE = dice("unseen").randbytes(6_000)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + NOISE
DECOY = "aB3dE5gH7jK9mN1pQ3rS5tU7vX9zA1bC3dE5gH7jK9mN1pQ3rS5tU7vX9zA1bC3dE5"


def wrapped(data: bytes, width: int, line_break: str = "\n") -> str:
    text = b64(data)
    return line_break.join(text[at : at + width] for at in range(0, len(text), width))


# --- lines of base64


@pytest.mark.parametrize("size", [24, 25, 26, 27, 60, 61])
@pytest.mark.parametrize("line_break", ["\n", "\r\n  ", "\\n", "\\r\\n"])
async def test_base64_is_read_below_a_line_that_is_none_of_its(size: int, line_break: str) -> None:
    text = f"{DECOY[:size]}{line_break}{b64(PAT).rstrip('=')}"
    assert await kinds(f"x = '{text}'") == {SECRET}
    picture = f"{DECOY[:size]}{line_break}{wrapped(PNG, 76, line_break)}"
    assert await kinds(picture) in ({"opaque/image"}, {"opaque/binary"})


async def test_base64_is_read_in_each_of_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [b64(NOISE[at : at + 20 + at % 7])[:-2] for at in range(0, 5_000, 13)]
    assert await kinds("\n".join(words)) == set()
    at = len(words) // 2
    text = "\n".join([*words[:at], b64(f"token {PAT}").rstrip("="), *words[at:]])
    assert await kinds(text) == {SECRET}
    monkeypatch.setattr(unfolder, "RUNS_MAX", 0)
    assert await kinds(text) == {"opaque/unexpanded"}


async def test_what_was_packed_is_read_once_however_it_is_wrapped() -> None:
    packed = gzip.compress(PAT.encode() + NOISE[:100].hex().encode(), mtime=0)
    for width in (40, 57, 64, 76):
        assert await kinds(wrapped(packed, width)) == {SECRET}


@pytest.mark.parametrize(
    ("run", "found"),
    [
        (f"{'A' * 76}\n{'B' * 76}\n{'C' * 30}", ["A" * 76, "B" * 76, "C" * 30]),
        (f"{'A' * 24}\n{'B' * 60}\n{'C' * 9}", ["A" * 24, "B" * 60, f"{'B' * 60}\n{'C' * 9}"]),
        (f"{'A' * 59}\r\n \r\n{'B' * 59}==", ["A" * 59, "B" * 59]),
        (f"{'A' * 30}\n{'B' * 20}", ["A" * 30]),
    ],
)
def test_a_run_of_lines_has_parts(run: str, found: list[str]) -> None:
    assert [run[first:last] for first, last in lines.parts(run.encode())] == found


def test_a_long_run_of_wrapped_text_is_one_part() -> None:
    text = "\n".join(["A" * 76] * 60)
    assert lines.parts(text.encode()) == []
    below = f"{text}\n{'B' * 30}\n{text}"
    begins = [below[first] for first, _ in lines.parts(below.encode())]
    assert begins == ["A", "A"]
    assert all(last < first for (_, last), (first, _) in pairwise(lines.parts(below.encode())))


@pytest.mark.parametrize("sign", ["/", "-", "_"])
@pytest.mark.parametrize("size", [1, 61, 62, 66, 69, 70])
async def test_base64_is_read_in_each_segment_of_a_path(sign: str, size: int) -> None:
    said = b64(PAT).rstrip("=")
    assert await kinds(f"https://x.io/{'a' * size}{sign}{said}") == {SECRET}
    decoy = b64("a text that says nothing of what follows behind it " * 3).rstrip("=")
    assert await kinds(f"{decoy}{'A' * (size % 4)}{sign}{said}") == {SECRET}


async def test_segments_are_read_among_very_many_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(unfolder.MANY_ALONE, "base64", 100)
    words = [f"{b64(NOISE[at : at + 30])}/{DECOY[:61]}" for at in range(0, 5_000, 31)]
    said = f"{DECOY[:61]}/{b64(PAT).rstrip('=')}"
    assert await kinds([" ".join(words), "behind"]) == set()
    assert await kinds([" ".join([*words, said]), "behind"]) == {SECRET}


def test_spans_that_begin_at_one_place_are_screened_each() -> None:
    lines_of = [b64(NOISE[at : at + 45]) for at in range(0, 4_500, 45)]
    text = " ".join(lines_of).encode()
    spans = [(at, at + 60) for at in range(0, len(text), 61)]
    assert len(screening.noiseless(text, spans)) < len(spans)
    wide = [(start, stop + 61) for start, stop in spans[:-1:2]]
    assert {*wide} <= {*screening.noiseless(text, sorted([*spans, *wide]))}


# --- spellings


async def test_percent_signs_are_read_beside_one_that_is_none() -> None:
    said = "".join(f"%{one:02X}" for one in PAT.encode())
    for behind in ("%", "%%", "% of it", "%0", "%4", "%zz", "%00"):
        assert await kinds(f"{said}{behind}") == {SECRET}


async def test_what_is_no_ascii_is_read_in_percent_signs() -> None:
    assert await kinds("4532%C2%A09901%C2%A02345%C2%A06783") == {"personal/payment-card"}
    assert await kinds("x%0ACONFIDENTIAL%0Ay") == {"markings/banner-confidential"}


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be", "utf-16"])
async def test_utf_16_is_read_in_hex(order: str) -> None:
    assert await kinds(f"x {PAT.encode(order).hex()}") == {SECRET}


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
async def test_json_inside_json_is_read_in_what_was_decoded(layers: int) -> None:
    said = '{"q": "' + "".join(f"\\u{ord(one):04x}" for one in PAT) + '"}'
    for _ in range(layers):
        said = msgspec.json.encode({"q": said}).decode()
    assert await kinds(b64(said)) == {SECRET}


async def test_more_layers_of_json_than_are_read_are_opaque() -> None:
    said = '{"q": "' + "".join(f"\\u{ord(one):04x}" for one in "some words of no matter") + '"}'
    for _ in range(4):
        said = msgspec.json.encode({"q": said}).decode()
    assert await kinds(b64(said)) == {"opaque/unexpanded"}


@pytest.mark.parametrize(
    "zero", ["\u0660", "\u0966", "\u09e6", "\u0e50", "\u0f20", "\u17e0", "\ua620"]
)
async def test_digits_of_every_script_are_read(zero: str) -> None:
    number = "4532 9901 2345 6783"
    said = "".join(chr(ord(zero) + int(one)) if one.isdigit() else one for one in number)
    assert "personal/payment-card" in await kinds(f"card: {said}")
    assert "personal/payment-card" in await kinds(f"card: {said.replace(' ', '')}")


@pytest.mark.parametrize(
    "code",
    [0x591, 0x600, 0x64B, 0x180B, 0x1AB0, 0x1DC4, 0x20DD, 0x3099, 0xFE20, 0xFFF9, 0x1BCA0, 0x1D173],
)
async def test_marks_and_signs_that_are_not_seen_are_left_out(code: int) -> None:
    assert await kinds(f"token {PAT[:9]}{chr(code)}{PAT[9:]}") == {SECRET}


# --- bytes


@pytest.mark.parametrize("number", ["4532990123456783", "4532 9901 2345 6783"])
async def test_what_stands_behind_a_repetition_is_read(number: str) -> None:
    assert await kinds(b64(b"\x80" * 5_000 + number.encode())) == {"personal/payment-card"}


@pytest.mark.parametrize("head", [b"\0\0\0\x07ssh-rsa", b"0\x82\x06\x0a0\x82"])
async def test_what_is_printed_in_a_public_key_is_read(head: bytes) -> None:
    high = bytes(one | 0x80 for one in NOISE[:1_500])
    assert await kinds(b64(head + high)) == set()
    assert await kinds(b64(head + high + PAT.encode())) == {SECRET}
    assert await kinds(b64(head + high * 6)) == {"opaque/binary"}


@pytest.mark.parametrize("at", [-1, -5])
async def test_what_was_packed_is_read_up_to_where_it_is_torn(at: int) -> None:
    for packed in (gzip.compress(PAT.encode(), mtime=0), zlib.compress(PAT.encode())):
        torn = bytearray(packed)
        torn[at] ^= 1
        assert SECRET in await kinds(b64(bytes(torn)))


@pytest.mark.parametrize("flags", [4, 8, 16, 28])
async def test_the_head_of_what_was_packed_is_read(flags: int) -> None:
    packed = gzip.compress(b"nothing of matter", mtime=0)
    fields = {
        4: (len(PAT) + 4).to_bytes(2, "little") + b"xx\x28\0" + PAT.encode(),
        8: PAT.encode() + b"\0",
        16: PAT.encode() + b"\0",
    }
    said = b"".join(field for flag, field in fields.items() if flags & flag)
    data = packed[:3] + bytes((flags,)) + packed[4:10] + said + packed[10:]
    assert gzip.decompress(data) == b"nothing of matter"
    assert await kinds(b64(data)) == {SECRET}
    assert await kinds(b64(data[: 10 + len(said) - 1])) <= {SECRET}


async def test_what_stands_behind_an_archive_is_read() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "nothing of matter")
    assert await kinds(b64(out.getvalue())) == set()
    assert await kinds(b64(out.getvalue() + PAT.encode())) == {SECRET}


# --- room


async def test_sealed_reasoning_takes_no_room_from_what_is_opaque() -> None:
    thoughts = [
        {"type": "thinking", "thinking": "x", "signature": b64(NOISE[at : at + 800])}
        for at in range(260)
    ]
    body = {"behind": [{"of": [b64(PNG)]}], "messages": thoughts}
    assert await kinds(body) == {"opaque/reasoning", "opaque/image"}
