"""What all detectors find in a text, with everything that it hides."""

import base64
from typing import Any

from gateway.domain.decision import Scan
from gateway.stores.scanner import DetectorScanner
from tests.doubles.compiled_detectors import all_detectors


def b64(data: bytes | str) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


async def scan(body: Any) -> Scan:
    """Scan a body; what is no map stands in one."""
    scanner = DetectorScanner(all_detectors(), b"a key of fingerprints, 32 bytes.")
    try:
        return await scanner.scan(body if isinstance(body, dict) else {"x": body})
    finally:
        scanner.close()


async def kinds(body: Any) -> set[str]:
    """Return `detector/kind` of what was found; no detector failed."""
    result = await scan(body)
    assert result.failed == ()
    return {f"{one.detector}/{one.kind}" for one in result.findings}
