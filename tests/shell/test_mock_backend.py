"""The scripted engine is checked with the vendors' own clients."""

import anthropic
import httpx
import ollama
import openai
import pytest

from gateway.cli.mock_backend.script import BEHAVIOURS, parse_behaviour
from tests.doubles.scripted_engine import RunningEngine, scripted_engine

TOOL_SCHEMA = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "line": {"type": "integer"}},
}
OPENAI_TOOL = {"type": "function", "function": {"name": "read", "parameters": TOOL_SCHEMA}}
ANTHROPIC_TOOL = {"name": "read", "input_schema": TOOL_SCHEMA}


@pytest.fixture
def engine():
    with scripted_engine() as running:
        yield running


def openai_client(engine: RunningEngine) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{engine.url}/v1", api_key="none", max_retries=0)


def anthropic_client(engine: RunningEngine) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=engine.url, api_key="none", max_retries=0)


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_the_openai_client_reads_a_whole_reply_and_a_stream(engine) -> None:
    client = openai_client(engine)
    whole = client.chat.completions.create(model="m", messages=said("hello"))
    assert whole.choices[0].message.content.startswith("scripted: ")
    stream = client.chat.completions.create(
        model="m", messages=said("hello"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text.startswith("scripted: ")
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_the_openai_client_reads_a_tool_call(engine) -> None:
    client = openai_client(engine)
    whole = client.chat.completions.create(
        model="m", messages=said("mock:tool"), tools=[OPENAI_TOOL]
    )
    call = whole.choices[0].message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("read", '{"path":"amber","line":7}')
    with client.chat.completions.stream(
        model="m", messages=said("mock:tool"), tools=[OPENAI_TOOL]
    ) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.tool_calls[0].function.arguments == call.function.arguments
    assert final.choices[0].finish_reason == "tool_calls"


def test_the_openai_client_reads_a_response_a_call_and_a_cut(engine) -> None:
    client = openai_client(engine)
    whole = client.responses.create(model="m", input="hello")
    assert (whole.status, whole.output_text[:10]) == ("completed", "scripted: ")
    with client.responses.stream(model="m", input="mock:think") as stream:
        final = stream.get_final_response()
    assert [item.type for item in final.output] == ["reasoning", "message"]
    tool = {"type": "function", **OPENAI_TOOL["function"], "strict": False}
    with client.responses.stream(model="m", input="mock:tool", tools=[tool]) as stream:
        call = stream.get_final_response().output[0]
    assert (call.name, call.arguments) == ("read", '{"path":"amber","line":7}')
    cut = client.responses.create(model="m", input="mock:length")
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    broken = list(client.responses.create(model="m", input="mock:break=2", stream=True))
    assert (broken[-1].type, broken[-1].message) == ("error", "the scripted engine broke")


def test_the_anthropic_client_reads_every_kind_of_block(engine) -> None:
    client = anthropic_client(engine)
    asked = {"model": "m", "max_tokens": 64}
    whole = client.messages.create(messages=said("mock:think"), **asked)
    assert [block.type for block in whole.content] == ["thinking", "text"]
    with client.messages.stream(
        messages=said("mock:tool mock:think"), tools=[ANTHROPIC_TOOL], **asked
    ) as stream:
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "tool_use"]
    assert final.content[1].input == {"path": "amber", "line": 7}
    assert final.stop_reason == "tool_use"


def test_the_ollama_client_reads_it_as_ollama(engine) -> None:
    client = ollama.Client(host=engine.url)
    whole = client.chat(model="m", messages=said("mock:think"))
    assert whole.message.content.startswith("scripted: ")
    assert whole.message.thinking == "Let me think."
    lines = list(
        client.chat(model="m", messages=said("mock:tool"), tools=[OPENAI_TOOL], stream=True)
    )
    assert lines[0].message.tool_calls[0].function.arguments == {"path": "amber", "line": 7}
    assert lines[-1].done
    assert lines[-1].done_reason == "stop"
    assert client.show("m").capabilities == ["completion", "tools", "thinking"]
    assert client.list().models[0].model == "scripted:latest"


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("status=429", openai.RateLimitError),
        ("status=500", openai.InternalServerError),
        ("context", openai.BadRequestError),
        ("cut=3", Exception),
        ("break=2", openai.APIError),
    ],
)
def test_misbehaviour_reaches_the_openai_client_as_its_own_errors(engine, behaviour, expected):
    with pytest.raises(expected):
        list(
            openai_client(engine).chat.completions.create(
                model="m", messages=said(f"please mock:{behaviour}"), stream=True
            )
        )


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("status=429", anthropic.RateLimitError),
        ("status=529", anthropic.InternalServerError),
        ("context", anthropic.BadRequestError),
        ("break=2", anthropic.APIStatusError),
    ],
)
def test_misbehaviour_reaches_the_anthropic_client_as_its_own_errors(engine, behaviour, expected):
    with pytest.raises(expected):
        list(
            anthropic_client(engine).messages.create(
                model="m", max_tokens=9, messages=said(f"mock:{behaviour}"), stream=True
            )
        )


def test_misbehaviour_reaches_the_ollama_client_as_its_own_errors(engine) -> None:
    client = ollama.Client(host=engine.url)
    for behaviour in ("status=503", "context"):
        with pytest.raises(ollama.ResponseError):
            client.chat(model="m", messages=said(f"mock:{behaviour}"))
    with pytest.raises(ollama.ResponseError, match="broke"):
        list(client.chat(model="m", messages=said("mock:break=1"), stream=True))


def test_several_choices_take_turns_in_a_stream(engine) -> None:
    client = openai_client(engine)
    whole = client.chat.completions.create(model="m", messages=said("hello"), n=3)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    chunks = list(
        client.chat.completions.create(model="m", messages=said("hello"), n=2, stream=True)
    )
    assert [c.choices[0].index for c in chunks[:4]] == [0, 1, 0, 1]
    for index in (0, 1):
        mine = [c.choices[0] for c in chunks if c.choices[0].index == index]
        text = "".join(choice.delta.content or "" for choice in mine)
        assert text.startswith("scripted: ")
        assert [choice.finish_reason for choice in mine if choice.finish_reason] == ["stop"]


@pytest.mark.parametrize("n", [0, -1, 99, "two", None])
def test_a_number_of_choices_that_makes_no_sense_is_bounded(engine, n) -> None:
    asked = {"model": "m", "messages": said("hello"), "n": n}
    reply = httpx.post(f"{engine.url}/v1/chat/completions", json=asked, trust_env=False)
    assert len(reply.json()["choices"]) == (8 if n == 99 else 1)


def test_a_call_that_is_cut_is_text_when_whole_and_half_a_call_in_a_stream(engine) -> None:
    asked = {"model": "m", "messages": said("mock:tool mock:length"), "tools": [OPENAI_TOOL]}
    client = openai_client(engine)
    whole = client.chat.completions.create(**asked).choices[0]
    assert (whole.message.tool_calls, whole.finish_reason) == (None, "length")
    assert whole.message.content.startswith('<tool_call>{"name": "read"')
    chunks = list(client.chat.completions.create(stream=True, **asked))
    calls = [call for c in chunks for call in c.choices[0].delta.tool_calls or []]
    assert "".join(call.function.arguments or "" for call in calls) == '{"path":"amb'
    assert chunks[-1].choices[0].finish_reason == "length"


def test_a_call_that_the_request_names_ends_with_the_reason_stop(engine) -> None:
    named = {"type": "function", "function": {"name": "read"}}
    reply = openai_client(engine).chat.completions.create(
        model="m", messages=said("mock:tool"), tools=[OPENAI_TOOL], tool_choice=named
    )
    assert reply.choices[0].message.tool_calls[0].function.name == "read"
    assert reply.choices[0].finish_reason == "stop"


def test_a_stop_sequence_is_told_in_both_dialects(engine) -> None:
    chat = openai_client(engine).chat.completions.create(
        model="m", messages=said("mock:stop"), stop=["HALT", "more"]
    )
    assert (chat.choices[0].finish_reason, chat.choices[0].stop_reason) == ("stop", "HALT")
    message = anthropic_client(engine).messages.create(
        model="m", max_tokens=9, messages=said("mock:stop"), stop_sequences=["HALT"]
    )
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "HALT")


def test_a_thought_that_is_cut_leaves_nothing_said(engine) -> None:
    message = anthropic_client(engine).messages.create(
        model="m", max_tokens=9, messages=said("mock:think mock:length")
    )
    assert [block.type for block in message.content] == ["thinking"]
    assert message.stop_reason == "max_tokens"
    whole = ollama.Client(host=engine.url).chat(model="m", messages=said("mock:think mock:length"))
    assert (whole.message.content, whole.done_reason) == ("", "length")


def test_what_came_from_a_cache_is_told_apart(engine) -> None:
    chat = openai_client(engine).chat.completions.create(model="m", messages=said("mock:cached=8"))
    assert chat.usage.prompt_tokens_details.cached_tokens == 8
    with anthropic_client(engine).messages.stream(
        model="m", max_tokens=9, messages=said("mock:cached=8")
    ) as stream:
        begun = next(event for event in stream if event.type == "message_start").message.usage
        final = stream.get_final_message().usage
    assert final.cache_read_input_tokens == 8
    assert begun.input_tokens == final.input_tokens + 8


def test_a_rate_limit_says_when_to_come_back(engine) -> None:
    with pytest.raises(openai.RateLimitError) as refused:
        openai_client(engine).chat.completions.create(
            model="m", messages=said("mock:status=429 mock:retry-after=2")
        )
    assert refused.value.response.headers["retry-after"] == "2"


def test_a_hang_lasts_until_the_client_leaves(engine) -> None:
    impatient = openai.OpenAI(
        base_url=f"{engine.url}/v1", api_key="none", max_retries=0, timeout=0.3
    )
    with pytest.raises(openai.APITimeoutError):
        impatient.chat.completions.create(model="m", messages=said("mock:hang"))


def test_the_same_seed_and_request_give_the_same_words() -> None:
    texts = []
    for seed in (1, 1, 2):
        with scripted_engine(seed=seed) as engine:
            reply = openai_client(engine).chat.completions.create(
                model="m", messages=said("mock:words=30")
            )
            texts.append(reply.choices[0].message.content)
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_ollama_served_from_elsewhere_says_so() -> None:
    asked = {"model": "m", "messages": said("hello"), "stream": False}
    with scripted_engine("remote") as engine:
        whole = httpx.post(f"{engine.url}/api/chat", json=asked, trust_env=False)
        shown = httpx.post(f"{engine.url}/api/show", json={"model": "m"}, trust_env=False)
    assert whole.json()["remote_host"] == shown.json()["remote_host"]


def test_every_reply_says_that_it_is_scripted(engine) -> None:
    answer = openai_client(engine).chat.completions.with_raw_response.create(
        model="m", messages=said("hello")
    )
    assert answer.headers["x-perimeter-scripted"] == "1"


def test_a_behaviour_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="there are"):
        parse_behaviour("sing")
    assert parse_behaviour("cut=3").argument == 3
    assert all(parse_behaviour(name).argument is None for name in BEHAVIOURS)
