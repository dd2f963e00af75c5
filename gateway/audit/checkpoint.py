"""Checkpoints: C2SP tlog-checkpoint text in a C2SP signed note, with Ed25519.

A checkpoint is three lines (origin, size, root in base64), an empty line, and signatures. The
name of the key is the origin. Signatures of keys that we do not know are ignored: they are
witnesses, or the next key of the log.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from msgspec import Struct

from gateway.audit.tree import HASH_BYTES

ORIGIN_CHARACTERS_MAX = 200
NOTE_CHARACTERS_MAX = 65_536
SIGNATURES_MAX = 64

_ORIGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_SIGNATURE = re.compile(r"— (?P<name>[^\s+]+) (?P<data>[A-Za-z0-9+/]+={0,2})")
_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_KEY_BYTES = 32
_BODY_LINES = 3


class NoteRefused(ValueError):
    """The text is not a checkpoint signed by the key that we trust."""


class Checkpoint(Struct, frozen=True):
    """What the log said of itself: origin, number of entries, root over them."""

    origin: str
    size: int
    root: bytes


class Vkey(Struct, frozen=True):
    """The public key of a log, by name; its id is four bytes that say which key signed."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before each signature of this key."""
        named = self.name.encode() + b"\n" + _ED25519 + self.public
        return sha256(named).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        """Return `name+keyid+key`, as other tools read it."""
        return f"{self.name}+{self.key_id.hex()}+{_text(_ED25519 + self.public)}"


def is_origin(text: str) -> bool:
    """May a log have this name? ASCII letters, digits, dots, dashes and slashes only."""
    return len(text) <= ORIGIN_CHARACTERS_MAX and _ORIGIN.fullmatch(text) is not None


def parse_vkey(text: str) -> Vkey:
    """Read `name+keyid+key`; NoteRefused."""
    name, _, rest = text.strip().partition("+")
    key_id, _, key = rest.partition("+")
    data = _bytes(key)
    vkey = Vkey(name, data[1:])
    if not is_origin(name) or data[:1] != _ED25519 or len(vkey.public) != _KEY_BYTES:
        raise NoteRefused("not a verifier key: origin+keyid+key")
    if vkey.key_id.hex() != key_id:
        raise NoteRefused("the verifier key does not have the id that it names")
    return vkey


def vkey_of(name: str, private: Ed25519PrivateKey) -> Vkey:
    """Return the verifier key of a signing key."""
    return Vkey(name, private.public_key().public_bytes_raw())


def body(origin: str, size: int, root: bytes) -> str:
    """Return the three lines of a checkpoint."""
    if not is_origin(origin) or size < 0 or len(root) != HASH_BYTES:
        raise ValueError("not a checkpoint")
    return f"{origin}\n{size}\n{_text(root)}\n"


def sign(text: str, name: str, *privates: Ed25519PrivateKey) -> str:
    """Return a note of that text, which ends with a line feed, signed with each of the keys."""
    if not text.endswith("\n") or "\n\n" in text:
        raise ValueError("the text of a note ends with one line feed and has no empty line")
    signed = text.encode()
    signatures = [vkey_of(name, one).key_id + one.sign(signed) for one in privates]
    return f"{text}\n" + "".join(f"— {name} {_text(one)}\n" for one in signatures)


def verify(note: str, vkey: Vkey) -> Checkpoint:
    """Return the checkpoint that the key signed; NoteRefused.

    One bad signature under a known key refuses the note, however many good ones there are.
    """
    if len(note) > NOTE_CHARACTERS_MAX:
        raise NoteRefused("the note is too long")
    text, gap, signatures = note.rpartition("\n\n")
    if not gap or not signatures.endswith("\n"):
        raise NoteRefused("the note has no signatures")
    text += "\n"
    found = parse(text)
    if found.origin != vkey.name:
        raise NoteRefused("the checkpoint is of another log")
    if not _is_signed(text, signatures, vkey):
        raise NoteRefused("the checkpoint is not signed by this key")
    return found


def parse(text: str) -> Checkpoint:
    """Read the text of a checkpoint without its signatures; NoteRefused."""
    lines = text.split("\n")
    if len(lines) != _BODY_LINES + 1 or lines[-1]:
        raise NoteRefused("a checkpoint has three lines: origin, size, root")
    origin, size, root = lines[0], lines[1], _bytes(lines[2])
    if not is_origin(origin) or _SIZE.fullmatch(size) is None or len(root) != HASH_BYTES:
        raise NoteRefused("the checkpoint's origin, size or root cannot be read")
    return Checkpoint(origin, int(size), root)


def _is_signed(text: str, signatures: str, vkey: Vkey) -> bool:
    lines = signatures.removesuffix("\n").split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise NoteRefused("the note has too many signatures")
    found = False
    for line in lines:
        match = _SIGNATURE.fullmatch(line)
        if match is None:
            raise NoteRefused("the note has a line that is no signature")
        data = _bytes(match["data"])
        if match["name"] == vkey.name and data[:_KEY_ID_BYTES] == vkey.key_id:
            _assert_signature(vkey, data[_KEY_ID_BYTES:], text)
            found = True
    return found


def _assert_signature(vkey: Vkey, signature: bytes, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(vkey.public).verify(signature, text.encode())
    except InvalidSignature:
        raise NoteRefused("the signature does not fit the text") from None


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
