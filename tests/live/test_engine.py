"""The test engine is what the other live tests take it for."""

import http.client
import time
from contextlib import closing

import msgspec

from tests.live import engine

IDLE_SECONDS_MAX = 10.0


def post(port: int, **fields: object) -> http.client.HTTPConnection:
    body = {
        "model": engine.SERVED_MODEL,
        "messages": [{"role": "user", "content": "Say something."}],
        **fields,
    }
    connection = http.client.HTTPConnection(engine.HOST, port, timeout=engine.ANSWER_SECONDS_MAX)
    headers = {"content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", msgspec.json.encode(body), headers)
    return connection


def test_the_engine_answers_and_counts(vllm_engine: engine.Engine) -> None:
    with closing(post(vllm_engine.port, max_tokens=4)) as connection:
        response = connection.getresponse()
        answer = msgspec.json.decode(response.read())
    assert response.status == 200
    assert answer["usage"]["completion_tokens"] == 4


def test_the_engine_lets_go_of_a_stream_nobody_reads(vllm_engine: engine.Engine) -> None:
    tokens_max = 8000
    before = vllm_engine.metric("vllm:generation_tokens_total")
    with (
        closing(
            post(vllm_engine.port, max_tokens=tokens_max, ignore_eos=True, stream=True)
        ) as connection,
        closing(connection.getresponse()) as response,
    ):
        response.readline()
    deadline = time.monotonic() + IDLE_SECONDS_MAX
    while vllm_engine.metric("vllm:num_requests_running") and time.monotonic() < deadline:
        time.sleep(engine.PAUSE_SECONDS)
    assert vllm_engine.metric("vllm:num_requests_running") == 0
    assert vllm_engine.metric("vllm:generation_tokens_total") - before < tokens_max
