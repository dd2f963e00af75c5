"""What a policy may say of a detector, beside the label that it raises."""

from gateway.policy.compile import Known, compile_bundle
from gateway.stores.detector_cache import kinds_of_findings
from tests.doubles.policies import compiled, documents, problems, values

CONTACTS = {"raise": "internal", "count_min": 7, "replies": "mask"}
MARKS = {"raise": "restricted", "kinds": {"tlp-green": "public"}}


def test_a_detector_has_labels_by_kind_a_count_and_a_word_for_replies() -> None:
    program = compiled(policy__detectors={"contacts": CONTACTS, "markings": MARKS}).program
    assert program.counts == {"contacts": 7}
    assert program.replies == {"contacts": "mask", "markings": "tag"}
    assert str(program.raises["markings/tlp-green"]) == "public"
    assert str(program.raises["markings"]) == "restricted"


def test_what_cannot_be_said_of_a_detector_is_a_problem() -> None:
    said = problems(
        policy__detectors={
            "contacts": {"raise": "internal", "count_min": 0},
            "markings": {"raise": "internal", "kinds": {"tlp-red": "cosmic"}},
            "secrets": {"raise": "internal", "replies": "hide"},
        }
    )
    assert [line.partition(":1: ")[2].partition(":")[0] for line in said] == [
        "/detectors/contacts/count_min",
        "/detectors/markings/kinds/tlp-red",
        "/detectors/secrets/replies",
    ]


def test_a_kind_that_no_detector_finds_is_a_problem_where_kinds_are_known() -> None:
    kinds = {"tlp-red": "restricted", "tlp-purple": "restricted"}
    bundle = documents(
        values(policy__detectors={"markings": {"raise": "internal", "kinds": kinds}})
    )
    known = Known(findings=frozenset({"tlp-red"}))
    (problem,) = compile_bundle(bundle, "sha256:test", known).problems
    assert problem.path == "/detectors/markings/kinds/tlp-purple"


def test_every_kind_of_every_detector_is_known() -> None:
    kinds = kinds_of_findings()
    assert {"github-pat", "payment-card", "tlp-red", "eccn", "email", "image", "pdf"} <= kinds
    assert {"unexpanded", "encrypted", "binary", "reasoning", "audio", "archive"} <= kinds
    assert "base64" not in kinds
