import pytest

from gateway.classification.detectors import DETECTORS
from gateway.classification.parts import SEPARATOR
from tests.doubles.compiled_secrets import DATA

COUNTED = {"contacts"}


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_of_the_table_finds_its_probe_and_nothing_in_nothing(name: str) -> None:
    kind = DETECTORS[name]
    rules = kind.parse((DATA / kind.rules_file).read_text(encoding="utf-8"))
    detector = kind.load(rules, kind.compile(rules))
    assert detector.name == name
    assert [hit.tag_only for hit in detector.scan(kind.probe).hits] == [name in COUNTED]
    assert detector.scan(SEPARATOR).hits == ()
    assert kind.engine()
    assert len(kind.expressions(rules)) == len(rules)
