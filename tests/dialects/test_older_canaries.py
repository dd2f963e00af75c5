"""Text of a client is no name of a loss, and no word of an error, where texts are embedded, gone on
with or counted."""

import pytest

from gateway.dialects import DIALECTS
from gateway.domain.errors import RequestError
from tests.doubles.fleets import an_offering

OFFERING = an_offering("m", "ollama", "on_prem", wire_model="m:1b")
CANARIES = ("my_canary_prompt", "canary.prompt", "Canary Prompt", "canary\r\nprompt")
PAIRS = {
    "openai_embeddings": ("openai_embeddings", "ollama_embed"),
    "ollama_embed": ("openai_embeddings", "ollama_embed"),
    "openai_completions": ("openai_completions", "ollama_generate"),
    "ollama_generate": ("openai_completions", "ollama_generate"),
    "openai_input_tokens": ("openai_input_tokens", "anthropic_count"),
}


def bodies(dialect: str, canary: str) -> dict[str, dict[str, object]]:
    """Return bodies with the canary in every place where a client may put a word of its own."""
    if dialect == "openai_input_tokens":
        item = {"type": canary, canary: 1}
        turn = {"type": "message", "role": "user", "content": "x"}
        return {
            "field": {"model": "m", "input": "x", canary: 1},
            "item": {"model": "m", "input": [item, turn]},
            "tool": {"model": "m", "input": "x", "tools": [{"type": canary, "name": canary}]},
            "effort": {"model": "m", "input": "x", "reasoning": {"effort": canary}},
        }
    content = "input" if "embed" in dialect else "prompt"
    least: dict[str, object] = {"model": "m", content: "x"}
    return {
        "field": {**least, canary: "x"},
        "object": {**least, content: {canary: canary}},
        "list": {**least, content: [{canary: canary}]},
        "options": {**least, "options": {canary: 1}},
        "option": {**least, "options": {"num_predict": canary, "seed": canary}},
        "format": {**least, "format": canary, "encoding_format": canary},
        "effort": {**least, "think": canary},
        "stop": {**least, "stop": {canary: 1}},
        "stream": {**least, "stream": canary, "stream_options": {canary: canary}},
        "suffix": {**least, "suffix": {canary: canary}},
        "template": {**least, "template": canary, "context": [canary]},
    }


CASES = [
    (source, target, place, canary)
    for source, targets in PAIRS.items()
    for target in targets
    for canary in CANARIES
    for place in bodies(source, canary)
]


@pytest.mark.parametrize(("source", "target", "place", "canary"), CASES)
def test_a_clients_word_is_in_no_loss_and_in_no_error(source, target, place, canary) -> None:
    dialect, body = DIALECTS[source], bodies(source, canary)[place]
    try:
        dialect.peek(body)
        dialect.rewrite(body, OFFERING, False)
        matter, unread = dialect.read(body)
        _, unsaid = DIALECTS[target].write(matter, OFFERING, False)
    except RequestError as error:
        said = [error.what, error.hint]
    else:
        said = [*unread, *unsaid, *dialect.sheds(body)]
    assert not any("canary" in word.lower() for word in said)
    assert all(word.isprintable() for word in said)
