"""Filling in the middle: each family's prompt, and no text that steps out of its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.domain.errors import CannotExpress
from gateway.translation.fim import FAMILIES, family_of, filled_in, left_to_the_engine, only_native
from tests.doubles.fleets import an_offering

BEFORE, AFTER = "def add(a, b):\n    ", "\n\nprint(add(1, 2))"
ALL = sorted(FAMILIES)


@pytest.mark.parametrize(
    ("family", "prompt"),
    [
        ("qwen", f"<|fim_prefix|>{BEFORE}<|fim_suffix|>{AFTER}<|fim_middle|>"),
        ("deepseek", f"<｜fim▁begin｜>{BEFORE}<｜fim▁hole｜>{AFTER}<｜fim▁end｜>"),  # noqa: RUF001
        ("codestral", f"[SUFFIX]{AFTER}[PREFIX]{BEFORE}"),
        ("starcoder", f"<fim_prefix>{BEFORE}<fim_suffix>{AFTER}<fim_middle>"),
    ],
)
def test_each_family_has_the_prompt_that_it_was_trained_on(family, prompt) -> None:
    assert filled_in(family, BEFORE, AFTER) == prompt


def _controls(family: str) -> tuple[str, ...]:
    found = FAMILIES[family]
    return tuple(
        token for token in (found.before, found.between, found.after, *found.controls) if token
    )


@pytest.mark.parametrize(
    ("family", "token"), [(family, token) for family in ALL for token in _controls(family)]
)
def test_a_control_token_in_the_text_is_refused_and_not_repeated(family, token) -> None:
    for prefix, suffix in ((f"a{token}b", "c"), ("a", f"b{token}"), ("a", f"{token}c")):
        with pytest.raises(CannotExpress, match="control token") as caught:
            filled_in(family, prefix, suffix)
        assert token not in str(caught.value)


@pytest.mark.parametrize("family", ALL)
@given(data=st.data())
def test_no_pieces_of_tokens_become_one_where_the_texts_meet_the_template(family, data) -> None:
    tokens = _controls(family)
    pieces = [token[:cut] for token in tokens for cut in range(1, len(token))]
    pieces += [token[cut:] for token in tokens for cut in range(1, len(token))]
    text = st.lists(st.sampled_from(pieces), max_size=4).map("".join)
    prefix, suffix = data.draw(text), data.draw(text)
    found = FAMILIES[family]
    placed = sum(bool(token) for token in (found.before, found.between, found.after))
    try:
        prompt = filled_in(family, prefix, suffix)
    except CannotExpress:
        return
    assert sum(prompt.count(token) for token in set(tokens)) == placed


@pytest.mark.parametrize("family", ALL)
def test_two_halves_of_a_secret_that_were_scanned_apart_are_not_put_together(family) -> None:
    prompt = filled_in(family, "glpat-", "abcdef")
    assert "glpat-abcdef" not in prompt
    assert "abcdefglpat-" not in prompt


@pytest.mark.parametrize("token", [token for family in ALL for token in _controls(family)], ids=str)
def test_who_fills_in_by_itself_is_given_no_control_token_of_anybody(token) -> None:
    left_to_the_engine("a", "b")
    with pytest.raises(CannotExpress, match="control token") as caught:
        left_to_the_engine("a", f"b{token}")
    assert token not in str(caught.value)


@pytest.mark.parametrize("family", ["", "native", "canary"])
def test_a_family_that_nobody_knows_fills_nothing_in(family) -> None:
    with pytest.raises(CannotExpress, match="fill in") as caught:
        filled_in(family, BEFORE, AFTER)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen"),
        ("qwen2.5-coder:14b", "qwen"),
        ("codeqwen:7b", "starcoder"),
        ("deepseek-ai/deepseek-coder-6.7b-base", "deepseek"),
        ("deepseek-ai/DeepSeek-V3.2", ""),
        ("codestral-2501", "codestral"),
        ("bigcode/starcoder2-15b", "starcoder"),
        ("qwen3:14b", ""),
        ("claude-opus-5-5", ""),
    ],
)
def test_a_models_name_tells_its_family_or_none(model, family) -> None:
    assert family_of(model) == family


def test_a_host_gets_a_suffix_only_where_the_catalogue_says_that_it_takes_one() -> None:
    offering = an_offering("m", "cloud", "frontier")
    body = {"prompt": "a", "suffix": "b"}
    assert only_native({"prompt": "a", "suffix": ""}, offering) == {"prompt": "a", "suffix": ""}
    assert only_native(body, replace(offering, fim="native")) == body
    with pytest.raises(CannotExpress, match="suffix"):
        only_native(body, replace(offering, fim="qwen"))
