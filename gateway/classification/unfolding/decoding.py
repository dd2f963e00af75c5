"""From the spelling of bytes to bytes: base64, hex, percent signs."""

import binascii

BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
HEX = b"0123456789abcdefABCDEF"
BLANKS = b" \t\r\n"
OFFSETS_LOOKED_MAX = 64
HEAD_BYTES = 4096
LONG_HEX = 1_000

_STANDARD = bytes.maketrans(b"-_", b"+/")
_APART = b"+/-_"
_QUAD = 4


def base64_bytes(run: bytes, offset: int = 0) -> bytes:
    """Return the bytes that the run spells from there on; blanks and `=` in it do not count."""
    data = run.translate(_STANDARD, BLANKS + b"=")[offset:]
    if len(data) % _QUAD == 1:
        data = data[:-1]
    return binascii.a2b_base64(data + b"=" * (-len(data) % _QUAD))


def offsets(run: bytes) -> tuple[int, ...]:
    """Return where in the run base64 may begin: at its beginning, or behind what sets it apart."""
    head = run[:OFFSETS_LOOKED_MAX]
    if len(head.translate(None, _APART)) == len(head):
        return (0,)
    found = {(at + 1) % _QUAD for at, one in enumerate(head) if one in _APART}
    return (0, *sorted(found - {0}))


def may_be_base64(run: bytes) -> bool:
    """Has it capitals and small letters, and is it no number in hex?"""
    if run.islower() or run.isupper() or run.isdigit():
        return False
    return not consists_of(run, HEX + BLANKS)


def may_be_hex(run: bytes) -> bool:
    """Is it hex alone, and long?"""
    return len(run) >= LONG_HEX and consists_of(run, HEX + BLANKS)


def consists_of(data: bytes, members: bytes) -> bool:
    """Is each byte one of those? A long text that is not mostly shows it where it begins."""
    return not (data[:HEAD_BYTES].translate(None, members) or data.translate(None, members))


def hex_bytes(run: bytes, offset: int = 0) -> bytes:
    r"""Return the bytes that the digits spell from there on; `\x` in front of them is left out."""
    digits = run.replace(b"\\x", b"").translate(None, BLANKS)[offset:]
    return binascii.a2b_hex(digits[: len(digits) // 2 * 2])


def percent_bytes(text: bytes) -> bytes:
    """Return the text with %XX read, of which the rest stays.

    WHY: the decoder of quoted-printable does the same for `=`, in one call.
    """
    return binascii.a2b_qp(text.replace(b"=", b"=3D").replace(b"%", b"="))
