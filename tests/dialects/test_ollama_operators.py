"""How an Ollama server loads its models, and for how long, is its operator's."""

import pytest

from gateway.dialects.ollama_chat import OLLAMA_CHAT as DIALECT
from gateway.domain.errors import Malformed
from tests.doubles.ollama_talk import OFFERING, asking


@pytest.mark.parametrize("keep_alive", [0, -1, "24h"])
def test_for_how_long_a_model_stays_is_the_operators(keep_alive):
    body = asking(keep_alive=keep_alive)
    assert "keep_alive" not in DIALECT.rewrite(body, OFFERING, True)
    assert DIALECT.sheds(body) == ("keep_alive",)


def test_how_a_model_is_loaded_is_the_operators():
    options = {"num_ctx": 9, "num_gpu": 0, "num_thread": 1, "use_mmap": False, "seed": 7}
    body = asking(options=options, truncate=True, shift=False)
    assert DIALECT.rewrite(body, OFFERING, True)["options"] == {"num_ctx": 8192, "seed": 7}
    assert DIALECT.sheds(body) == ("truncate", "num_ctx", "num_gpu", "num_thread", "use_mmap")
    assert DIALECT.read(body)[1] == (
        "truncate", "shift", "num_ctx", "num_gpu", "num_thread", "use_mmap",
    )  # fmt: skip
    assert DIALECT.sheds(asking()) == DIALECT.sheds(asking(options=None, keep_alive=None)) == ()


def test_an_empty_prompt_that_would_load_or_unload_a_model_is_refused():
    with pytest.raises(Malformed):
        DIALECT.peek({"model": "code", "messages": [], "keep_alive": 0})
