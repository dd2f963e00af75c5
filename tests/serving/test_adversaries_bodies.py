"""Bodies that two readers read differently, names that are none, and paths that are none."""

import base64
import gzip
from collections.abc import Callable, Iterator

import msgspec
import pytest

from tests.doubles.judged import assert_label, assert_turned_away, recorded
from tests.doubles.raw_http import Field, Heard, ask, chunked, request
from tests.doubles.serving_house import JSON, House
from tests.doubles.surfaces_asked import CLAIMED, EVERY, ROUTE, Served
from tests.serving.test_paths import UNKNOWN

Twist = Callable[[bytes], bytes]
every_claim = pytest.mark.parametrize("surface", [*EVERY, *CLAIMED], ids=str)
BOMB = gzip.compress(bytes(20_000_000))


def key(house: House, repo: str = "website") -> Field:
    return ("authorization", f"Bearer {house.gateway.keys[repo]}")


def sent(house: House, surface: Served, raw: bytes, *fields: Field) -> Heard:
    """Send those bytes with these fields alone, and the key."""
    return ask(house.url, request("POST", surface.path(), raw, (key(house), *fields)))


def twisted(surface: Served, twist: Twist) -> Iterator[bytes]:
    """Yield the body so twisted, and what comes packed in one so twisted too."""
    raw = msgspec.json.encode(surface.body())
    yield twist(raw)
    if surface.name == "bedrock_count":
        said = {"messages": [{"role": "user", "content": "hello"}]}
        body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, **said}
        inner = base64.b64encode(twist(msgspec.json.encode(body))).decode()
        yield msgspec.json.encode({"input": {"invokeModel": {"body": inner}}})


def adding(more: bytes) -> Twist:
    return lambda raw: raw[:-1] + b"," + more + b"}"


def first_key_again(raw: bytes) -> bytes:
    """Say the first key twice, the second time as nothing."""
    return adding(raw[1 : raw.index(b":")] + b":null")(raw)


def first_key_in_disguise(raw: bytes) -> bytes:
    """Say the first key twice, the second time with its first letter escaped."""
    name = raw[2 : raw.index(b'":')]
    return adding(b'"\\u%04x' % name[0] + name[1:] + b'":null')(raw)


DOUBLED: tuple[Twist, ...] = (
    first_key_again,
    first_key_in_disguise,
    adding(b'"zeta":1,"zeta":1'),
    adding(b'"metadata":{"a":{"b":1,"b":2}}'),
    adding(b'"zeta":[{"a":1},{"b":1,"b":{}}]'),
)
AMBIGUOUS: tuple[Twist, ...] = (
    lambda raw: b"\xef\xbb\xbf" + raw,
    lambda raw: raw.decode().encode("utf-16"),
    lambda raw: raw * 2,
    lambda raw: b"[" + raw + b"]",
    lambda raw: b"/* note */" + raw,
    lambda raw: raw + b"\x00",
    adding(b'"zeta":"\xff\xfe"'),
    adding(b'"zeta":"\xc0\xaf"'),
    adding(b'"zeta":"\\ud800"'),
    adding(b'"zeta":NaN'),
    adding(b'"zeta":-Infinity'),
    adding(b'"zeta":1e999'),
    adding(b'"zeta":' + b"9" * 40),
    adding(b'"zeta":' + b'{"a":' * 70 + b"1" + b"}" * 70),
    adding(b'"zeta":' + b"[" * 100_000 + b"]" * 100_000),
)


@every_claim
def test_adv_17_what_stands_twice_is_refused(every, surface) -> None:
    with every.nothing_sent():
        for twist in DOUBLED:
            for raw in twisted(surface, twist):
                heard = sent(every, surface, raw, JSON)
                assert_turned_away(every, surface, heard, reason="malformed")


@every_claim
def test_adv_18_what_parsers_disagree_about_is_refused(every, surface) -> None:
    with every.nothing_sent():
        for twist in AMBIGUOUS:
            for raw in twisted(surface, twist):
                heard = sent(every, surface, raw, JSON)
                assert_turned_away(every, surface, heard, reason="malformed")


TWO_PARTS = (
    b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\ncode\r\n'
    b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\ncloud-model\r\n--x--\r\n'
)
PACKED: tuple[tuple[bytes, tuple[Field, ...]], ...] = (
    *((BOMB, (JSON, ("content-encoding", name))) for name in ("gzip", "br", "zstd", "x-gzip")),
    (BOMB, (JSON, ("content-encoding", "identity, gzip"))),
    (TWO_PARTS, (("content-type", "multipart/form-data; boundary=x"),)),
    (b"{}", (("content-type", "text/plain"),)),
    (b"{}", (("content-type", "application/json; charset=utf-16"),)),
    (b"{}", (JSON, ("content-type", "text/plain"))),
)


@every_claim
def test_adv_19_what_is_encoded_or_of_another_type_is_not_read(every, surface) -> None:
    with every.nothing_sent():
        for raw, fields in PACKED:
            heard = sent(every, surface, raw, *fields)
            assert_turned_away(every, surface, heard, 415, "unsupported_media")


@every_claim
def test_adv_19_a_body_has_one_length_and_no_trailer(every, surface) -> None:
    raw = msgspec.json.encode(surface.body())
    in_chunks: Field = ("transfer-encoding", "chunked")
    head = request("POST", surface.path(), None, (JSON, key(every), in_chunks))
    with every.nothing_sent():
        for trailer in (b"x-perimeter-label: public\r\n", b"authorization: Bearer nobody\r\n"):
            heard = ask(every.url, head + chunked([raw], trailer))
            assert_turned_away(every, surface, heard, reason="malformed")
        both = request("POST", surface.path(), raw, (JSON, key(every), in_chunks))
        assert ask(every.url, both).status == 400
        nobody = request("POST", surface.path(), None, (JSON, in_chunks))
        late = f"authorization: {key(every)[1]}\r\n".encode()
        assert ask(every.url, nobody + chunked([raw], late)).status == 401


# Names that a provider knows, or that a reader of names might take apart.
NO_NAMES = (
    "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
    "arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude",
    "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro",
    "publishers/google/models/gemini-2.5-pro",
    "models/cloud-model/../home-model",
    "cloud-model@us-east-1",
    "cloud:other-model",
    "home:cloud-model",
    "gpt-oss:120b-cloud",
    "https://evil.example/v1",
    "Code",
    "code ",
    "code,cloud-model",
    "cloud-model?x=1",
)


@every_claim
def test_adv_31_a_name_that_is_none_of_the_catalogues_leads_nowhere(every, surface) -> None:
    with every.nothing_sent():
        for name in NO_NAMES:
            heard = surface.named(name).ask(every, body=surface.body(model=name))
            assert_turned_away(every, surface, heard, 404, "model_not_found")
            assert b"evil" not in heard.body


PLACES = ("us-central1", "global", "eu", "europe-west2", "..%2f..%2fglobal", "asia-northeast1")


@pytest.mark.parametrize("surface", [one for one in EVERY if "{location}" in one.template], ids=str)
def test_adv_31_a_location_in_the_path_moves_nothing(every, surface) -> None:
    plain, _ = recorded(every, surface.ask(every))
    for place in PLACES:
        elsewhere = Served(surface.name, surface.template.replace("{location}", place))
        decided, tried = recorded(every, elsewhere.ask(every))
        assert decided.decision.boundary == plain.decision.boundary
        assert decided.candidates == plain.candidates
        assert {one.zone for one in tried} <= decided.decision.boundary
        assert_label(every, elsewhere.ask(every, repo="payments"), "restricted")


# What a vendor serves at a path of its own, and nobody here.
UNSERVED = (
    *(path for method, path in UNKNOWN if method == "POST"),
    "/v1/messages/batches",
    "/v1/audio/translations",
    "/v1/images/edits",
    "/v1/edits",
    "/v1/responses/resp_1/cancel",
    "/v1beta/models/code:embedContent",
    "/v1beta/models/code:batchGenerateContent",
    "/v1beta/cachedContents",
    "/v1/projects/p/locations/eu/batchPredictionJobs",
    "/model-invocation-job",
    "/model/code/async-invoke",
    "/api/embeddings",
    "/v1/records",
)


@pytest.mark.parametrize("door", ["/r/website", "/l/public", "/l/public/r/website", ROUTE])
def test_adv_42_43_no_door_leads_to_a_path_that_is_none(every, door) -> None:
    raw = msgspec.json.encode(EVERY[0].body())
    with every.nothing_sent():
        for path in UNSERVED:
            heard = ask(every.url, request("POST", door + path, raw, (JSON, key(every))))
            assert heard.status == 404, path
            assert not heard.record
