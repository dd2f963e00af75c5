"""What a policy may say of a detector, beside the label that it raises."""

from tests.doubles.policies import compiled, problems

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
