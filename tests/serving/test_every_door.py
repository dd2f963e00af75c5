"""Who may come in, and where: the same at every surface and at every quiet route."""

import openai
import pytest

from tests.doubles.every_surface import EVERY
from tests.doubles.raw_http import Field, Heard, ask, request
from tests.doubles.serving_house import JSON, House
from tests.serving.test_signed import granted, signed_fields

KEYS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
EVERY_WAY = (*KEYS, "signed")
# What the vendors' clients add of their own, and what nobody knows.
QUERY = "beta=true&alt=sse&api-version=2025-01-01&%24unknown=%ff&model=x&&="
QUIET = (
    ("GET", "/v1/models"),
    ("GET", "/v1/models/home-model"),
    ("GET", "/v1beta/models"),
    ("GET", "/v1beta/models/home-model"),
    ("GET", "/inference-profiles"),
    ("GET", "/api/version"),
    ("GET", "/api/tags"),
    ("GET", "/api/ps"),
    ("POST", "/api/show"),
    ("POST", "/api/pull"),
    ("GET", "/v1/records/{record}"),
)
NAMED = b'{"model":"home-model"}'
PLACES = ("", "/r/website", "/l/internal", "/l/internal/r/website")
ROWS = pytest.mark.parametrize("row", EVERY, ids=str)
ROUTES = pytest.mark.parametrize(("method", "path"), QUIET, ids=str)


def fields_of(house: House, way: str, method: str, path: str, raw: bytes) -> tuple[Field, ...]:
    """Return the header fields of a caller who says so who he is."""
    if way == "signed":
        robot = granted(house.gateway.keys["robot"])
        return signed_fields(house, path, raw, robot, method=method)
    key = house.gateway.keys["website"]
    return (JSON, (way, f"Bearer {key}" if way == "authorization" else key))


def sent(house: House, way: str, method: str, path: str, raw: bytes) -> Heard:
    fields = fields_of(house, way, method, path, raw)
    return ask(house.url, request(method, path, raw or None, fields), method)


def record_of(house: House, way: str) -> str:
    """Return a record of the caller who comes so."""
    (row, *_) = EVERY
    return sent(house, way, "POST", row.path, row.raw("hello", "home-model")).record


@ROWS
@pytest.mark.parametrize("way", EVERY_WAY)
def test_every_surface_knows_every_way_to_say_who_asks(every, row, way) -> None:
    model = row.models[-1]
    heard = sent(every, way, "POST", row.at(model), row.raw("hello", model))
    assert heard.status == 200, heard.body
    assert every.gateway.keys["website"].encode() not in heard.body


@ROWS
def test_a_query_that_nobody_knows_is_ignored_at_every_surface(every, row) -> None:
    model = row.models[-1]
    for stream in row.ways:
        path = row.at(model, stream)
        asked = f"{path}{'&' if '?' in path else '?'}{QUERY}"
        heard = sent(every, row.header, "POST", asked, row.raw("hello", model, stream))
        assert heard.status == 200, heard.body
        record = every.record(heard.record)
        assert (record["surface"], record["outcome"]["kind"]) == (row.surface, "completed")


@ROWS
@pytest.mark.parametrize("place", PLACES)
def test_every_surface_is_found_behind_what_a_path_claims(every, row, place) -> None:
    model = row.models[-1]
    heard = sent(every, row.header, "POST", f"{place}{row.at(model)}", row.raw("hello", model))
    assert heard.status == 200, heard.body
    assert every.record(heard.record)["surface"] == row.surface


@ROWS
def test_what_is_nearly_a_surface_is_not_there(every, row) -> None:
    model = row.models[-1]
    raw = row.raw("hello", model)
    path = row.at(model)
    for near in (f"{path}x", f"/{path}", f"/v9{path}", path.upper(), f"{path}%2F", f"{path}/"):
        with every.nothing_sent():
            heard = sent(every, row.header, "POST", near, raw)
        assert heard.status == 404, near
        assert heard.json


@ROWS
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_told_which_one_there_is_in_the_clients_form(every, row, method) -> None:
    with every.nothing_sent():
        heard = sent(every, row.header, method, row.at(row.models[-1]), b"")
    assert (heard.status, heard.headers["allow"]) == (405, "POST")
    told = row.told(heard)
    assert told.status == 405
    assert "POST" in told.said


@ROWS
def test_nobody_is_told_so_in_the_clients_form_at_every_surface(every, row) -> None:
    model = row.models[-1]
    with every.nothing_sent():
        for fields in ((JSON,), (JSON, row.key("pmt_nobody"))):
            raw = row.raw("hello", model)
            told = row.told(ask(every.url, request("POST", row.at(model), raw, fields)))
            assert (told.status, told.kind) == (401, row.kind(401))


@ROWS
def test_a_model_that_nobody_knows_is_told_in_the_clients_form(every, row) -> None:
    with every.nothing_sent():
        heard = sent(every, row.header, "POST", row.at("no-model"), row.raw("x", "no-model"))
    told = row.told(heard)
    assert (told.status, told.kind) == (404, row.kind(404))


# A client that signs asks nothing by POST but at a surface.
KNOCKS = [(*one, way) for one in QUIET for way in EVERY_WAY if (one[0], way) != ("POST", "signed")]


@pytest.mark.parametrize(("method", "path", "way"), KNOCKS, ids=str)
def test_every_quiet_route_knows_every_way_and_ignores_the_query(every, method, path, way) -> None:
    raw = NAMED if method == "POST" else b""
    at = path.replace("{record}", record_of(every, way)) if "{record}" in path else path
    for asked in (at, f"{at}?{QUERY}", f"/r/website{at}"):
        heard = sent(every, way, method, asked, raw)
        assert heard.status == 200, (asked, heard.body)


@ROUTES
def test_no_quiet_route_answers_nobody(every, method, path) -> None:
    raw = NAMED if method == "POST" else b""
    heard = ask(every.url, request(method, path, raw, (JSON,)), method)
    assert heard.status == 401
    assert heard.json


@ROUTES
def test_what_is_nearly_a_quiet_route_is_not_there(every, method, path) -> None:
    key = every.gateway.keys["website"]
    raw = NAMED if method == "POST" else b""
    for near in (f"{path.replace('home-model', 'no-model')}x", f"/v9{path}"):
        heard = ask(every.url, request(method, near, raw, (JSON, ("x-api-key", key))), method)
        assert heard.status == 404, near


def test_a_list_that_is_asked_for_in_pages_is_whole(every) -> None:
    key = every.gateway.keys["website"]
    client = openai.OpenAI(base_url=f"{every.url}/v1", api_key=key, max_retries=0)
    whole = [one.id for one in client.models.list()]
    paged = [one.id for one in client.models.list(extra_query={"limit": 1, "after_id": "x"})]
    assert paged == whole
