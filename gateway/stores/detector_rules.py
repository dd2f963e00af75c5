"""By which rules the detectors find: a document that each decision names by its digest."""

from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway.classification import detectors
from gateway.classification.detectors import DETECTORS
from gateway.classification.detectors.dictionary import FILE_BYTES_MAX
from gateway.stores.dictionaries import SUFFIX

_RULES = Path(detectors.__file__).parent / "data"


def detector_rules(dictionaries: Path | None) -> dict[str, Any]:
    """Return the SHA-256 of every rules file and dictionary by name, and the engines' names.

    One that cannot be read has no digest; whoever loads it says why.
    """
    rules = {name: _digest(_RULES / kind.rules_file) for name, kind in DETECTORS.items()}
    engines = {name: kind.engine() for name, kind in DETECTORS.items()}
    listed = sorted(dictionaries.glob(f"*{SUFFIX}")) if dictionaries is not None else []
    words = {one.stem: _digest(one) for one in listed}
    return {"rules": rules, "engines": engines, "dictionaries": words}


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return sha256(file.read(FILE_BYTES_MAX)).hexdigest()
    except OSError:
        return ""
