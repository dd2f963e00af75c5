"""Callers who sign, at a gateway that runs: known by what they sent, and by nothing less."""

import time
from datetime import UTC, datetime, timedelta

import msgspec
import openai
import pytest

from gateway.audit.record import Decided
from tests.doubles.gateway_folders import command, ran, started
from tests.doubles.ledger_sight import decided_count, personal_of, records
from tests.doubles.raw_http import Field, Heard, Line, ask, chunked, request
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.serving_house import FORMS, OPENAI, House
from tests.doubles.signers import Access, signed
from tests.serving.conftest import TASKS, WAITS, backends_of
from tests.serving.test_callers import NOT_KNOWN

LARGE = 300_000
ROBOT = "PMT_ROBOT_1"


def granted(printed: str) -> Access:
    """Return the access key that a command printed, as a client reads it from its environment."""
    told = dict(line.split("=", 1) for line in printed.splitlines())
    return Access(told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"])


def create(gateway: RunningGateway, name: str, *more: str) -> Access:
    node = ("--node", str(gateway.node))
    who = ("--subject", f"{name}@example.com", "--team", name)
    return granted(command("keys", "create", name, *node, *who, "--sigv4", *more))


class Robots(msgspec.Struct):
    """A gateway with access keys."""

    house: House
    robot: Access
    expired: Access


@pytest.fixture(scope="module")
def robots(template, engines, tmp_path_factory):
    folder = tmp_path_factory.mktemp("signed")
    data = ", body_bytes_max: 8000000, body_ms_max: 700"
    gateway = template.copy(folder, backends_of(engines), data, WAITS, TASKS)
    robot = create(gateway, "robot-1", "--repo", "website")
    expired = create(gateway, "robot-2", "--expires-on", "2020-01-01")
    with started(gateway):
        yield Robots(House(gateway, engines), robot, expired)


def written(house: House, path: str, raw: bytes, access: Access, **over) -> bytes:
    """Return the bytes of a signed request; `sent_path` and `sent_raw` are what is sent instead."""
    fields = signed_fields(house, path, raw, access, **over)
    more: tuple[Field, ...] = over.get("more", ())
    return request("POST", over.get("sent_path", path), over.get("sent_raw", raw), (*fields, *more))


def signed_fields(house: House, path: str, raw: bytes, access: Access, **over) -> tuple[Field, ...]:
    at = datetime.now(UTC) + over.get("later", timedelta())  # noqa: TID251 - a client's clock
    fields = {"content-type": "application/json", **over.get("fields", {})}
    method = over.get("method", "POST")
    made = signed(f"http://gateway.test{path}", raw, fields, access, at=at, method=method)
    return tuple(made.items())


def assert_not_known(house: House, form, data: bytes) -> None:
    counted, recorded = house.metric("unauthenticated"), decided_count(house.gateway)
    with house.nothing_sent():
        heard = ask(house.url, data)
    assert heard.status == 401
    assert isinstance(form.error(heard), NOT_KNOWN)
    assert not heard.record
    assert house.metric("unauthenticated") == counted + 1
    assert decided_count(house.gateway) == recorded


def decided(house: House, heard: Heard) -> Decided:
    found = records(house.gateway)
    return next(one for one in found if isinstance(one, Decided) and one.id == heard.record)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("prefix", ["", "/r/website", "/l/internal/r/website"])
def test_who_signs_is_answered_and_recorded_by_the_key(robots, form, prefix) -> None:
    house = robots.house
    raw = msgspec.json.encode(form.body())
    heard = ask(house.url, written(house, f"{prefix}{form.path}?beta=true", raw, robots.robot))
    assert heard.status == 200
    assert decided(house, heard).key_id == "robot-1"
    assert personal_of(house.gateway, heard.record).subject == "robot-1@example.com"


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_large_or_chunked_body_is_covered_too(robots, form) -> None:
    house = robots.house
    raw = msgspec.json.encode(form.body("x" * LARGE, "home-model"))
    assert ask(house.url, written(house, form.path, raw, robots.robot)).status == 200
    changed = raw.replace(b"xxxx", b"xxxy", 1)
    data = written(house, form.path, raw, robots.robot, sent_raw=changed)
    assert_not_known(house, form, data)
    fields = (*signed_fields(house, form.path, raw, robots.robot), ("transfer-encoding", "chunked"))
    head = request("POST", form.path, None, fields)
    parts = [raw[:1000], raw[1000:]]
    assert ask(house.url, head + chunked(parts)).status == 200


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_stream_may_be_signed_for(robots, form) -> None:
    house = robots.house
    raw = msgspec.json.encode(form.body(stream=True))
    heard = ask(house.url, written(house, form.path, raw, robots.robot))
    assert heard.status == 200
    assert heard.headers["content-type"].startswith("text/event-stream")


FORGED = {
    "another body": {"sent_raw": b'{"model":"code","messages":[],"max_tokens":1}'},
    "no body": {"sent_raw": b""},
    "a path that was cut": {"path": "/r/website{}", "sent_path": "{}"},
    "a path that was put before": {"path": "{}", "sent_path": "/l/public{}"},
    "another query": {"path": "{}?beta=true", "sent_path": "{}?beta=false"},
    "too early": {"later": timedelta(minutes=6)},
    "too late": {"later": timedelta(minutes=-6)},
    "a body that is not signed": {"fields": {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}},
    "another label": {"fields": {"x-perimeter-label": "internal"},
                      "more": (("x-perimeter-label", "public"),)},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("harm", FORGED.values(), ids=FORGED.keys())
def test_what_was_changed_is_nobody(robots, form, harm) -> None:
    over = {
        name: value.format(form.path) if isinstance(value, str) else value
        for name, value in harm.items()
    }
    path = over.pop("path", form.path)
    raw = msgspec.json.encode(form.body())
    assert_not_known(robots.house, form, written(robots.house, path, raw, robots.robot, **over))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_another_secret_another_id_and_an_expired_key_are_nobody(robots, form) -> None:
    raw = msgspec.json.encode(form.body())
    robot = robots.robot
    others = [
        Access(robot.name, robots.expired.secret),
        Access("PMT_NOBODY", robot.secret),
        Access("PMT_WEB", robot.secret),
        Access(robot.name, robot.secret, "t" * 30),
        robots.expired,
    ]
    for access in others:
        assert_not_known(robots.house, form, written(robots.house, form.path, raw, access))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_who_cannot_be_known_hears_it_before_the_body_has_come(robots, form) -> None:
    house = robots.house
    for access, later in ((Access("PMT_NOBODY"), 0), (robots.robot, 6), (robots.expired, 0)):
        fields = signed_fields(house, form.path, b"", access, later=timedelta(minutes=later))
        head = request("POST", form.path, None, (*fields, ("content-length", "5000000")))
        with house.line() as line:
            line.send(head + b"x" * 1000)
            heard = line.hear()
            assert heard.status == 401
            assert heard.headers["connection"] == "close"


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_body_that_never_shows_who_sent_it_is_refused_and_not_recorded(robots, form) -> None:
    house = robots.house
    recorded, counted = decided_count(house.gateway), house.metric("unauthenticated")
    fields = signed_fields(house, form.path, b"", robots.robot)
    heads = {
        413: (*fields, ("content-length", "9000000")),
        400: (*fields, ("content-length", "1" * 19)),
        408: (*fields, ("content-length", "5000000")),
    }
    with house.nothing_sent():
        for status, told in heads.items():
            with house.line() as line:
                line.send(request("POST", form.path, None, told) + b"x" * 1000)
                heard = line.hear()
            assert heard.status == status
            assert not heard.record
            form.error(heard)
        with house.line() as line:
            line.send(request("POST", form.path, None, heads[408]) + b"x")
    time.sleep(0.05)
    assert decided_count(house.gateway) == recorded
    assert house.metric("unauthenticated") == counted + 3


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_wrong_request_that_is_rightly_signed_is_recorded_as_its_callers(robots, form) -> None:
    house = robots.house
    for raw, fields in ((b"{", {}), (b"{}", {"content-type": "text/plain"})):
        heard = ask(house.url, written(house, form.path, raw, robots.robot, fields=fields))
        assert heard.status in {400, 415}
        assert decided(house, heard).key_id == "robot-1"


def test_the_quiet_routes_know_who_signs(robots) -> None:
    house = robots.house
    raw = msgspec.json.encode(OPENAI.body())
    made = ask(house.url, written(house, OPENAI.path, raw, robots.robot)).record
    for path in (f"/v1/records/{made}", "/v1/models?limit=1000", "/l/internal/v1/models"):
        fields = signed_fields(house, path, b"", robots.robot, method="GET")
        assert ask(house.url, request("GET", path, None, fields), "GET").status == 200
        fields = signed_fields(house, f"{path}x", b"", robots.robot, method="GET")
        heard = ask(house.url, request("GET", path, None, fields), "GET")
        assert heard.status == 401
        assert isinstance(OPENAI.error(heard), openai.AuthenticationError)
        for body in (b"", b"x"):
            fields = signed_fields(house, path, body, robots.robot, method="GET")
            heard = ask(house.url, request("GET", path, body, fields), "GET")
            assert heard.status == (401 if body else 200)
        told = (*fields, ("transfer-encoding", "chunked"))
        with Line(house.url) as line:
            line.send(request("GET", path, None, told) + b"0\r\n\r\n")
            assert line.hear("GET").status == 401


def test_the_same_request_again_is_answered_again(robots) -> None:
    raw = msgspec.json.encode(OPENAI.body())
    data = written(robots.house, OPENAI.path, raw, robots.robot)
    assert [ask(robots.house.url, data).status for _ in range(2)] == [200, 200]


def test_nothing_of_an_access_key_is_kept_anywhere(robots) -> None:
    gateway = robots.house.gateway
    secret = robots.robot.secret.encode()
    for path in gateway.folder.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes(), path
    kept = (gateway.folder / "keys.yaml").read_text()
    entry = kept.partition('"robot-1"')[2].partition('"robot-2"')[0]
    assert "generation: 1" in entry
    assert "hash" not in entry
    assert (gateway.folder / "data" / "node.secret").stat().st_mode & 0o777 == 0o600


def test_a_rotated_key_ends_with_the_next_start_and_its_successor_begins(
    template, engines, tmp_path
) -> None:
    gateway = template.copy(tmp_path / "node", backends_of(engines), more=WAITS, tasks=TASKS)
    old = create(gateway, "robot-1")
    new = granted(command("keys", "rotate", "robot-1", "--node", str(gateway.node)))
    assert new.name == old.name == ROBOT
    assert new.secret != old.secret
    assert granted(command("keys", "secret", "robot-1", "--node", str(gateway.node))) == new
    with started(gateway):
        house = House(gateway, engines)
        raw = msgspec.json.encode(OPENAI.body())
        assert ask(house.url, written(house, OPENAI.path, raw, old)).status == 401
        assert ask(house.url, written(house, OPENAI.path, raw, new)).status == 200


def test_what_is_no_access_key_has_no_secret(template, tmp_path) -> None:
    gateway = template.copy(tmp_path / "node", {})
    before = (gateway.folder / "keys.yaml").read_text()
    for name in ("web", "nobody", "ROBOT"):
        for action in ("secret",) if name == "web" else ("rotate", "secret"):
            done = ran("keys", action, name, "--node", str(gateway.node))
            assert (done.code, done.out) == (1, "")
    done = ran("keys", "create", "anonymous", "--node", str(gateway.node), "--subject", "x",
               "--team", "x", "--sigv4")  # fmt: skip
    assert (done.code, done.out) == (1, "")
    assert (gateway.folder / "keys.yaml").read_text() == before
