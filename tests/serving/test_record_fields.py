"""What comes over the wire beside the body stands in the record of every surface, as it may."""

import msgspec
import pytest

from gateway.app.making import ledger_paths
from gateway.audit.canonical import encode
from gateway.audit.record import Attempted, Decided, Personal, Settled
from gateway.config.node import load_node
from gateway.domain.product import known_product
from gateway.flow.named_model import ENDINGS
from gateway.ledger.ledger import field_of
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader, RequestRecords
from gateway.ledger.subject_keys import open_keys
from tests.doubles.every_surface import ASKED, Row
from tests.doubles.ledger_sight import ORIGIN
from tests.doubles.raw_http import ask
from tests.doubles.serving_house import House
from tests.serving.conftest import ENGINES

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CLIENT = "claude-cli/2.0.1 (external, cli)"
FIELDS = (("user-agent", CLIENT), ("traceparent", f"00-{TRACE}-{SPAN}-01"))
AT = [f"{row}-{model}-{'stream' if way else 'whole'}" for row, model, way in ASKED]
# Where an engine names no model in its reply: it only counts.
NAMELESS = frozenset(
    {"count_tokens", "vertex_count", "gemini_count_tokens", "bedrock_count", "input_tokens"}
)


def found_by(house: House, record_id: str) -> RequestRecords:
    house.record(record_id)
    reader = Reader(LedgerFolder(house.gateway.ledger))
    try:
        found = reader.record_of(record_id)
    finally:
        reader.close()
    assert found is not None
    return found


def opened(house: House, *records: Decided | Attempted | Settled | None) -> list[Personal]:
    keys = open_keys(ledger_paths(load_node(house.gateway.node).settings.paths), ORIGIN)
    try:
        return [keys.open_sealed(one.sealed, field_of(one)) for one in records]
    finally:
        keys.close()


@pytest.mark.parametrize(("row", "model", "stream"), ASKED, ids=AT)
def test_every_surface_records_client_trace_sizes_and_what_the_engine_called_itself(
    every: House, row: Row, model: str, stream: bool
) -> None:
    raw = row.raw("hello", model, stream)
    heard = ask(every.url, row.asks(every.gateway.keys["website"], model, raw, stream, FIELDS))
    assert heard.status == 200, heard.body
    found = found_by(every, heard.record)
    decided, settled = found.decided, found.settled
    assert settled is not None
    assert (decided.client, decided.ask.stream) == ("claude-code", stream)
    assert (decided.sizes.parts, decided.sizes.images, decided.sizes.tools) == (1, 0, 0)
    names = {msgspec.UNSET} if row.surface in NAMELESS else {f"{model}{end}" for end in ENDINGS}
    assert settled.response_model in names
    assert settled.took_us >= settled.waited_us >= 0
    assert [one.address for one in settled.tried] == [ENGINES[model.partition("-")[0]]]
    asked, told = opened(every, decided, settled)
    assert (asked.client, asked.client_version) == (CLIENT, "2.0.1")
    assert (asked.trace_id, asked.span_id) == (TRACE, SPAN)
    clear = b"".join(encode(one) for one in (decided, *found.attempted, settled))
    assert not any(word.encode() in clear for word in (TRACE, SPAN, "2.0.1", "external"))
    assert told.response_model is msgspec.UNSET


@pytest.mark.parametrize("traceparent", ["nonsense", f"00-{TRACE}-{SPAN}-01-x", "x" * 5_000])
def test_a_trace_that_is_none_changes_nothing(every: House, traceparent: str) -> None:
    row = ASKED[0][0]
    raw = row.raw("hello", "home-model")
    fields = (("traceparent", traceparent),)
    key = every.gateway.keys["website"]
    heard = ask(every.url, row.asks(key, "home-model", raw, fields=fields))
    assert heard.status == 200
    (personal,) = opened(every, found_by(every, heard.record).decided)
    assert personal.trace_id is msgspec.UNSET


def test_the_libraries_of_the_vendors_are_known_as_they_call_themselves() -> None:
    import anthropic
    import ollama
    import openai
    from botocore.session import Session
    from google import genai

    options = genai.Client(api_key="k")._api_client._http_options
    said = {
        openai.OpenAI(api_key="k").user_agent: "openai-sdk",
        openai.AsyncOpenAI(api_key="k").user_agent: "openai-sdk",
        anthropic.Anthropic(api_key="k").user_agent: "anthropic-sdk",
        anthropic.AsyncAnthropic(api_key="k").user_agent: "anthropic-sdk",
        ollama.Client()._client.headers["user-agent"]: "ollama",
        options.headers["user-agent"]: "google-genai",
        Session().user_agent(): "aws-sdk",
    }
    assert {one: known_product(one).name for one in said} == said
    assert all(known_product(one).version for one in said)
