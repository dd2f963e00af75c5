"""Of how many parts a request is made is counted alike in every dialect."""

import pytest

from gateway.classification import sizes
from gateway.classification.sizes import sizes_of
from gateway.domain.decision import Sizes

PIXELS, PAGES = "aGk=", "JVBERg=="
TEXT = {"type": "text", "text": "what is this?"}
SCHEMA = {"name": "look", "parameters": {"type": "object"}}
# A question with an image and a document beside it, and two tools.
ASKED = {
    "openai_chat": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    TEXT,
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                    {"type": "file", "file": {"file_data": PAGES}},
                ],
            },
        ],
        "tools": [{"type": "function", "function": SCHEMA}] * 2,
    },
    "openai_responses": {
        "input": [
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "what is this?"},
                    {"type": "input_image", "image_url": "data:image/png;base64,aGk="},
                    {"type": "input_file", "file_data": PAGES},
                ],
            },
        ],
        "tools": [{"type": "function", **SCHEMA}] * 2,
    },
    "anthropic_messages": {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    TEXT,
                    {"type": "image", "source": {"type": "base64", "data": PIXELS}},
                    {"type": "document", "source": {"type": "base64", "data": PAGES}},
                ],
            }
        ],
        "tools": [SCHEMA, SCHEMA],
    },
    "bedrock_converse": {
        "system": [{"text": "Be brief."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "what is this?"},
                    {"image": {"format": "png", "source": {"bytes": PIXELS}}},
                    {"document": {"format": "pdf", "source": {"bytes": PAGES}}},
                ],
            }
        ],
        "toolConfig": {
            "tools": [
                {"toolSpec": SCHEMA},
                {"toolSpec": SCHEMA},
                {"cachePoint": {"type": "default"}},
            ]
        },
    },
    "gemini": {
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "what is this?"},
                    {"inlineData": {"mimeType": "image/png", "data": PIXELS}},
                    {"file_data": {"mime_type": "application/pdf", "file_uri": "gs://a/b"}},
                ],
            }
        ],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": [SCHEMA, SCHEMA]}],
    },
}


@pytest.mark.parametrize("dialect", ASKED)
def test_parts_images_files_and_tools_are_counted_in_each_dialect(dialect: str) -> None:
    assert sizes_of(ASKED[dialect]) == Sizes(parts=4, images=1, files=1, tools=2)


@pytest.mark.parametrize("dialect", ["anthropic_messages", "bedrock_converse"])
def test_a_request_that_is_only_to_be_counted_is_as_large_as_if_it_were_asked(dialect: str) -> None:
    held = {"input": {"converse": ASKED[dialect]}}
    assert sizes_of(held) == Sizes(parts=4, images=1, files=1, tools=2)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"messages": [{"role": "user", "content": "hi", "images": [PIXELS, PIXELS]}]}, (1, 2, 0)),
        ({"prompt": "hi", "images": [PIXELS]}, (1, 1, 0)),
        ({"prompt": ["one", "two"]}, (2, 0, 0)),
        ({"input": ["one", "two", "three"]}, (3, 0, 0)),
        ({"input": [{"type": "function_call_output", "output": "done"}]}, (1, 0, 0)),
        ({"input": [{"type": "input_audio", "input_audio": {"data": PIXELS}}]}, (1, 0, 1)),
        ({"functions": [SCHEMA]}, (0, 0, 0, 1)),
        ({"tools": [{"google_search": {}}, "odd", None]}, (0, 0, 0, 1)),
        ({"contents": [{"parts": [{"inlineData": {"data": PIXELS}}]}]}, (1, 0, 1)),
        ({"messages": "odd", "tools": "odd", "toolConfig": 3}, (1, 0, 0)),
        ({"messages": [[[["deep"]]]]}, (1, 0, 0)),
        ({"messages": [[[[[[[[["too deep"]]]]]]]]]}, (0, 0, 0)),
        ({"input": [[1, 2], [3, 4]]}, (0, 0, 0)),
        ({}, ()),
    ],
)
def test_every_form_is_counted_as_far_as_it_goes(body: dict, expected: tuple[int, ...]) -> None:
    assert sizes_of(body) == Sizes(*expected)


def test_what_a_tool_gave_back_is_counted_with_the_image_in_it() -> None:
    inner = [TEXT, {"type": "image", "source": {"type": "base64", "data": PIXELS}}]
    said = {"role": "user", "content": [{"type": "tool_result", "content": inner}]}
    assert sizes_of({"messages": [said]}) == Sizes(parts=2, images=1)
    given = [{"text": "done"}, {"image": {"format": "png"}}]
    said = {"role": "user", "content": [{"toolResult": {"toolUseId": "1", "content": given}}]}
    assert sizes_of({"messages": [said]}) == Sizes(parts=2, images=1)


def test_counting_ends_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "PARTS_MAX", 3)
    assert sizes_of({"prompt": ["x"] * 100}) == Sizes(parts=3)
