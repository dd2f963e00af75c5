"""What persons approve: a statement, and who signed it.

A person is a key. The statement says what may happen, to what, for how long and why; the one who
asks signs it, and so does everybody who approves. It is used once.
"""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

NONCE_CHARS = 32
REASON_CHARS_MAX = 512
SCOPE_WORDS_MAX = 16
WORD_CHARS_MAX = 256
APPROVERS_MAX = 8

Nonce = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{NONCE_CHARS}}}\Z")]
Word = Annotated[str, Meta(min_length=1, max_length=WORD_CHARS_MAX)]
Fingerprint = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
Encoded = Annotated[str, Meta(max_length=128)]


class Action(StrEnum):
    """What can be approved."""

    WAIVER = "waiver"
    BREAK_GLASS = "break_glass"
    ALLOW_FINDING = "allow_finding"
    REVOKE = "revoke"
    CLOSE_ZONE = "close_zone"
    OPEN_ZONE = "open_zone"
    POLICY = "policy"
    EXPORT = "export"
    EXPORT_FULL = "export_full"
    DECRYPT_BODIES = "decrypt_bodies"
    DECRYPT = "decrypt"
    READ_FINDINGS = "read_findings"
    ERASE = "erase"
    HOLD = "hold"
    RELEASE_HOLD = "release_hold"
    PRUNE = "prune"


class Statement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One statement; `scope` and `digest` say what it is about.

    `from_us` and `until_us` are microseconds since the epoch. `nonce` makes two statements of the
    same words two statements.
    """

    version: Literal[1] = 1
    action: Action
    scope: Annotated[dict[Word, Word], Meta(max_length=SCOPE_WORDS_MAX)]
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARS_MAX)]
    nonce: Nonce
    from_us: Annotated[int, Meta(ge=0)]
    until_us: Annotated[int, Meta(ge=0)]
    digest: Annotated[str, Meta(max_length=WORD_CHARS_MAX)] = ""


class Signature(Struct, frozen=True, forbid_unknown_fields=True):
    """A key by its fingerprint, and its Ed25519 signature in base64."""

    key: Fingerprint
    signature: Encoded


class Approval(Struct, frozen=True, forbid_unknown_fields=True):
    """A statement with the signature of whoever asks, and those of whoever approves."""

    statement: Statement
    requester: Signature
    approvers: Annotated[tuple[Signature, ...], Meta(max_length=APPROVERS_MAX)] = ()


class Approved(Struct, frozen=True):
    """A statement that was checked, named by its digest, with the fingerprints of its signers."""

    statement: Statement
    digest: str
    requester: str
    approvers: tuple[str, ...]
