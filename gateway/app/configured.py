"""What a gateway runs with, as the ledger says it at each start."""

from typing import Any

from gateway import __version__
from gateway.app.loading import Loaded
from gateway.audit import canonical

KEYS_NAMED_MAX = 256


def configured(loaded: Loaded, digests: dict[str, str]) -> dict[str, Any]:
    """Return version, digests, and the keys in use by id; nothing secret and nothing personal.

    Of the node file only a digest: it names addresses and folders.
    """
    keys = sorted(loaded.keys.entries())
    return {
        "gateway": __version__,
        "node": canonical.digest(loaded.node.document.value),
        **digests,
        "keys": len(keys),
        "key_ids": keys[:KEYS_NAMED_MAX],
    }
