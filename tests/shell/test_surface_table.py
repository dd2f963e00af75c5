"""Which surface a path means, and which model it names."""

from pathlib import Path

import pytest

from gateway.dialects import DIALECTS
from gateway.domain.errors import Malformed
from gateway.surfaces import surface as table
from gateway.surfaces.surface import ASKED_CHARS_MAX, SURFACES, Surface, find


def test_every_surface_speaks_a_dialect_and_has_a_name_of_its_own() -> None:
    assert {surface.dialect for surface in SURFACES.values()} <= set(DIALECTS)
    for path, surface in SURFACES.items():
        found = find(path.replace("{model}", "m"))
        assert found is not None
        assert found.surface.name == surface.name
        assert found.asked == ("m" if "{model}" in path else "")


def test_the_glossary_names_every_dialect() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "glossary.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith("| **Dialect** |")]
    assert set(row.partition("(")[2].partition(")")[0].split(", ")) == set(DIALECTS)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/v1/messages/",
        "/v1/messages/../messages",
        "/V1/messages",
        "/v1//messages",
        "/v1/messages%2Fcount_tokens",
        "//v1/messages",
    ],
)
def test_a_path_is_a_surface_only_to_the_letter(path: str) -> None:
    assert find(path) is None


@pytest.fixture
def holed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Surface("holed", "/model/{model}:ask/{any}", "openai_chat", streams=True)
    monkeypatch.setattr(table, "_HOLED", ((table._pattern(made.path), made),))


@pytest.mark.usefixtures("holed")
@pytest.mark.parametrize(
    ("raw", "asked"),
    [("a", "a"), ("a%3Ab", "a:b"), ("a:b", "a:b"), ("a%2F..%2Fb", "a/../b"), ("%C3%A9", "é")],
)
def test_the_model_is_one_label_of_the_path_as_it_came(raw: str, asked: str) -> None:
    found = find(f"/model/{raw}:ask/whatever")
    assert found is not None
    assert (found.surface.name, found.asked) == ("holed", asked)


@pytest.mark.usefixtures("holed")
@pytest.mark.parametrize("raw", ["%ff", "%0a", "a" * (ASKED_CHARS_MAX + 1)])
def test_a_name_that_is_no_plain_text_is_malformed(raw: str) -> None:
    found = find(f"/model/{raw}:ask/x")
    assert found is not None
    assert found.asked == ""
    with pytest.raises(Malformed):
        found.require()
    assert find("/model/:ask/x") is None
    assert find("/model/a:ask/b/c") is None
