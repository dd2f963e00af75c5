"""Runs the detectors over a body and what it hides, in a thread where the body is large."""

import asyncio
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from gateway.classification.detectors import Detector
from gateway.classification.texts import Hit, JoinedTexts, Scanned, TextsExceededError, join_texts
from gateway.classification.unfolding.layer import Texts
from gateway.classification.unfolding.reading import DEPTH_MAX, UNEXPANDED, Budget
from gateway.classification.unfolding.unfolder import Unfolder
from gateway.domain.decision import Finding, Scan
from gateway.domain.request import Body

# WHY: one call takes about 0.3 ms for this much and cannot be interrupted; more would be felt by
# every other request on the loop.
SCAN_INLINE_BYTES_MAX = 256 * 1024
SCAN_THREADS_MAX = 4
# One step more than decodings: letters may have to be folded in between.
STEPS_MAX = DEPTH_MAX + 2
FINGERPRINT_CHARS = 32


class DetectorScanner:
    """Every detector over every string of a body, keys included, and over what strings hide.

    `key` makes fingerprints: the same text has the same one as long as the key is the same.
    """

    def __init__(self, detectors: Sequence[Detector], key: bytes = b"") -> None:
        self._detectors = tuple(one for one in detectors if not isinstance(one, Unfolder))
        self._unfolder = next((one for one in detectors if isinstance(one, Unfolder)), None)
        self._names = tuple(detector.name for detector in detectors)
        self._key = key
        self._threads = ThreadPoolExecutor(SCAN_THREADS_MAX, thread_name_prefix="scan")

    async def scan(self, body: Body) -> Scan:
        """Return the findings, and the names of detectors that failed.

        INVARIANT: whatever goes wrong is a failed detector, never an empty result.
        """
        try:
            joined = join_texts(body)
            if len(joined.buffer) <= SCAN_INLINE_BYTES_MAX:
                # WHY: a small body may hide a large one; what is large is begun again elsewhere.
                budget = Budget(SCAN_INLINE_BYTES_MAX)
                scan = self._run(joined, budget)
                if not budget.spent:
                    return scan
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._run, joined, Budget())
        except (TextsExceededError, MemoryError, RuntimeError):
            return Scan(failed=self._names)

    async def spots(self, body: Body) -> tuple[Finding, ...]:
        """Return the findings that stand in plain sight, with their characters: nothing unfolded.

        TextsExceededError for a body that is too large to scan.
        """
        joined = join_texts(body)
        if len(joined.buffer) <= SCAN_INLINE_BYTES_MAX:
            return self._in_sight(joined)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._in_sight, joined)

    def look(self, text: str) -> Scan:
        """Scan one short text at once: a part of a reply; places are characters of it."""
        try:
            return self._run(join_texts({"": text}), Budget(SCAN_INLINE_BYTES_MAX))
        except (TextsExceededError, MemoryError, RuntimeError):
            return Scan(failed=self._names)

    def close(self) -> None:
        """Let no further scan begin in a thread."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, joined: JoinedTexts, budget: Budget) -> Scan:
        findings: dict[Finding, None] = {}
        failed: dict[str, None] = {}
        known: set[tuple[str, str, str, bytes]] = set()
        for texts, unread in self._layers(joined, budget, failed):
            hits = [*self._hits(texts.buffer, failed), *((Unfolder.name, hit) for hit in unread)]
            met: set[tuple[str, str, str, bytes]] = set()
            for name, hit in hits:
                finding, said = self._finding(name, hit, texts)
                # WHY: what stands in plain sight is found again in what was unfolded around it;
                # the first one knows its place best.
                if said not in known and not (said in met and texts.is_derived(hit.start)):
                    findings[finding] = None
                    met.add(said)
            known |= met
        return Scan(tuple(findings), tuple(failed))

    def _in_sight(self, joined: JoinedTexts) -> tuple[Finding, ...]:
        hits = (hit for hit in self._hits(joined.buffer, {}) if not joined.is_derived(hit[1].start))
        return tuple(dict.fromkeys(self._finding(name, hit, joined)[0] for name, hit in hits))

    def _hits(self, buffer: bytes, failed: dict[str, None]) -> Iterator[tuple[str, Hit]]:
        for detector in self._detectors:
            scanned = _scanned(detector, buffer)
            if scanned is None or scanned.truncated:
                failed[detector.name] = None
            if scanned is not None:
                yield from ((detector.name, hit) for hit in scanned.hits)

    def _finding(
        self, name: str, hit: Hit, texts: Texts
    ) -> tuple[Finding, tuple[str, str, str, bytes]]:
        """Return the finding, and what tells it from others."""
        place = texts.place(hit.start, hit.end)
        text = texts.buffer[hit.start : hit.end]
        fingerprint = self._fingerprint(name, hit.kind, text)
        finding = Finding(
            name, hit.kind, place.path, place.start, place.end, fingerprint, tag_only=hit.tag_only
        )
        return finding, (name, hit.kind, place.path, text)

    def _fingerprint(self, name: str, kind: str, text: bytes) -> str:
        if not self._key:
            return ""
        message = b"\0".join((name.encode(), kind.encode(), text))
        return hmac.digest(self._key, message, hashlib.sha256).hex()[:FINGERPRINT_CHARS]

    def _layers(
        self, joined: Texts, budget: Budget, failed: dict[str, None]
    ) -> Iterator[tuple[Texts, Sequence[Hit]]]:
        """Yield the texts of the body, then what they hide, each with what stays unread in it."""
        texts = joined
        for _ in range(STEPS_MAX):
            following, unread = self._unfolded(texts, budget, failed)
            yield texts, unread
            if following is None:
                return
            texts = following
        yield texts, (Hit(UNEXPANDED, 0, len(texts.buffer)),)

    def _unfolded(
        self, texts: Texts, budget: Budget, failed: dict[str, None]
    ) -> tuple[Texts | None, Sequence[Hit]]:
        if self._unfolder is None:
            return None, ()
        # WHY: as for detectors: what could not be unfolded is judged by policy as failed.
        try:
            return self._unfolder.unfold(texts, budget)
        except Exception:  # noqa: BLE001
            failed[Unfolder.name] = None
            return None, ()


def _scanned(detector: Detector, buffer: bytes) -> Scanned | None:
    # WHY: a detector is never allowed to end a request; what it could not judge is judged by
    # policy as failed.
    try:
        return detector.scan(buffer)
    except Exception:  # noqa: BLE001
        return None
