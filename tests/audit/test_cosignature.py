"""Cosignatures of witnesses, as C2SP tlog-cosignature defines `cosignature/v1`."""

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import checkpoint
from gateway.audit.checkpoint import NoteRefused
from gateway.audit.cosignature import (
    Cosigner,
    cosign,
    cosignatures,
    cosigner_of,
    parse_cosigner,
    text_of,
    with_signatures,
)

ORIGIN = "perimeter.example/gw-0"
WITNESS = "witness.example/w1"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(64, 96)))
COSIGNER = cosigner_of(WITNESS, KEY)
TIME_S = 1_679_315_147
NOTE = checkpoint.sign(checkpoint.body(ORIGIN, 7, bytes(32)), ORIGIN, LOG_KEY)
# The example of the specification: its text, and the cosignature that it shows.
EXAMPLE_LINE = (
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2"
    "oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
# Published by transparency-dev/formats (Apache-2.0): the key of a public witness, and the time in a
# cosignature.
PUBLIC_WITNESS = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
PUBLIC_COSIGNATURE = (
    "ZGhGuQAAAABm/qTPeyKXD+R2rzyQsxPiP8mXum7qq/iF0u4vanlqJyocWODBt97w9uL+8qT7S5gxEHWWOworDcFiEBYJ"
    "XORmnFBOBA=="
)
PUBLIC_TIME_S = 1_727_964_367


def cosigned(note: str = NOTE, time_s: int = TIME_S) -> str:
    return with_signatures(note, [cosign(note, WITNESS, KEY, time_s)])


def test_a_witness_signs_the_checkpoint_with_the_time() -> None:
    note = cosigned()
    (found,) = cosignatures(note, [COSIGNER])
    assert (found.cosigner, found.time_s) == (WITNESS, TIME_S)
    assert note == NOTE + found.line
    told = f"cosignature/v1\ntime {TIME_S}\n{text_of(NOTE)}".encode()
    data = b64decode(found.line.split(" ")[2])
    KEY.public_key().verify(data[12:], told)
    assert data[4:12] == TIME_S.to_bytes(8)


def test_the_log_is_verified_as_before_when_witnesses_have_signed_too() -> None:
    vkey = checkpoint.vkey_of(ORIGIN, LOG_KEY)
    assert checkpoint.verify(cosigned(), vkey) == checkpoint.verify(NOTE, vkey)


def test_the_key_of_a_witness_is_read_as_it_is_written() -> None:
    assert parse_cosigner(str(COSIGNER)) == COSIGNER
    assert str(COSIGNER).split("+")[1] == COSIGNER.key_id.hex()


def test_the_example_of_the_specification_has_the_form_that_we_write() -> None:
    data = b64decode(EXAMPLE_LINE.split(" ")[2])
    assert int.from_bytes(data[4:12]) == TIME_S
    assert len(data) == len(b64decode(cosign(NOTE, WITNESS, KEY, TIME_S).split(" ")[2]))


def test_the_key_of_a_public_witness_is_read() -> None:
    assert str(parse_cosigner(PUBLIC_WITNESS)) == PUBLIC_WITNESS


def test_a_published_cosignature_says_its_time_where_ours_does() -> None:
    data = b64decode(PUBLIC_COSIGNATURE)
    ours = b64decode(cosign(NOTE, WITNESS, KEY, PUBLIC_TIME_S).split(" ")[2])
    assert data[4:12] == ours[4:12]
    assert len(data) == len(ours)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        str(checkpoint.vkey_of(WITNESS, KEY)),
        str(COSIGNER).replace("witness", "another"),
        str(COSIGNER)[:-4],
        str(Cosigner("a b", COSIGNER.public)),
        str(COSIGNER)[:-1] + "!",
    ],
)
def test_what_is_no_key_of_a_witness_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        parse_cosigner(text)


def test_other_witnesses_and_the_log_itself_are_ignored() -> None:
    assert cosignatures(NOTE, [COSIGNER]) == ()
    assert cosignatures(cosigned(), [cosigner_of(WITNESS, OTHER_KEY)]) == ()
    assert cosignatures(cosigned(), [cosigner_of("witness.example/w2", KEY)]) == ()


def test_a_witness_counts_once_however_often_it_signed() -> None:
    note = with_signatures(cosigned(), [cosign(NOTE, WITNESS, KEY, TIME_S + 1)])
    assert [one.time_s for one in cosignatures(note, [COSIGNER])] == [TIME_S]


def test_a_line_is_added_once() -> None:
    line = cosign(NOTE, WITNESS, KEY, TIME_S)
    assert with_signatures(cosigned(), [line, line]) == cosigned()


@pytest.mark.parametrize(
    "text",
    [
        checkpoint.body(ORIGIN, 8, bytes(32)),
        checkpoint.body(ORIGIN, 7, bytes(31) + b"\x01"),
        checkpoint.body("perimeter.example/gw-1", 7, bytes(32)),
    ],
)
def test_a_cosignature_of_another_text_refuses_the_note(text: str) -> None:
    line = cosign(NOTE, WITNESS, KEY, TIME_S)
    with pytest.raises(NoteRefused):
        cosignatures(f"{text}\n{line}", [COSIGNER])


def _line(data: bytes) -> str:
    return f"— {WITNESS} {b64encode(COSIGNER.key_id + data).decode()}\n"


def test_a_changed_time_refuses_the_note() -> None:
    data = b64decode(cosign(NOTE, WITNESS, KEY, TIME_S).split(" ")[2])[12:]
    with pytest.raises(NoteRefused):
        cosignatures(NOTE + _line((TIME_S + 1).to_bytes(8) + data), [COSIGNER])


@pytest.mark.parametrize(
    "line",
    [
        _line(bytes(71)),
        _line(bytes(73)),
        _line(b"\xff" * 72),
        "no signature\n",
        f"— {WITNESS} AAAAAB==\n",
        f"— {WITNESS} AAAAA\n",
    ],
)
def test_a_line_of_another_form_refuses_the_note(line: str) -> None:
    with pytest.raises(NoteRefused):
        cosignatures(NOTE + line, [COSIGNER])


@pytest.mark.parametrize(
    "note", ["", "a\n", "a\n\nb", NOTE + "a" * 65_536 + "\n", NOTE + "—\n" * 64]
)
def test_what_is_no_note_has_no_cosignatures(note: str) -> None:
    with pytest.raises(NoteRefused):
        text_of(note)


@pytest.mark.parametrize("time_s", [-1, 1 << 63])
def test_a_time_that_the_form_cannot_say_is_not_signed(time_s: int) -> None:
    with pytest.raises(ValueError, match="not a time"):
        cosign(NOTE, WITNESS, KEY, time_s)
