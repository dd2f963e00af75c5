"""What texts hide is found, in bounded work; what stays unread is said to be opaque."""

import base64
import gzip
import io
import zipfile
import zlib
from typing import Any
from urllib.parse import quote

import pytest

from gateway.classification.unfolding import reading, runs, unfolder
from gateway.domain.decision import Finding
from tests.doubles.compiled_detectors import a_detector
from tests.doubles.dice import dice
from tests.doubles.scans import b64, kinds, scan
from tests.doubles.vendor_secrets import FORMATS, Draw

pytestmark = pytest.mark.anyio

PAT = FORMATS["github-pat"](Draw("unfolding"))
SAID = f"export GITHUB_TOKEN={PAT} # for the build, of course"
NOISE = dice("noise").randbytes(4_000)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + NOISE[:200]
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + NOISE[:300]


def zipped(*members: tuple[str, bytes | str], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packed) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


async def opaque(body: Any) -> set[str]:
    return {one.kind for one in (await scan(body)).findings if one.detector == "opaque"}


SECRET = "secrets/github-pat"
WRAPPED = base64.encodebytes((SAID * 4).encode()).decode()

CUT = f"<?xml ?><w:p><w:t>{PAT[:9]}</w:t><w:t>{PAT[9:]}</w:t></w:p>"

HIDDEN = {
    "base64": b64(SAID),
    "base64 of a short text": f"see {b64(PAT)}.",
    "base64url": base64.urlsafe_b64encode(f"~~~???>>>{SAID}".encode()).decode(),
    "base64 without padding": b64(SAID).rstrip("="),
    "base64 over lines": f"Content:\n{WRAPPED}\nbye",
    "base64 over lines with blanks": WRAPPED.replace("\n", "\n    "),
    "base64 over lines of Windows": WRAPPED.replace("\n", "\r\n"),
    "base64 behind a path": f"key/{b64(SAID)}",
    "base64 twice": b64(b64(SAID)),
    "base64 three times": b64(b64(b64(SAID))),
    "base64 of UTF-16": b64(SAID.encode("utf-16-le")),
    "base64 of UTF-16 with a mark": b64(SAID.encode("utf-16")),
    "base64 of UTF-16 without its last byte": b64(PAT.encode("utf-16-le")[:-1]),
    "base64 of JSON with escapes": b64('{"t": "\\u0067hp_' + PAT[4:] + '"}'),
    "base64 of words with escapes": b64("my token is \\u0067hp_" + PAT[4:]),
    "escapes at the beginning of a long text": f"\\u0067hp_{PAT[4:]} " + "and so on " * 9_000,
    "base64 of bytes around": b64(b"\x80\x04\x95" + SAID.encode() + b"\x94."),
    "hex": SAID.encode().hex(),
    "hex in capitals": f"0x{SAID.encode().hex().upper()}",
    "hex at an odd place": f"a{SAID.encode().hex()}",
    "hex dump over lines": "\n".join(
        (SAID * 20).encode().hex()[at : at + 60] for at in range(0, 1800, 60)
    ),
    "escaped hex": "".join(f"\\x{one:02x}" for one in SAID.encode()),
    "percent": quote(SAID, safe=""),
    "percent everywhere": "".join(f"%{ord(one):02X}" for one in SAID),
    "percent in a query": f"https://x.io/?q={PAT.replace('_', '%5f')}&b=1",
    "many invisible characters": f"{PAT[:9]}{chr(0x200B) * 300}{PAT[9:]}",
    "gzip": b64(gzip.compress(SAID.encode())),
    "zlib": b64(zlib.compress(SAID.encode())),
    "gzip behind gzip": b64(gzip.compress(b"hello") + gzip.compress(SAID.encode())),
    "the name of a member": b64(zipped((f"{PAT}.txt", "hello"))),
    "gzip in hex": gzip.compress(SAID.encode()).hex(),
    "zip": b64(zipped(("a.txt", SAID))),
    "zip, stored": b64(zipped(("a.txt", SAID), packed=zipfile.ZIP_STORED)),
    "zip in zip": b64(zipped(("b.zip", zipped(("a.txt", SAID))))),
    "data URL": f"data:text/plain;base64,{b64(SAID)}",
    "data URL of a picture that is text": f"data:image/svg+xml;base64,{b64(f'<svg>{SAID}</svg>')}",
    "data URL of percent signs": f"data:text/plain,{quote(SAID)}",
    "office": b64(zipped(("word/document.xml", f"<w:p><w:t>{SAID}</w:t></w:p>"))),
    "office with a cut word": b64(zipped(("word/document.xml", CUT))),
    "zero width": "\u200b".join(PAT),
    "a soft hyphen": f"{PAT[:12]}\u00ad{PAT[12:]}",
    "a word joiner and a mark of direction": f"{PAT[:3]}\u2060{PAT[3:20]}\u202e{PAT[20:]}",
    "a combining mark": f"{PAT[:9]}\u0338{PAT[9:]}",
    "full width": "".join(chr(ord(one) + 0xFEE0) for one in PAT),
    "mathematical letters": "".join(
        chr(0x1D7F6 + int(one)) if one.isdigit() else one for one in PAT
    ),
    "look-alikes": PAT.replace("p", "\u0440", 1),
    "a look-alike beside the underscore": PAT.replace("h", "\u04bb", 1),
    "base64 of look-alikes": b64(f"token {PAT.replace('p', chr(0x440), 1)} is here"),
}  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
async def test_a_hidden_secret_is_found(name: str) -> None:
    assert SECRET in await kinds(f"please look: {HIDDEN[name]}")
    assert SECRET in await kinds({"m": [{"content": HIDDEN[name]}]})


async def test_a_card_and_a_mark_are_found_through_their_disguise() -> None:
    assert "personal/payment-card" in await kinds("card 4539\u00a01488\u20090343\u20116467")
    assert "personal/payment-card" in await kinds("card \u0664539 1488 0343 6467")
    assert "markings/tlp-red" in await kinds("TLP:R\u0415D")
    assert "markings/office-label" in await kinds(
        b64(
            zipped(
                (
                    "docProps/custom.xml",
                    '<property name="MSIP_Label_3e9f1c2a-0b4d-4c6e-8f11-2a3b4c5d6e7f_Enabled"/>',
                )
            )
        )
    )


def at(finding: Finding) -> tuple[str, int, int]:
    return finding.path, finding.start, finding.end


async def test_a_decoded_finding_has_the_place_of_what_was_decoded() -> None:
    text = f"see {b64(SAID)}, bye"
    (finding,) = [one for one in (await scan(text)).findings if one.kind == "github-pat"]
    assert at(finding) == ("/x", 4, len(text) - 5)


async def test_a_folded_finding_has_the_characters_that_were_folded() -> None:
    text = f"ärgerlich: {PAT[:9]}\u200b\u200b{PAT[9:]} é"
    (finding,) = [one for one in (await scan(text)).findings if one.kind == "github-pat"]
    assert at(finding) == ("/x", 11, 11 + len(PAT) + 2)


async def test_what_stands_in_plain_sight_is_one_finding() -> None:
    found = (await scan(f"{PAT} and %20%41 or\u200b so")).findings
    assert [(one.kind, *at(one)) for one in found] == [("github-pat", "/x", 0, len(PAT))]


async def test_the_same_text_has_the_same_fingerprint_wherever_it_is_hidden() -> None:
    (plain,) = (await scan(PAT)).findings
    (hidden,) = [one for one in (await scan(HIDDEN["gzip"])).findings if one.kind == plain.kind]
    assert plain.fingerprint == hidden.fingerprint
    assert len(plain.fingerprint) == 32
    (other,) = (await scan(FORMATS["github-pat"](Draw("another")))).findings
    assert other.fingerprint != plain.fingerprint


UNREAD = {
    "a picture": ("image", b64(PNG)),
    "a picture in a data URL": ("image", f"data:image/png;base64,{b64(PNG)}"),
    "a picture without a form": ("image", f"data:image/x-own;base64,{b64(NOISE[:90])}"),
    "a PDF": ("pdf", b64(PDF)),
    "a PDF by its word": ("pdf", f"data:application/pdf;base64,{b64(NOISE[:90])}"),
    "sound": ("audio", b64(b"RIFF\x24\0\0\0WAVEfmt " + NOISE[:90])),
    "sound of another form": ("audio", b64(b"OggS\0\2" + NOISE[:90])),
    "a film": ("video", b64(b"\0\0\0\x20ftypisom" + NOISE[:90])),
    "a picture of a telephone": ("image", b64(b"\0\0\0\x20ftypheic" + NOISE[:90])),
    "an old document": ("document", b64(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NOISE[:90])),
    "an archive of another form": ("archive", b64(b"7z\xbc\xaf\x27\x1c" + NOISE[:90])),
    "bytes without a form": ("binary", b64(NOISE)),
    "bytes over lines": ("binary", base64.encodebytes(NOISE).decode()),
    "bytes in hex": ("binary", NOISE.hex()),
    "a picture in an archive": ("image", b64(zipped(("a.txt", "hello"), ("b.png", PNG)))),
    "a picture in hex": ("image", PNG.hex()),
    "four times": ("unexpanded", b64(b64(b64(b64(SAID))))),
    "an archive four deep": (
        "unexpanded",
        b64(zipped(("c", zipped(("b", zipped(("a.txt", SAID))))))),
    ),
    "a bomb": ("unexpanded", b64(gzip.compress(bytes(20_000_000)))),
    "a bomb in an archive": ("unexpanded", b64(zipped(("a", bytes(20_000_000))))),
    "many members": ("unexpanded", b64(zipped(*((f"{n}", "x") for n in range(201))))),
    "a torn archive": ("binary", b64(zipped(("a.txt", NOISE))[:3_000])),
    "many streams": ("unexpanded", b64(gzip.compress(b"x") * 202)),
    "a torn stream": ("binary", b64(b"\x1f\x8b\x08\0" + NOISE)),
}


@pytest.mark.parametrize("name", UNREAD)
async def test_what_cannot_be_read_is_opaque(name: str) -> None:
    kind, text = UNREAD[name]
    assert await opaque(text) == {kind}
    assert await opaque({"content": [{"source": {"data": text}}]}) == {kind}


async def test_an_encrypted_member_is_opaque() -> None:
    data = bytearray(zipped(("a.txt", SAID)))
    for sign in (b"PK\x03\x04", b"PK\x01\x02"):
        data[data.find(sign) + (6 if sign[2] == 3 else 8)] |= 1
    assert await opaque(b64(bytes(data))) == {"encrypted"}


async def test_a_member_packed_in_another_way_is_opaque() -> None:
    data = bytearray(zipped(("a.txt", SAID * 40)))
    for sign in (b"PK\x03\x04", b"PK\x01\x02"):
        data[data.find(sign) + (8 if sign[2] == 3 else 10)] = 99
    assert await opaque(b64(bytes(data))) == {"binary"}


PUBLIC = {
    "a hash": dice("h").randbytes(32).hex(),
    "hashes below one another": "\n".join(dice(f"{n}").randbytes(32).hex() for n in range(90)),
    "names below one another": "\n".join(b64(dice(f"{n}").randbytes(24)) for n in range(90)),
    "a public key": "ssh-rsa " + b64(b"\0\0\0\x07ssh-rsa" + NOISE[:900]),
    "a certificate": b64(b"0\x82\x05\x000\x82\x04\x00" + NOISE[:1_200]),
    "a repetition": "a" * 5_000,
    "a repetition in hex": "4" * 5_000,
    "a long name": "test_what_cannot_be_read_is_opaque_in_any_case_" * 30,
    "a signature": b64(NOISE[:512]),
    "words": "the quick brown fox jumps over the lazy dog " * 200,
    "Russian": "Как называется функция print() в Python3? Ответ: она так и называется. " * 20,
    "Chinese": "\u8bf7\u7528Python\u5199\u4e00\u4e2a\u51fd\u6570\uff0c\u8c22\u8c22\u3002" * 50,
    "what only begins like a stream": b64(b"\x78\x9c" + NOISE[:40]),
    "an empty archive": b64(zipped()),
    "a folder": b64(zipped(("a/", b""))),
}


@pytest.mark.parametrize("name", PUBLIC)
async def test_what_everybody_writes_is_not_opaque(name: str) -> None:
    assert await kinds(PUBLIC[name]) == set()


SEALED = b64(NOISE)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "thinking", "thinking": "hm", "signature": SEALED},
        {"type": "redacted_thinking", "data": SEALED},
        {"type": "reasoning", "encrypted_content": SEALED},
        {"text": "hm", "thoughtSignature": SEALED},
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": SEALED}}},
    ],
)
async def test_reasoning_that_a_vendor_sealed_is_a_tag_of_its_own(part: dict[str, Any]) -> None:
    (finding,) = (await scan({"messages": [{"content": [part]}]})).findings
    assert (finding.detector, finding.kind, finding.tag_only) == ("opaque", "reasoning", True)


@pytest.mark.parametrize(
    "part",
    [
        {"signature": SEALED},
        {"type": "text", "data": SEALED},
        {"type": "tool_result", "encrypted_content": SEALED},
        {"type": "thinking", "thinking": "hm", "signature": b64(PNG)},
        {"type": "thinking", "thinking": "hm", "signature": [SEALED]},
    ],
)
async def test_what_only_looks_like_sealed_reasoning_is_opaque(part: dict[str, Any]) -> None:
    (finding,) = (await scan({"messages": [{"content": [part]}]})).findings
    assert (finding.detector, finding.tag_only) == ("opaque", False)
    assert finding.kind in {"binary", "image"}


async def test_the_body_is_not_expanded_beyond_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "EXPANDED_BYTES_MAX", 100)
    assert await opaque(f"{b64('some words ' * 20)}") == {"unexpanded"}
    assert await opaque("%41" * 200) == {"unexpanded"}
    assert await opaque(b64(f"<a>{'b' * 60}</a>")) == {"unexpanded"}


async def test_more_places_than_are_looked_at_are_opaque(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfolder, "MATCHES_MAX", 3)
    assert await opaque(f"{SAID.encode().hex()} " * 5) == {"unexpanded"}


@pytest.mark.parametrize(
    ("kind", "one", "hidden"),
    [
        ("percent", "%41 ", PAT.replace("h", "%68")),
        ("fold", "a\u200bb ", PAT.replace("p", "\u200bp")),
        ("base64", b64(NOISE[:30]) + " ", b64(SAID)),
        ("base64", b64(NOISE[:30]) + "\n", "= " + b64(SAID)),
        ("base64", PAT.lower() + ", ", b64(SAID)),
    ],
)
async def test_what_stands_behind_many_others_is_found(
    monkeypatch: pytest.MonkeyPatch, kind: str, one: str, hidden: str
) -> None:
    monkeypatch.setitem(unfolder.MANY_ALONE, kind, 4)
    monkeypatch.setattr(unfolder, "RUNS_MAX", 90)
    many = one * 80 + " " * 500
    found = {finding.kind for finding in (await scan(many + hidden)).findings}
    assert found - {"generic-api-key"} == {"github-pat"}


async def test_more_words_than_are_judged_are_opaque_and_small_letters_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(unfolder.MANY_ALONE, "base64", 4)
    monkeypatch.setattr(unfolder, "RUNS_MAX", 3)
    words = [b64(NOISE[at : at + 30]) for at in range(0, 120, 30)]
    assert await opaque(", ".join(words)) == {"unexpanded"}
    assert await opaque(", ".join([*words[:3], words[3].lower()])) == set()


async def test_of_too_many_words_the_first_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(unfolder.MANY_ALONE, "base64", 4)
    monkeypatch.setattr(unfolder, "RUNS_MAX", 3)
    monkeypatch.setattr(unfolder, "RUNS_READ", 2)
    words = [b64(NOISE[at : at + 30]) for at in range(0, 120, 30)]
    for place, seen in ((0, {"github-pat"}), (1, {"github-pat"}), (2, set())):
        told = ", ".join([*words[:place], b64(SAID), *words[place:]])
        kinds = {finding.kind for finding in (await scan(told)).findings}
        assert kinds - {"generic-api-key"} == seen | {"unexpanded"}


async def test_more_letters_than_are_folded_are_opaque(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfolder, "FOLDED_BYTES_MAX", 30)
    assert await opaque("a\u200bb" * 20) == {"unexpanded"}


async def test_more_tags_than_are_read_are_opaque(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "TAGS_MAX", 3)
    assert await opaque(b64(f"<a>{'<b/>' * 20}</a>")) == {"unexpanded"}


async def test_the_bound_of_opaque_hits_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfolder, "OPAQUE_MAX", 2)
    result = await scan({"x": [*(b64(PNG + bytes((one,))) for one in range(3)), b64(NOISE)]})
    assert [one.kind for one in result.findings] == ["image", "image", "binary"]


def test_a_run_in_front_of_an_end_is_one() -> None:
    assert list(runs.runs(b" abc  ", [5, 5, 6], b"abc")) == [(1, 4)]
    assert list(runs.joined(b"ab!!", [3, 4])) == [(0, 2)]


def test_texts_that_stand_alone_hold_no_sealed_reasoning() -> None:
    hits = a_detector("opaque").scan(b"\n\xff\n" + b64(NOISE).encode() + b"\n\xff\n").hits
    assert [hit.kind for hit in hits] == ["binary"]


async def test_a_secret_spelled_beside_a_torn_escape_is_found_at_its_place() -> None:
    spelled = "".join(f"\\x{one:02x}" for one in PAT.encode())
    text = rf"say \x6{spelled}\x0;"
    (finding,) = (await scan(text)).findings
    assert (finding.kind, text[finding.start : finding.end]) == ("github-pat", spelled)
