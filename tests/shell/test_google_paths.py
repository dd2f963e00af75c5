"""Where Google's surfaces are, and in which words they speak."""

import pytest

from gateway.domain.errors import Malformed
from gateway.surfaces.surface import SURFACES, find

VERTEX = "/{version}/projects/p/locations/europe-west4/publishers/google/models/m"
PLACES = [
    "/v1/models/m",
    "/v1beta/models/m",
    VERTEX.replace("{version}", "v1"),
    VERTEX.replace("{version}", "v1beta1"),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        (("generateContent", ""), ("generate_content", "gemini", False)),
        (("generateContent", "alt=sse"), ("generate_content", "gemini", False)),
        (("streamGenerateContent", "alt=sse"), ("generate_content", "gemini", True)),
        (("streamGenerateContent", "key=x&$alt=sse"), ("generate_content", "gemini", True)),
        (("streamGenerateContent", ""), ("generate_content", "gemini_array", True)),
        (("streamGenerateContent", "alt=json"), ("generate_content", "gemini_array", True)),
        (("countTokens", ""), ("gemini_count_tokens", "gemini_count", False)),
    ],
)
def test_the_path_says_model_operation_and_form(place, asked, spoken):
    method, query = asked
    found = find(f"{place}:{method}", query)
    assert found is not None
    assert found.asked == "m"
    surface = found.surface
    assert (surface.name, surface.dialect, surface.streams) == spoken


@pytest.mark.parametrize(
    ("raw", "asked"),
    [
        ("gemini-3-pro", "gemini-3-pro"),
        ("home:qwen3:14b", "home:qwen3:14b"),
        ("home%3Aqwen", "home:qwen"),
        ("a%2Fb", "a/b"),
        ("Qwen/Qwen3", "Qwen/Qwen3"),
    ],
)
def test_a_model_in_the_path_keeps_its_name(raw, asked):
    found = find(f"/v1beta/models/{raw}:generateContent")
    assert found is not None
    assert found.asked == asked


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/m",
        "/v1beta/models/m:embedContent",
        "/v1beta/models/:generateContent",
        "/v1beta/models//m:generateContent",
        "/v1beta/models/m/:generateContent",
        "/v2/models/m:generateContent",
        "/v1beta/models/m:generateContent/more",
        "/v1/projects/p/locations/l/publishers/anthropic/models/m:generateContent",
    ],
)
def test_other_paths_are_nobodys(path):
    assert find(path) is None


def test_a_model_that_is_no_text_is_malformed():
    for raw in ("%ff", "a%0Ab", "m" * 3000):
        found = find(f"/v1beta/models/{raw}:generateContent")
        assert found is not None
        with pytest.raises(Malformed):
            found.require()


def test_no_two_surfaces_share_a_path():
    assert len([path for path in SURFACES if "generateContent" in path]) == len(PLACES)
