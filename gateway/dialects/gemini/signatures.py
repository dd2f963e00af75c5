"""Signatures of reasoning and of calls, in the base64 that this dialect wants.

A signature is bound to the provider that made it. One that another vendor made is wrapped for the
way to the client and back, so that no client takes it for one of Google's, or fails to read it.
"""

from base64 import b64decode, b64encode
from binascii import Error
from typing import Any

SIGNED = b"perimeter-signature:"
REDACTED = b"perimeter-redacted:"
# WHY: Google documents this word for calls that no model of its own made: Gemini 3 refuses a call
# without a signature.
UNSIGNED = b64encode(b"skip_thought_signature_validator").decode()

# WHY: nine bytes are twelve letters in both alphabets, whatever follows them.
_WRAPPED = b64encode(b"perimeter").decode()
_PLAIN = str.maketrans("-_", "+/")


def plain(data: str) -> str:
    """Return base64 in the common alphabet with its padding; the vendor's own client sends neither.

    What is no base64 at all stays as it is.
    """
    said = data.translate(_PLAIN) if "-" in data or "_" in data else data
    return said + "=" * (-len(said) % 4)


def wrapped(signature: str) -> str:
    """Return a foreign signature in a form that comes back."""
    return b64encode(SIGNED + signature.encode()).decode()


def hidden(redacted: str) -> str:
    """Return foreign reasoning that only its maker can read in a form that comes back."""
    return b64encode(REDACTED + redacted.encode()).decode()


def unwrapped(found: str, mark: bytes) -> str | None:
    """Return what was wrapped under that mark; None for what was not."""
    try:
        raw = b64decode(plain(found), validate=True)
        return raw.removeprefix(mark).decode() if raw.startswith(mark) else None
    except (Error, ValueError):
        return None


def signature_of(part: dict[str, Any]) -> str | None:
    """Return the signature of a part; None where there is none, or the vendor's dummy."""
    found = part.get("thoughtSignature")
    if not isinstance(found, str) or not found:
        return None
    signature = plain(found)
    return None if signature == UNSIGNED else signature


def is_sayable(signature: str) -> bool:
    """Can the vendor read it at all? What is no base64 was made by somebody else."""
    try:
        raw = b64decode(plain(signature), validate=True)
    except (Error, ValueError):
        return False
    # WHY: the vendor's reader refuses last bits that say nothing, which Python passes over.
    return bool(raw) and b64encode(raw).decode() == plain(signature)


def is_foreign(signature: object) -> bool:
    """Was the signature wrapped here, so that it means nothing to the vendor?"""
    return isinstance(signature, str) and signature.startswith(_WRAPPED)
