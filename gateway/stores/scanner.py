"""Runs the detectors over a body, in a thread where the body is large."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from gateway.classification.detectors import Detector
from gateway.classification.texts import JoinedTexts, Scanned, TextsExceededError, join_texts
from gateway.domain.decision import Finding, Scan
from gateway.domain.request import Body

# WHY: one call takes about 0.3 ms for this much and cannot be interrupted; more would be felt by
# every other request on the loop.
SCAN_INLINE_BYTES_MAX = 256 * 1024
SCAN_THREADS_MAX = 4


class DetectorScanner:
    """Every detector over every string of a body, keys included."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = tuple(detectors)
        self._threads = ThreadPoolExecutor(SCAN_THREADS_MAX, thread_name_prefix="scan")

    async def scan(self, body: Body) -> Scan:
        """Return findings without fingerprints, and the names of detectors that failed.

        INVARIANT: whatever goes wrong is a failed detector, never an empty result.
        """
        try:
            joined = join_texts(body)
            if len(joined.buffer) <= SCAN_INLINE_BYTES_MAX:
                return self._run(joined)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._run, joined)
        except (TextsExceededError, MemoryError, RuntimeError):
            return Scan(failed=tuple(detector.name for detector in self._detectors))

    def close(self) -> None:
        """Let no further scan begin in a thread."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, joined: JoinedTexts) -> Scan:
        findings: list[Finding] = []
        failed: list[str] = []
        for detector in self._detectors:
            scanned = _scanned(detector, joined.buffer)
            if scanned is None or scanned.truncated:
                failed.append(detector.name)
            if scanned is not None:
                findings += _findings(detector.name, scanned, joined)
        return Scan(tuple(findings), tuple(failed))


def _scanned(detector: Detector, buffer: bytes) -> Scanned | None:
    # WHY: a detector is never allowed to end a request; what it could not judge is judged by
    # policy as failed.
    try:
        return detector.scan(buffer)
    except Exception:  # noqa: BLE001
        return None


def _findings(name: str, scanned: Scanned, joined: JoinedTexts) -> list[Finding]:
    """Return the findings, each once: two texts may hide the same kind in the same string."""
    places = ((hit, joined.place(hit.start, hit.end)) for hit in scanned.hits)
    found = [
        Finding(name, hit.kind, place.path, place.start, place.end, tag_only=hit.tag_only)
        for hit, place in places
    ]
    return list(dict.fromkeys(found))
