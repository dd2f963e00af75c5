"""What makes a provider act, in every vendor's form, on every surface and in every place of a body.

A surface has its own form of each, which is refused there (`test_adversaries_egress`). What another
vendor has is no form of that surface, so nobody here reads it as one: an engine outside might.
"""

from typing import Any

import msgspec
import pytest

from tests.doubles.outside import told_outside
from tests.doubles.smuggled import PLACES, meant, smuggling
from tests.flow.test_adversaries_surfaces import BODIES

pytestmark = pytest.mark.anyio
every_dialect = pytest.mark.parametrize("dialect", BODIES)
URL = "https://internal.example/CANARY?X-Amz-Signature=CANARY"
S3 = {"s3Location": {"uri": "s3://bucket/CANARY"}}

ADDRESSES: tuple[Any, ...] = (
    URL,
    {"type": "image_url", "image_url": {"url": URL}},
    {"type": "image_url", "image_url": URL},
    {"type": "audio_url", "audio_url": {"url": URL}},
    {"type": "video_url", "video_url": {"url": URL}},
    {"type": "input_image", "image_url": URL},
    {"type": "input_file", "file_url": URL},
    {"type": "image", "source": {"type": "url", "url": URL}},
    {"type": "document", "source": {"type": "url", "url": URL}},
    {"type": "resource_link", "uri": URL},
    {"fileData": {"fileUri": "gs://bucket/CANARY", "mimeType": "application/pdf"}},
    {"file_data": {"file_uri": "gs://bucket/CANARY", "mime_type": "application/pdf"}},
    {"image": {"format": "png", "source": S3}},
    {"document": {"format": "pdf", "name": "a", "source": S3}},
    {"video": {"format": "mp4", "source": S3}},
)
KEPT: tuple[Any, ...] = (
    {"type": "file", "file": {"file_id": "file-CANARY"}},
    {"type": "input_file", "file_id": "file-CANARY"},
    {"type": "input_image", "file_id": "file-CANARY"},
    {"type": "document", "source": {"type": "file", "file_id": "file_CANARY"}},
    {"type": "container_upload", "file_id": "file_CANARY"},
    {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-CANARY"]}},
    {"type": "file_search", "vector_store_ids": ["vs_CANARY"]},
    {"type": "item_reference", "id": "rs_CANARY"},
    {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/CANARY"}},
    {"retrieval": {"vertexAiSearch": {"datastore": "CANARY"}}},
)
PROVIDERS_TOOLS: tuple[Any, ...] = (
    {"type": "web_search", "name": "web_search", "CANARY": 1},
    {"type": "web_search_20260209", "name": "web_search", "allowed_domains": ["CANARY"]},
    {"type": "web_fetch_20260209", "name": "web_fetch", "allowed_domains": ["CANARY"]},
    {"type": "code_execution_20250825", "name": "CANARY"},
    {"type": "computer_use_preview", "environment": "CANARY"},
    {"type": "x_search", "from": "CANARY"},
    {"googleSearch": {"CANARY": 1}},
    {"google_search": {"CANARY": 1}},
    {"urlContext": {"CANARY": 1}},
    {"codeExecution": {"CANARY": 1}},
    {"systemTool": {"name": "CANARY"}},
)
REMOTE: tuple[Any, ...] = (
    {"type": "mcp", "server_label": "a", "server_url": URL, "authorization": "CANARY"},
    {"type": "mcp", "server_label": "a", "connector_id": "CANARY", "authorization": "CANARY"},
    {"type": "url", "url": URL, "name": "a", "authorization_token": "CANARY"},
    {"type": "mcp_toolset", "mcp_server_name": "CANARY"},
    {"mcpServers": [{"streamableHttpTransport": {"url": URL}}]},
)


def test_every_dialect_of_a_surface_has_its_places() -> None:
    assert PLACES.keys() == BODIES.keys()


async def nothing_meant(dialect: str, body: dict[str, Any]) -> None:
    """No engine outside is told it, but as words that somebody said."""
    for call in await told_outside(dialect, body):
        assert not meant(msgspec.json.decode(call.body), "CANARY"), (body, call)
        assert "CANARY" not in call.path + repr(call.headers)


@every_dialect
async def test_adv_21_no_vendors_form_of_an_address_passes(dialect: str) -> None:
    for part in ADDRESSES:
        for body in smuggling(dialect, part):
            await nothing_meant(dialect, body)


@every_dialect
async def test_adv_22_no_vendors_form_of_what_it_keeps_passes(dialect: str) -> None:
    for part in KEPT:
        for body in smuggling(dialect, part):
            await nothing_meant(dialect, body)


@every_dialect
async def test_adv_26_no_vendors_form_of_its_own_tools_passes(dialect: str) -> None:
    for part in PROVIDERS_TOOLS:
        for body in smuggling(dialect, part):
            await nothing_meant(dialect, body)


@every_dialect
async def test_adv_27_no_vendors_form_of_a_remote_server_passes(dialect: str) -> None:
    for part in REMOTE:
        for body in smuggling(dialect, part):
            await nothing_meant(dialect, body)
    for name in ("mcp_servers", "mcpServers", "connectors"):
        for part in REMOTE:
            await nothing_meant(dialect, BODIES[dialect]("hello") | {name: [part]})


TURNS: dict[str, Any] = {
    "previous_response_id": "resp_CANARY",
    "conversation": "conv_CANARY",
    "conversation_id": "conv_CANARY",
    "session_id": "CANARY",
    "thread_id": "thread_CANARY",
    "prompt": {"id": "pmpt_CANARY"},
    "cachedContent": "cachedContents/CANARY",
    "cached_content": "cachedContents/CANARY",
    "container": "container_CANARY",
    "promptVariables": {"a": {"text": "CANARY"}},
}


@every_dialect
async def test_adv_23_turns_that_somebody_keeps_are_taken_up_on_no_surface(dialect: str) -> None:
    for name, value in TURNS.items():
        body = BODIES[dialect]("hello")
        if name not in body:
            await nothing_meant(dialect, {**body, name: value})
    for handle in ({"audio": {"id": "audio_CANARY"}}, {"id": "msg_CANARY", "content": "x"}):
        said = {"role": "assistant", "content": None, **handle}
        for body in (BODIES[dialect]("hello"),):
            for name in {"messages", "input", "contents"} & body.keys():
                if isinstance(body[name], list) and "id" not in handle:
                    await nothing_meant(dialect, {**body, name: [*body[name], said]})


KEEPING = {"store": True, "background": True, "logging": True, "metadata": {"keep": "CANARY"}}
STORES = ("store", "background", "logging")


@every_dialect
async def test_adv_24_no_engine_outside_is_told_to_keep_anything(dialect: str) -> None:
    for name, value in KEEPING.items():
        for call in await told_outside(dialect, {**BODIES[dialect]("hello"), name: value}):
            told = msgspec.json.decode(call.body)
            assert not [one for one in STORES if told.get(one)], told
            assert not meant(told, "CANARY")
    for call in await told_outside(dialect, BODIES[dialect]("hello")):
        if call.path.endswith("/responses"):
            assert msgspec.json.decode(call.body)["store"] is False
