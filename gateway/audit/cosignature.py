"""Cosignatures: C2SP tlog-cosignature, `cosignature/v1` with Ed25519.

A witness that saw a log grow, and only grow, signs its checkpoint with the time. Whoever holds the
log's own key cannot make another history that these witnesses have signed too.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from msgspec import Struct

from gateway.audit.checkpoint import NOTE_CHARACTERS_MAX, SIGNATURES_MAX, NoteRefused, is_origin

TIME_S_MAX = (1 << 63) - 1

_ALGORITHM = b"\x04"
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64
_LINE = re.compile(r"— (?P<name>[^\s+]+) (?P<data>[A-Za-z0-9+/]+={0,2})")


class Cosigner(Struct, frozen=True):
    """The public key of a witness, by name."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before each cosignature of this key."""
        named = self.name.encode() + b"\n" + _ALGORITHM + self.public
        return sha256(named).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        """Return `name+keyid+key`, as other tools read it."""
        return f"{self.name}+{self.key_id.hex()}+{_text(_ALGORITHM + self.public)}"


class Cosignature(Struct, frozen=True):
    """That a witness signed, and when; `line` is the signature as it stands in a note."""

    cosigner: str
    time_s: int
    line: str


def parse_cosigner(text: str) -> Cosigner:
    """Read `name+keyid+key` of a witness; NoteRefused."""
    name, _, rest = text.strip().partition("+")
    key_id, _, key = rest.partition("+")
    data = _bytes(key)
    cosigner = Cosigner(name, data[1:])
    is_one = data[:1] == _ALGORITHM and len(cosigner.public) == _KEY_BYTES and is_origin(name)
    if not is_one or cosigner.key_id.hex() != key_id:
        raise NoteRefused("not the key of a witness: name+keyid+key")
    return cosigner


def cosigner_of(name: str, private: Ed25519PrivateKey) -> Cosigner:
    """Return the public half of the key of a witness."""
    return Cosigner(name, private.public_key().public_bytes_raw())


def cosign(note: str, name: str, private: Ed25519PrivateKey, time_s: int) -> str:
    """Return the signature line of a witness for a note, without looking at what that says."""
    if not 0 <= time_s <= TIME_S_MAX:
        raise ValueError("not a time")
    told = time_s.to_bytes(_TIME_BYTES)
    signature = private.sign(_message(text_of(note), time_s))
    return f"— {name} {_text(cosigner_of(name, private).key_id + told + signature)}\n"


def text_of(note: str) -> str:
    """Return the text of a note, without its signatures; NoteRefused."""
    return _parted(note)[0]


def with_signatures(note: str, lines: Iterable[str]) -> str:
    """Return the note with these signature lines after its own, each once."""
    text, own = _parted(note)
    fresh = [line for line in lines if line not in own]
    return f"{text}\n{''.join(line for line in dict.fromkeys([*own, *fresh]))}"


def cosignatures(note: str, cosigners: Iterable[Cosigner]) -> tuple[Cosignature, ...]:
    """Return what these witnesses signed, one for each at the most; NoteRefused.

    Signatures under other keys are ignored; one bad signature under a known key refuses the note.
    """
    text, lines = _parted(note)
    known = {(one.name, one.key_id): one for one in cosigners}
    found: dict[str, Cosignature] = {}
    for line in lines:
        match = _LINE.fullmatch(line.removesuffix("\n"))
        if match is None:
            raise NoteRefused("the note has a line that is no signature")
        data = _bytes(match["data"])
        cosigner = known.get((match["name"], data[:_KEY_ID_BYTES]))
        if cosigner is not None:
            time_s = _assert_signed(text, cosigner, data[_KEY_ID_BYTES:])
            found.setdefault(cosigner.name, Cosignature(cosigner.name, time_s, line))
    return tuple(found.values())


def _assert_signed(text: str, cosigner: Cosigner, data: bytes) -> int:
    time_s = int.from_bytes(data[:_TIME_BYTES])
    if len(data) != _TIME_BYTES + _SIGNATURE_BYTES or time_s > TIME_S_MAX:
        raise NoteRefused("a cosignature has another form than this version has")
    try:
        key = Ed25519PublicKey.from_public_bytes(cosigner.public)
        key.verify(data[_TIME_BYTES:], _message(text, time_s))
    except InvalidSignature:
        raise NoteRefused("a cosignature does not fit the text") from None
    return time_s


def _message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _parted(note: str) -> tuple[str, list[str]]:
    text, gap, signatures = note.rpartition("\n\n")
    if len(note) > NOTE_CHARACTERS_MAX or not gap or not signatures.endswith("\n"):
        raise NoteRefused("the note has no signatures, or is too long")
    lines = signatures.split("\n")[:-1]
    if len(lines) > SIGNATURES_MAX:
        raise NoteRefused("the note has too many signatures")
    return text + "\n", [line + "\n" for line in lines]


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise NoteRefused("not base64") from None
    # WHY: base64 has spare bits; one value must have one text, or the text proves nothing.
    if _text(data) != text:
        raise NoteRefused("not canonical base64")
    return data
