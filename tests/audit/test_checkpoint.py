"""Checkpoints; the foreign note is the example of the C2SP signed-note page (CC BY 4.0)."""

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.audit.checkpoint import (
    NOTE_CHARACTERS_MAX,
    SIGNATURES_MAX,
    Checkpoint,
    NoteRefused,
    body,
    is_origin,
    parse,
    parse_vkey,
    sign,
    verify,
    vkey_of,
)

ORIGIN = "perimeter.example/gw-0"
ROOT = bytes(range(32))
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
VKEY = vkey_of(ORIGIN, KEY)
TEXT = body(ORIGIN, 42, ROOT)
NOTE = sign(TEXT, ORIGIN, KEY)
FOREIGN_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOREIGN_SIGNATURE = (
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
)


def test_a_checkpoint_has_the_form_that_other_tools_read() -> None:
    lines = NOTE.split("\n")
    assert lines[:4] == [ORIGIN, "42", b64encode(ROOT).decode(), ""]
    assert lines[4].startswith(f"— {ORIGIN} ")
    assert lines[5:] == [""]
    assert verify(NOTE, VKEY) == Checkpoint(ORIGIN, 42, ROOT)
    assert parse(TEXT) == Checkpoint(ORIGIN, 42, ROOT)


def test_a_verifier_key_has_the_form_that_other_tools_read() -> None:
    assert parse_vkey(str(VKEY)) == VKEY
    assert parse_vkey(f"{VKEY}\n") == VKEY
    foreign = parse_vkey(FOREIGN_VKEY)
    assert str(foreign) == FOREIGN_VKEY
    assert foreign.key_id.hex() == "530d903a"


def test_a_signature_of_another_implementation_fits_its_key() -> None:
    foreign = parse_vkey(FOREIGN_VKEY)
    data = b64decode(FOREIGN_SIGNATURE)
    assert data[:4] == foreign.key_id
    public = Ed25519PublicKey.from_public_bytes(foreign.public)
    public.verify(data[4:], b"This is an example message.\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace("\n42\n", "\n43\n"),
        lambda note: note.replace(ORIGIN, "perimeter.example/gw-1"),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.removesuffix("\n"),
        lambda note: note + "more\n",
        lambda note: note.split("— ", maxsplit=1)[0],
        lambda note: note.replace("— ", "- "),
        lambda note: note.replace("\n42\n", "\n042\n"),
        lambda note: note.replace("\n42\n", "\n-42\n"),
        lambda note: note.replace("\n42\n", "\n٤\n"),
        lambda note: "\n" + note,
        lambda note: note.replace("\n\n", "\nextension\n\n"),
        lambda note: note + "x" * NOTE_CHARACTERS_MAX,
        lambda _: "",
        lambda note: note.replace(b64encode(ROOT).decode(), b64encode(ROOT[:31]).decode()),
        lambda note: note.replace(b64encode(ROOT).decode(), "AAECAw=="),
        lambda note: note.replace(b64encode(ROOT).decode(), "AAECAx=="),
        lambda note: note.replace(b64encode(ROOT).decode(), "!"),
    ],
)
def test_a_changed_checkpoint_is_refused(change) -> None:
    changed = change(NOTE)
    assert changed != NOTE
    with pytest.raises(NoteRefused):
        verify(changed, VKEY)


def test_only_our_key_counts_and_unknown_ones_are_ignored() -> None:
    theirs = sign(TEXT, "witness.example/w", OTHER).split("\n\n")[1]
    assert verify(NOTE + theirs, VKEY).size == 42
    assert verify(f"{TEXT}\n{theirs}" + NOTE.split("\n\n")[1], VKEY).size == 42
    with pytest.raises(NoteRefused, match="not signed"):
        verify(f"{TEXT}\n{theirs}", VKEY)
    with pytest.raises(NoteRefused, match="not signed"):
        verify(sign(TEXT, ORIGIN, OTHER), VKEY)


def test_one_bad_signature_of_our_key_refuses_the_note() -> None:
    bad = VKEY.key_id + bytes(64)
    line = f"— {ORIGIN} {b64encode(bad).decode()}\n"
    with pytest.raises(NoteRefused, match="does not fit"):
        verify(NOTE + line, VKEY)


def test_a_note_has_a_bounded_number_of_signatures() -> None:
    line = NOTE.split("\n\n")[1]
    assert verify(NOTE + line * (SIGNATURES_MAX - 1), VKEY).size == 42
    with pytest.raises(NoteRefused, match="too many"):
        verify(NOTE + line * SIGNATURES_MAX, VKEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+b",
        "a+00000000+",
        f"{ORIGIN}+00000000+{str(VKEY).split('+', 2)[2]}",
        str(VKEY).replace("+A", "+B", 1),
        str(VKEY)[:-4],
        f"{ORIGIN}+{VKEY.key_id.hex()}+{b64encode(b'x' + VKEY.public).decode()}",
        f" {ORIGIN} +{VKEY.key_id.hex()}+x",
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        parse_vkey(text)


@pytest.mark.parametrize("name", ["a", "perimeter.example/gw-0", "demo/x_1", "A" * 200])
def test_an_origin_is_a_plain_name(name: str) -> None:
    assert is_origin(name)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a|b", "/a", "a/", "ä", "a\n", "A" * 201])
def test_what_is_no_origin_is_refused(name: str) -> None:
    assert not is_origin(name)
    with pytest.raises(ValueError, match="not a checkpoint"):
        body(name, 1, ROOT)


def test_a_checkpoint_that_cannot_be_is_never_written() -> None:
    for size, root in ((-1, ROOT), (1, b"")):
        with pytest.raises(ValueError, match="not a checkpoint"):
            body(ORIGIN, size, root)
    for text in ("no line feed", "an\n\nempty line\n"):
        with pytest.raises(ValueError, match="line"):
            sign(text, ORIGIN, KEY)
