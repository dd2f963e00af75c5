from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from gateway.domain.document import Document
from gateway.policy.compile import compile_bundle
from gateway.policy.reading import Reading, listed, nearest, spread, step
from tests.doubles.policies import documents, values

words = st.text(max_size=5)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


class Inner(Struct, frozen=True, forbid_unknown_fields=True):
    size: int = 0


class Outer(Struct, frozen=True, forbid_unknown_fields=True):
    inner: Inner
    sizes: dict[str, list[int]] = {}
    many: list[Inner] = []


def read(value: Any) -> tuple[Outer | None, list[str]]:
    reading = Reading(Document("f", value))
    return reading.entry("", value, Outer), [str(p)[5:] for p in reading.problems]


def test_every_field_of_every_depth_is_read() -> None:
    found, problems = read({"inner": {"size": 3}, "sizes": {"a": [1, 2]}})
    assert problems == []
    assert found == Outer(Inner(3), {"a": [1, 2]})


def test_every_problem_of_every_depth_is_noted() -> None:
    found, problems = read({"inner": {"size": "3"}, "sizes": {"a/b": [1, None, "x"]}, "x": 1})
    assert found is None
    assert sorted(problems) == [
        "/inner/size: expected int, got str",
        "/sizes/a~1b/1: expected int, got null (leave the key out)",
        "/sizes/a~1b/2: expected int, got str",
        "/x: unknown key `x` (known: inner, many, sizes)",
    ]


def test_entries_stay_plain_for_whoever_reads_them_one_by_one() -> None:
    reading = Reading(Document("f", {}))
    raw = {"inner": {}, "many": [{"size": "x"}]}
    assert reading.parts("", raw, Outer)["many"] == [{"size": "x"}]
    assert reading.problems == []


def test_words_are_one_or_several() -> None:
    assert listed("a") == ["a"]
    assert listed(["a", "b"]) == ["a", "b"]
    assert listed(3) == []
    assert list(spread("/x", ["a"])) == [("/x/0", "a")]
    assert list(spread("/x", {"a": 1})) == [("/x/a", "a")]
    assert step("/x", "a~/b") == "/x/a~0~1b"


def test_a_hint_is_the_nearest_word_or_a_few_of_them() -> None:
    assert nearest("zonse", ["zones", "rules"]) == "did you mean `zones`?"
    assert nearest("q", []) == ""
    assert nearest("q", [f"w{n:02}" for n in range(20)]).endswith("w11, ...")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["policy", "zones", "repos", "invariants"]), plain)
def test_no_document_makes_the_compiler_stumble(name: str, value: Any) -> None:
    bundle = documents(values() | {name: value})
    assert compile_bundle(bundle, "d").problems


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_no_value_at_any_place_makes_the_compiler_stumble(data: st.DataObject) -> None:
    bundle = values()
    place: Any = bundle[data.draw(st.sampled_from(sorted(bundle)))]
    while True:
        key = data.draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))
        )
        inner = place[key]
        if not inner or not isinstance(inner, (dict, list)) or data.draw(st.booleans()):
            break
        place = inner
    place[key] = data.draw(plain)
    compiled = compile_bundle(documents(bundle), "d")
    assert bool(compiled.problems) == (compiled.program.zones == {})
