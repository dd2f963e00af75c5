"""What one connection may do: how slowly, how often, how many at a time."""

from contextlib import ExitStack

import msgspec
import pytest

from tests.doubles.raw_http import Gone, Line, ask, request
from tests.doubles.serving_house import ANTHROPIC, FORMS, JSON, OPENAI, Form, House, until
from tests.serving.test_bad_bodies import assert_refused

PER_PEER = 6
IN_FLIGHT = 2
SLOW = "mock:drip=100 mock:words=60"


def _head(house: House, form: Form, *more: tuple[str, str]) -> bytes:
    fields = (JSON, form.key(house.gateway.keys["website"]), *more)
    return request("POST", form.path, fields=fields)


@pytest.mark.parametrize("said", [b"", b"POST /v1/mess", b"GET /v1/models HTTP/1.1\r\nx-a: b\r\n"])
def test_a_client_that_does_not_finish_its_headers_is_cut_off(narrow, said) -> None:
    with narrow.line() as line:
        line.send(said)
        assert line.is_closed()


def test_headers_that_come_drop_by_drop_are_cut_off(narrow) -> None:
    with narrow.line() as line:
        head = request("GET", "/v1/models", fields=(("x-slow", "y" * 200),))
        assert not _all_taken(line, head)


def _all_taken(line: Line, data: bytes) -> bool:
    """Send byte by byte; False when the other side closed before the last one."""
    try:
        for byte in data:
            line.send(bytes([byte]))
            if not _is_open(line):
                return False
    except Gone:
        return False
    return True


def _is_open(line: Line) -> bool:
    """Wait a little; False when the other side closed meanwhile."""
    line.socket.settimeout(0.02)
    try:
        return line.socket.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False
    finally:
        line.socket.settimeout(20)


def test_the_next_request_of_a_connection_has_no_more_time(narrow) -> None:
    with narrow.line() as line:
        line.send(request("HEAD", "/"))
        assert line.hear("HEAD").status == 200
        line.send(b"GET /v1/mod")
        assert line.is_closed()


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_body_that_does_not_come_is_refused(narrow, form) -> None:
    with narrow.nothing_sent(), narrow.line() as line:
        line.send(_head(narrow, form, ("content-length", "100")) + b'{"model":')
        heard = line.hear()
        assert_refused(narrow, form, heard, "too_slow", 408)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_chunked_body_that_never_ends_is_refused(narrow, form) -> None:
    with narrow.nothing_sent(), narrow.line() as line:
        line.send(_head(narrow, form, ("transfer-encoding", "chunked")) + b"1\r\n{\r\n")
        heard = line.hear()
        assert_refused(narrow, form, heard, "too_slow", 408)


def test_a_slow_body_of_a_path_that_is_not_there_is_cut_off(narrow) -> None:
    with narrow.line() as line:
        line.send(request("POST", "/v1/nothing", fields=(("content-length", "9999"),)) + b"x")
        assert line.hear().status == 404
        assert not _all_taken(line, b"x" * 9_998)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_client_that_leaves_before_its_body_is_complete_is_forgotten(narrow, form) -> None:
    with narrow.nothing_sent():
        with narrow.line() as line:
            line.send(_head(narrow, form, ("content-length", "100")) + b"{")
        until(lambda: narrow.metric("in_flight ") == 0, "nothing in flight")


def test_one_peer_has_only_so_many_connections(narrow) -> None:
    rejected = narrow.metric("rejected_connections")
    with ExitStack() as stack:
        peer = "127.0.0.77"
        for _ in range(PER_PEER):
            line = stack.enter_context(narrow.line(peer))
            line.send(request("HEAD", "/"))
            assert line.hear("HEAD").status == 200
        with narrow.line(peer) as one_more:
            assert one_more.is_closed()
        other = stack.enter_context(narrow.line("127.0.0.78"))
        other.send(request("HEAD", "/"))
        assert other.hear("HEAD").status == 200
    assert narrow.metric("rejected_connections") >= rejected + 1
    heard = ask(narrow.url, request("HEAD", "/"), "HEAD", peer)
    assert heard.status == 200


def test_a_connection_is_kept_and_used_again(house) -> None:
    with house.line() as line:
        for form in (*FORMS, *FORMS):
            line.send(house.request(form, form.body()))
            assert line.hear().status == 200
            line.send(house.request(form, form.body(stream=True)))
            assert line.hear().status == 200


def test_a_bad_body_does_not_end_the_connection(house) -> None:
    with house.line() as line:
        for form in FORMS:
            line.send(house.request(form, b"{"))
            assert line.hear().status == 400
            line.send(house.request(form, form.body()))
            assert line.hear().status == 200


def test_an_idle_connection_is_closed(narrow) -> None:
    with narrow.line() as line:
        line.send(request("HEAD", "/"))
        assert line.hear("HEAD").status == 200
        assert line.is_closed()


def test_requests_in_one_packet_are_answered_in_their_order(house) -> None:
    bodies = [
        (OPENAI, OPENAI.body(model="cloud-model"), "cloud:"),
        (ANTHROPIC, ANTHROPIC.body("mock:drip=20", "home-model", stream=True), "home:"),
        (OPENAI, OPENAI.body(model="local-model"), "local:"),
        (ANTHROPIC, ANTHROPIC.body(model="no-model"), "no task or model"),
        (OPENAI, OPENAI.body("mock:drip=20", "spare-model", stream=True), "spare:"),
    ]
    with house.line() as line:
        line.send(b"".join(house.request(form, body) for form, body, _ in bodies))
        heard = [line.hear() for _ in bodies]
    assert [one.status for one in heard] == [200, 200, 200, 404, 200]
    for one, (_, _, said) in zip(heard, bodies, strict=True):
        assert said.encode() in one.body.lower()
    assert len({one.record for one in heard}) == len(bodies)
    for one, (form, body, _) in zip(heard, bodies, strict=True):
        record = house.record(one.record)
        assert record["surface"] == ("chat_completions" if form is OPENAI else "messages")
        assert record["asked"] in {body["model"], None}


def test_a_request_behind_another_does_not_borrow_its_key(house) -> None:
    raw = msgspec.json.encode(OPENAI.body())
    with house.line() as line:
        line.send(house.request(OPENAI, OPENAI.body()) + request("POST", OPENAI.path, raw, (JSON,)))
        assert line.hear().status == 200
        assert line.hear().status == 401


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_more_requests_than_may_be_in_flight_are_told_to_come_back(narrow, form) -> None:
    with ExitStack() as stack:
        for _ in range(IN_FLIGHT):
            line = stack.enter_context(narrow.line())
            line.send(narrow.request(form, form.body(SLOW, "home-model", stream=True)))
            assert line.head()[0] == 200
        with narrow.nothing_sent():
            heard = narrow.ask(form, form.body())
        assert_refused(narrow, form, heard, "overloaded", 503)
        assert heard.headers["retry-after"] == "2"
        assert "x-should-retry" not in heard.headers
    until(lambda: narrow.metric("in_flight ") == 0, "nothing in flight")
    assert narrow.ask(form, form.body()).status == 200
