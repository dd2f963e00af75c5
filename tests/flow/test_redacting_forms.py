"""What stands in the place of a secret is no secret to any detector, however it was written."""

import pytest

from gateway.classification.redaction import redact
from gateway.domain.decision import Finding
from gateway.flow.naming import keyed
from gateway.stores.scanner import DetectorScanner
from tests.doubles.compiled_detectors import all_detectors
from tests.doubles.vendor_secrets import FORMATS, Draw

pytestmark = pytest.mark.anyio
NAMES = keyed(b"k" * 32)
FOUND_MIN = 20
WRITTEN = (
    "Why does {} fail?",
    "export API_KEY={}",
    '"api_key": "{}"',
    "password: {}",
    "Authorization: Bearer {}",
    "client_secret={}&x=1",
    "https://user:{}@host.example/x",
)


def raising(findings: tuple[Finding, ...]) -> set[tuple[str, str]]:
    return {(one.detector, one.kind) for one in findings if not one.tag_only}


@pytest.mark.parametrize("written", WRITTEN)
async def test_a_placeholder_is_taken_for_no_secret(written: str) -> None:
    scanner = DetectorScanner(all_detectors(), b"a key of fingerprints")
    redacted = 0
    for kind, draw in FORMATS.items():
        body = {"messages": [{"role": "user", "content": written.format(draw(Draw(kind)))}]}
        found = raising((await scanner.scan(body)).findings)
        spots = [one for one in await scanner.spots(body) if (one.detector, one.kind) in found]
        made = redact(body, spots, lambda text: NAMES("team", text))
        assert raising((await scanner.scan(made.body)).findings) == set(), made.body
        redacted += bool(found)
    assert redacted >= FOUND_MIN
