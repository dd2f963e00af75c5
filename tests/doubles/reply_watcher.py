"""A scanner that looks at replies with every detector, and finds nothing in requests."""

from gateway.domain.decision import Scan
from gateway.stores.scanner import DetectorScanner
from tests.doubles.compiled_detectors import all_detectors
from tests.doubles.houses import FixedScanner


class ReplyWatcher(FixedScanner):
    """Looks at replies with all detectors; `real` is what looks."""

    def __init__(self) -> None:
        super().__init__()
        self.real = DetectorScanner(all_detectors(), b"a key of fingerprints")

    def look(self, text: str) -> Scan:
        return self.real.look(text)
