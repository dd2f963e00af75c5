"""Access keys for callers who sign: the secret follows from its id, and is kept nowhere.

WHY: who checks a signature must know the secret itself, so a hash of it would not do.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime

from gateway.domain.caller import Caller
from gateway.domain.secret import Secret
from gateway.identity.keys import KEY_ID, KEY_ID_RULE, HeldKeys, caller_of, refused
from gateway.identity.sent import KEY_HEADERS, Sent
from gateway.identity.signature import Claim, claim_of, is_proven, signing_key

PURPOSE = "access-keys"
_ACCESS_KEY_ID = re.compile(r"PMT_(?P<id>[A-Z0-9_]{1,40})")
_FIRST = 1


def access_key_id(key_id: str) -> str:
    """Return the access key id that stands for a key; ValueError for a wrong key id."""
    if not KEY_ID.fullmatch(key_id):
        raise ValueError(KEY_ID_RULE)
    return f"PMT_{key_id.upper().replace('-', '_')}"


def secret_of(root: bytes, access_key: str, generation: int) -> Secret:
    """Return the secret of one generation of an access key.

    `root` is the node's secret for PURPOSE; another node gives the same id another secret.
    """
    made = hmac.digest(root, f"{access_key}/{generation}".encode(), hashlib.sha256)
    return Secret(base64.urlsafe_b64encode(made).rstrip(b"=").decode())


class Unproven:
    """A request whose head says who signed it; nobody's until its body has come."""

    __slots__ = ("_caller", "_claim", "_keys")

    def __init__(self, claim: Claim, keys: tuple[bytes, ...], caller: Caller) -> None:
        self._claim = claim
        self._keys = keys
        self._caller = caller

    def __repr__(self) -> str:
        """Return nothing of who it may be."""
        return "Unproven(***)"

    def proven(self, body_sha256: bytes) -> Caller:
        """Return the caller, now that the hash of the whole body is known; Unauthenticated."""
        right = [is_proven(self._claim, key, body_sha256) for key in self._keys]
        if not any(right):
            raise refused()
        return self._caller


class AccessKeys:
    """The keys of callers who sign."""

    def __init__(self, keys: HeldKeys, root: bytes) -> None:
        self._keys = keys
        self._root = root

    def __repr__(self) -> str:
        """Return nothing that opens anything."""
        return "AccessKeys(***)"

    def meet(self, sent: Sent, now: datetime) -> Unproven:
        """Return who the head of a signed request claims to be; Unauthenticated.

        Another credential beside the signature is refused, for it may be somebody else's.
        """
        claim = claim_of(sent, now)
        if claim is None or any(name in sent.fields for name in KEY_HEADERS[1:]):
            raise refused()
        found = _ACCESS_KEY_ID.fullmatch(claim.access_key_id)
        key_id = found["id"].lower().replace("_", "-") if found else ""
        entry = self._keys.now().entry(key_id)
        generations = entry.generations(now) if entry is not None else ()
        # WHY: an unknown access key costs the same work as a known one.
        keys = tuple(
            signing_key(secret_of(self._root, claim.access_key_id, one).reveal(), claim)
            for one in generations or (_FIRST,)
        )
        if entry is None or not generations or not entry.serves(now.date()):
            raise refused()
        if not entry.comes_with(sent.subjects):
            raise refused()
        return Unproven(claim, keys, caller_of(key_id, entry))
