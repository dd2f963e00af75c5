import base64
import gzip
import threading
from typing import Any

import pytest

from gateway.classification import texts
from gateway.classification.texts import Hit, Scanned
from gateway.classification.unfolding.layer import Layer, Piece
from gateway.classification.unfolding.unfolder import Unfolder
from gateway.domain.decision import Scan
from gateway.stores import scanner as scanner_module
from gateway.stores.scanner import DetectorScanner
from tests.doubles.compiled_detectors import all_detectors
from tests.doubles.compiled_secrets import all_secrets
from tests.doubles.dice import dice
from tests.doubles.vendor_secrets import FORMATS, Draw

pytestmark = pytest.mark.anyio

PAT = FORMATS["github-pat"](Draw("pat"))


class Scripted:
    """A detector that answers as told and notes the thread it was asked in."""

    def __init__(self, answer: Scanned | Exception, name: str = "scripted") -> None:
        self.name = name
        self._answer = answer
        self.threads: list[str] = []

    def scan(self, buffer: bytes) -> Scanned:
        self.threads.append(threading.current_thread().name)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def scan(body: dict[str, Any], *detectors: Any) -> Scan:
    scanner = DetectorScanner(detectors)
    try:
        return await scanner.scan(body)
    finally:
        scanner.close()


async def test_a_secret_becomes_a_finding_without_its_text() -> None:
    body = {"messages": [{"role": "user", "content": f"see here {PAT}"}]}
    result = await scan(body, all_secrets())
    (finding,) = result.findings
    assert (finding.detector, finding.kind) == ("secrets", "github-pat")
    assert (finding.path, finding.start, finding.end) == ("/messages/0/content", 9, 49)
    assert finding.fingerprint == ""
    assert result.failed == ()
    assert PAT[4:] not in f"{result!r}{result}{finding!r}{finding}"


@pytest.mark.parametrize("card", [4532990123456783, 4532990123456783.0])
async def test_a_card_that_stands_as_a_number_is_found(card: float) -> None:
    body = {"input": {"card": card, "others": [card]}}
    result = await scan(body, *all_detectors())
    assert [(one.kind, one.path) for one in result.findings] == [
        ("payment-card", "/input/card"),
        ("payment-card", "/input/others/0"),
    ]


async def test_a_secret_in_a_key_leaves_no_trace_of_its_text() -> None:
    result = await scan({"metadata": {PAT: {PAT: [PAT]}}}, all_secrets())
    assert [finding.path for finding in result.findings] == [
        "/metadata/#0#",
        "/metadata/#0/#0#",
        "/metadata/#0/#0/0",
    ]
    assert PAT[4:] not in f"{result!r}{result}"


async def test_a_guess_is_marked_as_a_tag() -> None:
    result = await scan({"x": 'token = "zq8vT3mK5pX1wR7nB2cD"'}, all_secrets())
    assert [finding.tag_only for finding in result.findings] == [True]


async def test_a_clean_body_has_no_findings() -> None:
    assert await scan({"model": "m", "messages": []}, all_secrets()) == Scan()


async def test_a_small_body_is_scanned_at_once_and_a_large_one_in_a_thread() -> None:
    detector = Scripted(Scanned())
    scanner = DetectorScanner([detector])
    await scanner.scan({"x": "a"})
    await scanner.scan({"x": "a" * scanner_module.SCAN_INLINE_BYTES_MAX})
    scanner.close()
    assert detector.threads[0] == threading.current_thread().name
    assert detector.threads[1].startswith("scan")


async def test_a_secret_in_a_large_body_is_found() -> None:
    result = await scan({"x": ["a b c " * 100_000, PAT]}, all_secrets())
    assert [finding.path for finding in result.findings] == ["/x/1"]


@pytest.mark.parametrize("size", [1, 300_000])
async def test_a_detector_that_raises_is_failed_and_the_others_still_count(size: int) -> None:
    broken = Scripted(ValueError("a prompt"), "broken")
    result = await scan({"x": ["a" * size, PAT]}, broken, all_secrets())
    assert result.failed == ("broken",)
    assert [finding.kind for finding in result.findings] == ["github-pat"]


async def test_a_truncated_scan_is_failed_and_keeps_what_it_found() -> None:
    cut = Scripted(Scanned((Hit("kind", 7, 8),), truncated=True))
    result = await scan({"x": ["abc"]}, cut)
    assert result.failed == ("scripted",)
    assert [finding.path for finding in result.findings] == ["/x/0"]


async def test_a_body_that_cannot_be_joined_fails_every_detector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(texts, "TEXTS_MAX", 2)
    detector = Scripted(Scanned())
    assert await scan({"x": ["a", "b", "c"]}, detector) == Scan(failed=("scripted",))
    assert detector.threads == []


async def test_after_the_end_a_large_body_counts_as_failed() -> None:
    scanner = DetectorScanner([Scripted(Scanned())])
    scanner.close()
    assert await scanner.scan({"x": "a" * 300_000}) == Scan(failed=("scripted",))


async def test_a_secret_that_two_layers_hide_is_one_finding() -> None:
    hidden = f'{{"a":"\\u{ord(PAT[0]):04x}{PAT[1:]}","b":"\\u{ord(PAT[0]):04x}{PAT[1:]}"}}'
    result = await scan({"x": [hidden]}, all_secrets())
    (finding,) = result.findings
    assert (finding.kind, finding.path, finding.start) == ("github-pat", "/x/0", 0)
    assert finding.end == len(hidden)


async def test_more_escapes_than_are_read_fail_every_detector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(texts, "CODES_MAX", 1)
    result = await scan({"x": "\\u0061\\u0061"}, all_secrets())
    assert result.findings == ()
    assert result.failed == ("secrets",)


class Broken(Unfolder):
    """An unfolder that fails."""

    def __init__(self) -> None:
        pass

    def unfold(self, texts: Any, budget: Any) -> Any:
        raise ValueError("a prompt")


async def test_what_could_not_be_unfolded_is_failed_and_the_others_still_count() -> None:
    result = await scan({"x": PAT}, Broken(), all_secrets())
    assert result.failed == ("opaque",)
    assert [finding.kind for finding in result.findings] == ["github-pat"]


class Endless(Unfolder):
    """An unfolder that finds something in everything."""

    def __init__(self) -> None:
        pass

    def unfold(self, texts: Any, budget: Any) -> Any:
        return Layer(texts, [Piece(b"again", 3, 4, 1)]), []


async def test_what_can_still_be_unfolded_after_the_last_step_is_opaque() -> None:
    result = await scan({"x": ["a"]}, Endless())
    assert [(one.kind, one.path) for one in result.findings] == [("unexpanded", "/#0#")]


async def test_a_small_body_that_hides_a_large_one_is_scanned_in_a_thread() -> None:
    chance = dice("words")
    words = " ".join(chance.choice(["amber", "birch", "cedar", "delta"]) for _ in range(60_000))
    hidden = base64.b64encode(gzip.compress(f"{words} {PAT}".encode())).decode()
    assert len(hidden) < scanner_module.SCAN_INLINE_BYTES_MAX / 4
    watched = Scripted(Scanned())
    scanner = DetectorScanner([watched, *all_detectors()])
    result = await scanner.scan({"x": hidden})
    scanner.close()
    assert [finding.kind for finding in result.findings] == ["github-pat"]
    assert watched.threads[0] == threading.current_thread().name
    assert watched.threads[-1].startswith("scan")


async def test_a_reply_that_cannot_be_looked_at_fails_every_detector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanner = DetectorScanner([all_secrets()])
    assert [one.kind for one in scanner.look(f"see {PAT}").findings] == ["github-pat"]
    monkeypatch.setattr(texts, "JOINED_BYTES_MAX", 2)
    assert scanner.look("hello") == Scan(failed=("secrets",))
    scanner.close()


async def test_what_stands_in_plain_sight_is_not_told_again_where_escapes_are_read() -> None:
    text = f"{PAT} and {PAT} by https:\\/\\/x.io"
    result = await scan({"x": text}, *all_detectors())
    spans = [(finding.kind, finding.start, finding.end) for finding in result.findings]
    assert spans == [("github-pat", 0, len(PAT)), ("github-pat", len(PAT) + 5, 2 * len(PAT) + 5)]
