"""Patterns in the registry, and marks of the Traffic Light Protocol."""

import pytest

from gateway.domain.vocabulary import UnknownLabelError
from gateway.policy.compile import compile_bundle
from tests.doubles.policies import documents, values

TLP = {
    "clear": "public",
    "green": "internal",
    "amber": "internal",
    "amber+strict": "restricted",
    "red": "restricted+secret",
}


def compiled(**changes):
    return compile_bundle(documents(values(**changes)), "sha256:x")


def problems(**changes) -> str:
    return "\n".join(map(str, compiled(**changes).problems))


def test_a_pattern_is_compiled_and_joined_with_what_is_written_out() -> None:
    repos = {
        "payments": {"label": "restricted", "patterns": ["https://git.example.com/payments/*"]},
        "open": {"label": "public", "urls": ["https://git.example.com/payments/docs"]},
    }
    found = compiled(repos__repos=repos).require().registry
    assert [repo.id for repo in found.by_address("git.example.com/payments/docs")] == [
        "open",
        "payments",
    ]
    assert found.by_address("git.example.com/other/docs") == ()


@pytest.mark.parametrize("pattern", ["https://*/x", "https://git.corp/**/x", "nonsense", ""])
def test_a_pattern_that_is_none_is_a_problem(pattern) -> None:
    repos = {"x": {"label": "public", "patterns": ["https://git.corp/a/*", pattern]}}
    assert "/repos/x/patterns/1" in problems(repos__repos=repos)


def test_patterns_have_a_bound() -> None:
    repos = {"x": {"label": "public", "patterns": [f"https://git.corp/{n}/*" for n in range(65)]}}
    assert "more than 64 patterns" in problems(repos__repos=repos)


@pytest.mark.parametrize("colour", TLP)
def test_a_tlp_mark_is_a_label_in_its_exact_spelling(colour) -> None:
    words = compiled(policy__tlp=TLP).require().vocabulary
    wanted = words.parse(TLP[colour])
    assert words.parse(f"tlp:{colour}") == words.parse(f"TLP:{colour.upper()}") == wanted


@pytest.mark.parametrize(
    "text", ["tlp:white", "TLP:amber", "tlp:AMBER", "Tlp:amber", "tlp:", "TLP: RED", "tlp:red+x"]
)
def test_adv_04_any_other_mark_is_refused(text) -> None:
    with pytest.raises(UnknownLabelError):
        compiled(policy__tlp=TLP).require().vocabulary.parse(text)


def test_a_mark_that_policy_does_not_map_is_refused() -> None:
    with pytest.raises(UnknownLabelError, match="known: tlp:red"):
        compiled(policy__tlp={"red": "restricted"}).require().vocabulary.parse("tlp:amber")
    with pytest.raises(UnknownLabelError, match="known: none"):
        compiled().require().vocabulary.parse("tlp:amber")


def test_marks_that_cannot_be_meant_are_problems() -> None:
    told = problems(policy__tlp={"white": "public", "green": "nonsense"})
    assert "/tlp/white: unknown TLP mark `white`" in told
    assert "/tlp/green" in told
    lax = {"amber": "restricted", "red": "internal"}
    assert "means less than a mark that is less strict" in problems(policy__tlp=lax)
