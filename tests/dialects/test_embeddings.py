"""Texts in, vectors out: what is asked, what passes, and numbers that survive exactly."""

import struct
from base64 import b64encode

import msgspec
import ollama
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.ollama_embed import OLLAMA_EMBED
from gateway.dialects.openai_embeddings import OPENAI_EMBEDDINGS
from gateway.domain.dialect import Heard
from gateway.domain.embedding import Embedding
from gateway.domain.errors import CannotExpress, Malformed, Unreachable
from gateway.domain.event import Began, Broke, Used, Vector
from gateway.domain.money import Tokens
from gateway.domain.request import Operation
from gateway.domain.route import FailureKind
from tests.doubles.fleets import an_offering

OFFERING = an_offering("embedder", "vllm", "on_prem", wire_model="BAAI/bge-m3")
RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
ASKED = {"model": "embedder", "input": "hello"}
EVENTS = (
    Began(model="BAAI/bge-m3"),
    Vector(0, (0.1, -2.5)),
    Vector(1, (1e-07, 3.0)),
    Used(Tokens(input_tokens=7)),
)
BOTH = pytest.mark.parametrize("dialect", [OPENAI_EMBEDDINGS, OLLAMA_EMBED], ids=lambda d: d.name)
float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
vectors = st.lists(st.lists(float32, min_size=1, max_size=8), min_size=1, max_size=4)


def packed(*values: float) -> str:
    return b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


def openai_reply(*embeddings: object, **more: object) -> bytes:
    data = [
        {"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(embeddings)
    ]
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    head = {"object": "list", "data": data, "model": "BAAI/bge-m3", "usage": usage}
    return msgspec.json.encode({**head, **more})


def ollama_reply(*embeddings: object, **more: object) -> bytes:
    head = {"model": "bge-m3", "embeddings": embeddings, "total_duration": 5}
    return msgspec.json.encode({**head, "prompt_eval_count": 7, **more})


@BOTH
def test_a_request_asks_for_vectors_and_never_for_a_stream(dialect) -> None:
    ask = dialect.peek(ASKED)
    assert (ask.model, ask.stream, ask.needs) == ("embedder", False, frozenset())
    assert dialect.operation is Operation.EMBED


@BOTH
@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"model": 1},
        {"model": None},
        {"input": None},
        {"input": []},
        {"input": 1},
        {"input": ["a", 1]},
        {"input": {"text": "a"}},
        {"input": ["a"] * 2049},
        {"dimensions": 0},
        {"dimensions": "8"},
    ],
    ids=str,
)
def test_a_field_of_a_wrong_kind_is_named_and_not_repeated(dialect, wrong) -> None:
    with pytest.raises(Malformed) as caught:
        dialect.peek({**ASKED, **wrong})
    assert next(iter(wrong)) in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"stream": True},
        {"encoding_format": "canary"},
        {"input": [[]]},
        {"input": [[1, "a"]]},
        {"input": [1, -1]},
        {"input": [True]},
    ],
    ids=str,
)
def test_what_openai_does_not_take_is_malformed(wrong) -> None:
    with pytest.raises(Malformed) as caught:
        OPENAI_EMBEDDINGS.peek({**ASKED, **wrong})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("tokens", [[1, 2], [[1, 2], [3]]], ids=str)
def test_ids_of_tokens_pass_to_an_engine_of_the_dialect_and_nowhere_else(tokens) -> None:
    body = {**ASKED, "input": tokens}
    assert OPENAI_EMBEDDINGS.peek(body).model == "embedder"
    assert OPENAI_EMBEDDINGS.rewrite(body, OFFERING, False)["input"] == tokens
    assert OPENAI_EMBEDDINGS.unseen(body) == ("input",)
    with pytest.raises(CannotExpress, match="ids of tokens"):
        OPENAI_EMBEDDINGS.read(body)


@pytest.mark.parametrize("words", ["hello", ["a", "b"]], ids=str)
def test_words_are_seen(words) -> None:
    assert OPENAI_EMBEDDINGS.unseen({**ASKED, "input": words}) == ()


def test_what_passes_to_an_engine_of_the_dialect_has_its_name_for_the_model() -> None:
    body = {**ASKED, "encoding_format": "base64", "user": "ada"}
    assert OPENAI_EMBEDDINGS.rewrite(body, OFFERING, False) == {**body, "model": "BAAI/bge-m3"}


@pytest.mark.parametrize("name", ["messages", "chat_template", "cache_salt"])
def test_what_reaches_past_the_texts_is_refused(name) -> None:
    with pytest.raises(CannotExpress, match=name):
        OPENAI_EMBEDDINGS.rewrite({**ASKED, name: "x"}, OFFERING, False)


def test_an_ollama_server_cuts_nothing_unasked_and_keeps_its_window() -> None:
    body = {**ASKED, "options": {"num_ctx": 1, "seed": 2}, "stream": True, "keep_alive": "1m"}
    passed = OLLAMA_EMBED.rewrite(body, OFFERING, False)
    assert passed == {
        "model": "BAAI/bge-m3",
        "input": "hello",
        "keep_alive": "1m",
        "truncate": False,
        "options": {"num_ctx": 8192, "seed": 2},
    }
    assert OLLAMA_EMBED.sheds(body) == ("stream",)
    assert OLLAMA_EMBED.sheds(ASKED) == ()
    assert OLLAMA_EMBED.rewrite({**ASKED, "truncate": True}, OFFERING, False)["truncate"] is True


@pytest.mark.parametrize(
    ("source", "more", "said", "lost"),
    [
        (OPENAI_EMBEDDINGS, {}, Embedding(("hello",)), ()),
        (
            OPENAI_EMBEDDINGS,
            {"input": ["a", "b"], "dimensions": 8, "encoding_format": "base64"},
            Embedding(("a", "b"), 8),
            (),
        ),
        (OPENAI_EMBEDDINGS, {"user": "ada"}, Embedding(("hello",)), ("user",)),
        (OPENAI_EMBEDDINGS, {"my_canary": "x"}, Embedding(("hello",)), ("unknown_field",)),
        (OLLAMA_EMBED, {}, Embedding(("hello",)), ()),
        (OLLAMA_EMBED, {"truncate": False}, Embedding(("hello",)), ()),
        (
            OLLAMA_EMBED,
            {"input": ["a"], "truncate": True, "dimensions": 8, "options": {}},
            Embedding(("a",), 8, may_cut=True),
            (),
        ),
        (
            OLLAMA_EMBED,
            {"options": {"seed": 1}, "keep_alive": 5, "my_canary": 1},
            Embedding(("hello",)),
            ("options", "keep_alive", "unknown_field"),
        ),
    ],
    ids=lambda one: getattr(one, "name", None) or str(one),
)
def test_texts_are_read_and_what_is_lost_is_named(source, more, said, lost) -> None:
    assert source.read({**ASKED, **more}) == (said, lost)


def test_texts_are_written_for_each_engine() -> None:
    wanted = Embedding(("a", "b"), 8, may_cut=True)
    assert OPENAI_EMBEDDINGS.write(wanted, OFFERING, False) == (
        {
            "model": "BAAI/bge-m3",
            "input": ["a", "b"],
            "encoding_format": "float",
            "dimensions": 8,
        },
        ("truncate",),
    )
    assert OLLAMA_EMBED.write(wanted, OFFERING, False) == (
        {
            "model": "BAAI/bge-m3",
            "input": ["a", "b"],
            "truncate": True,
            "options": {"num_ctx": 8192},
            "dimensions": 8,
        },
        (),
    )
    assert "dimensions" not in OPENAI_EMBEDDINGS.write(Embedding(("a",)), OFFERING, False)[0]
    assert "dimensions" not in OLLAMA_EMBED.write(Embedding(("a",)), OFFERING, False)[0]


@pytest.mark.parametrize(
    ("dialect", "raw", "model"),
    [
        (OPENAI_EMBEDDINGS, openai_reply([0.1, -2.5], [1e-07, 3.0]), "BAAI/bge-m3"),
        (OLLAMA_EMBED, ollama_reply([0.1, -2.5], [1e-07, 3]), "bge-m3"),
    ],
    ids=["openai", "ollama"],
)
def test_a_reply_is_heard_and_read(dialect, raw, model) -> None:
    assert dialect.hear(raw) == Heard(Tokens(input_tokens=7), None, model)
    assert dialect.read_reply(raw) == (Began(model=model), *EVENTS[1:])


def test_vectors_come_in_the_order_of_their_inputs() -> None:
    data = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
    events = OPENAI_EMBEDDINGS.read_reply(openai_reply(data=data, usage=None))
    assert events[1:] == (Vector(0, (1.0,)), Vector(1, (2.0,)))


@pytest.mark.parametrize(
    ("dialect", "raw"),
    [
        (OPENAI_EMBEDDINGS, openai_reply([1.0], usage=None)),
        (OPENAI_EMBEDDINGS, openai_reply([1.0], usage={"prompt_tokens": -1})),
        (OLLAMA_EMBED, ollama_reply([1.0], prompt_eval_count=None)),
    ],
)
def test_usage_that_is_not_said_is_not_made_up(dialect, raw) -> None:
    assert dialect.hear(raw).usage is None
    assert not any(isinstance(event, Used) for event in dialect.read_reply(raw))


@pytest.mark.parametrize("both", [OPENAI_EMBEDDINGS.hear, OPENAI_EMBEDDINGS.read_reply])
@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"{}", openai_reply(), b'{"data":[1]}'])
def test_what_is_no_reply_of_openai_is_not_read(both, raw) -> None:
    with pytest.raises(ValueError, match="no vectors"):
        both(raw)


@pytest.mark.parametrize("both", [OLLAMA_EMBED.hear, OLLAMA_EMBED.read_reply])
@pytest.mark.parametrize("raw", [b"", b"<html>", b"{}", b"[]", b'{"embeddings":1}'])
def test_what_is_no_reply_of_ollama_is_not_read(both, raw) -> None:
    with pytest.raises(ValueError, match="no vectors"):
        both(raw)


@pytest.mark.parametrize(
    "embedding",
    ["!!!", packed(float("inf")), packed(float("nan")), "AAAAAAA="],
)
def test_a_packed_vector_that_is_none_is_not_read(embedding) -> None:
    raw = openai_reply(embedding)
    assert OPENAI_EMBEDDINGS.hear(raw).broke is None
    with pytest.raises(ValueError, match=r".+"):
        OPENAI_EMBEDDINGS.read_reply(raw)


def test_an_ollama_server_that_was_asked_for_nothing_says_nothing() -> None:
    assert OLLAMA_EMBED.hear(ollama_reply()).broke is None
    assert OLLAMA_EMBED.read_reply(ollama_reply())[1:] == (Used(Tokens(input_tokens=7)),)


def test_an_error_inside_a_reply_is_one() -> None:
    raw = b'{"error": {"message": "too long", "code": 400, "param": "input_tokens"}}'
    assert OPENAI_EMBEDDINGS.hear(raw).broke == (FailureKind.CONTEXT_EXCEEDED, "too long")
    assert OPENAI_EMBEDDINGS.read_reply(raw) == (Broke("context_exceeded", "too long"),)
    raw = b'{"error": "the input length exceeds the context length"}'
    heard = OLLAMA_EMBED.hear(raw).broke
    assert heard is not None
    assert heard[0] is FailureKind.CONTEXT_EXCEEDED
    assert OLLAMA_EMBED.read_reply(raw) == (Broke(*heard),)


def test_a_reply_is_written_for_the_official_clients() -> None:
    raw = OPENAI_EMBEDDINGS.write_reply(EVENTS, "embedder", RECORD)
    whole = openai.types.CreateEmbeddingResponse.model_validate_json(raw, strict=True)
    assert [one.embedding for one in whole.data] == [[0.1, -2.5], [1e-07, 3.0]]
    assert [one.index for one in whole.data] == [0, 1]
    assert (whole.model, whole.usage.prompt_tokens) == ("embedder", 7)
    raw = OLLAMA_EMBED.write_reply(EVENTS, "embedder", RECORD)
    native = ollama.EmbedResponse.model_validate_json(raw)
    assert [list(one) for one in native.embeddings] == [[0.1, -2.5], [1e-07, 3.0]]
    assert (native.model, native.prompt_eval_count) == ("embedder", 7)


def test_a_reply_without_usage_is_written_all_the_same() -> None:
    bare = EVENTS[:2]
    raw = OPENAI_EMBEDDINGS.write_reply(bare, "embedder", RECORD)
    assert msgspec.json.decode(raw)["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    assert "prompt_eval_count" not in msgspec.json.decode(
        OLLAMA_EMBED.write_reply(bare, "embedder", RECORD)
    )


@pytest.mark.parametrize("places", [(1,), (0, 0), (0, 2)])
def test_ollama_gives_no_vector_the_place_of_another(places) -> None:
    events = tuple(Vector(place, (1.0,)) for place in places)
    with pytest.raises(ValueError, match="missing"):
        OLLAMA_EMBED.write_reply(events, "embedder", RECORD)


@given(vectors)
def test_every_number_survives_from_engine_to_client(found) -> None:
    native = OLLAMA_EMBED.read_reply(ollama_reply(*found))
    plain = msgspec.json.decode(OPENAI_EMBEDDINGS.write_reply(native, "e", RECORD))
    assert [one["embedding"] for one in plain["data"]] == found
    wanting = OPENAI_EMBEDDINGS.answering({**ASKED, "encoding_format": "base64"})
    small = msgspec.json.decode(wanting.write_reply(native, "e", RECORD))
    assert [one["embedding"] for one in small["data"]] == [packed(*one) for one in found]
    back = OPENAI_EMBEDDINGS.read_reply(openai_reply(*(packed(*one) for one in found)))
    assert msgspec.json.decode(OLLAMA_EMBED.write_reply(back, "e", RECORD))["embeddings"] == found


def test_a_number_that_float32_cannot_hold_is_not_packed() -> None:
    wanting = OPENAI_EMBEDDINGS.answering({**ASKED, "encoding_format": "base64"})
    with pytest.raises(ValueError, match="float32"):
        wanting.write_reply((Vector(0, (1e300,)),), "e", RECORD)


def test_numbers_are_the_form_unless_another_is_asked_for() -> None:
    assert OPENAI_EMBEDDINGS.answering(ASKED) is OPENAI_EMBEDDINGS


@BOTH
def test_nothing_of_a_stream_is_there(dialect) -> None:
    with pytest.raises(Unreachable):
        dialect.reader()
