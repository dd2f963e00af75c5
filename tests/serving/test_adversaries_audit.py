"""What is recorded, and to whom it is shown, at every surface of a whole gateway."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.record import Settled
from tests.doubles.every_surface import EVERY, Row
from tests.doubles.gateway_folders import a_model, command, started
from tests.doubles.ledger_sight import records, verified
from tests.doubles.raw_http import Field, Heard, Line, ask, request
from tests.doubles.serving_house import JSON, House, until
from tests.serving.conftest import KINDS, TASKS, backends_of
from tests.serving.test_ledger_trouble import Full

ROWS = pytest.mark.parametrize("row", EVERY, ids=str)
# Where tools that tell others of programs are told to tell it.
TELLING = (
    "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{port}",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:{port}",
    "OTEL_TRACES_EXPORTER=otlp",
    "SENTRY_DSN=http://key@127.0.0.1:{port}/1",
    "DD_TRACE_AGENT_URL=http://127.0.0.1:{port}",
    "HF_ENDPOINT=http://127.0.0.1:{port}",
    "STATSD_HOST=127.0.0.1",
    "STATSD_PORT={port}",
)
STREAMED = tuple(row for row in EVERY if row.broken is not None)
STREAMS = pytest.mark.parametrize("row", STREAMED, ids=str)
PLACES = ("", "/r/website", "/l/internal")
OTHERS = ("payments", "unbound")


@pytest.fixture(scope="module")
def own(template, engines, tmp_path_factory) -> Iterator[House]:
    """A gateway of this module alone: its disk is filled, and one of its keys revoked."""
    gateway = template.copy(tmp_path_factory.mktemp("audit"), backends_of(engines), tasks=TASKS)
    catalog = gateway.folder / "models" / "catalog.yaml"
    more = "".join(a_model(name, "vectors", "embeddings") for name in KINDS if name != "spare")
    catalog.write_text(catalog.read_text() + more)
    node = ("--node", str(gateway.node), "--team", "web")
    gateway.keys["leaver"] = command("keys", "create", "leaver", *node, "--subject", "l@x").strip()
    gateway.keys["asks"] = command(
        "keys", "create", "asks", *node, "--subject", "a@x", "--may", "explain"
    ).strip()
    with socket.create_server(("127.0.0.1", 0)) as trap:
        telling = (one.format(port=trap.getsockname()[1]) for one in TELLING)
        with started(gateway, "env", *telling):
            yield House(gateway, engines)
        # Nobody was told anything in all this time, of requests, errors or a stop.
        trap.setblocking(False)
        with pytest.raises(BlockingIOError):
            trap.accept()


def sent(
    house: House, row: Row, text: str = "hello", *, key: str = "website", **more: Any
) -> Heard:
    raw = asks(house, row, text, key=key, **more)
    return ask(house.url, raw)


def asks(
    house: House,
    row: Row,
    text: str,
    *,
    key: str = "website",
    stream: bool = False,
    place: str = "",
    fields: tuple[Field, ...] = (),
) -> bytes:
    model = row.models[-1]
    told = (JSON, row.key(house.gateway.keys[key]), *fields)
    return request("POST", f"{place}{row.at(model, stream)}", row.raw(text, model, stream), told)


@STREAMS
def test_adv_73_what_a_client_leaves_and_what_an_engine_cuts_is_settled(own, row) -> None:
    with own.line() as line:
        line.send(asks(own, row, "mock:drip=20 mock:words=400", stream=True))
        status, fields = line.head()
        assert status == 200
        assert next(line.chunks())
    left = own.record(fields["x-perimeter-record"])["outcome"]
    cut = sent(own, row, "mock:cut=9 mock:drip=5 mock:words=40", stream=True)
    assert cut.record in row.broken(cut).said
    broken = own.record(cut.record)["outcome"]
    for outcome, kind, error in (
        (left, "cancelled", "client_gone"),
        (broken, "failed", "cut_short"),
    ):
        assert (outcome["kind"], outcome["error"]) == (kind, error)
        assert outcome["usage_estimated"]
        assert outcome["usage"]["input_tokens"] > 0
        assert outcome["usage"]["output_tokens"] > 0
        assert outcome["cost_microusd"] > 0


# What a terminal, a table and a log would each take for something else; as bytes of a field.
NASTY = (
    b'=HYPERLINK("http://x","y")',
    b"x\x1b[2J\x1b]0;owned\x07",
    "\u202egnp.exe\u2066\u200b".encode(),
    b"\xff\xfe\x80",
    b'x","type":"admin","what":"forged',
)


LABEL, REPO, SESSION = "x-perimeter-label", "x-perimeter-repo", "x-session-id"
# A field, what it says, and whether that is taken: words may call a product anything.
WRITTEN = (
    *[("user-agent", said, b"\x1b" not in said) for said in NASTY],
    (SESSION, NASTY[0], True),
    (SESSION, NASTY[2], False),
    (REPO, NASTY[0], False),
    (REPO, NASTY[2], False),
    (LABEL, NASTY[4], False),
)


@ROWS
def test_adv_74_what_stands_in_a_header_is_nowhere_more_than_words(own, row) -> None:
    for name, said, is_taken in WRITTEN:
        heard = sent(own, row, fields=((name, said),))
        assert heard.status == (200 if is_taken else 400), heard.body
        assert said not in heard.body
        assert said not in "".join(heard.headers.values()).encode("latin-1", "replace")
        # What is no HTTP is no request, of nobody, and no surface's.
        if b"\x1b" not in said:
            kind = own.record(heard.record)["outcome"]["kind"]
            assert kind == ("completed" if is_taken else "refused")
    written = own.gateway.log.read_bytes()
    assert not [said for said in (b"\x1b", *NASTY) if said in written]
    assert row.told(heard).status == 400


@ROWS
def test_adv_75_on_a_full_disk_no_surface_sends_or_promises_anything(own, row) -> None:
    with Full(own), own.nothing_sent():
        heard = [
            sent(own, row, stream=stream, place=place) for stream in row.ways for place in PLACES
        ]
        assert {(one.status, one.record) for one in heard} == {(503, "")}
        assert row.told(heard[-1]).status == 503
        model = row.models[-1]
        fields = (JSON, row.key(own.gateway.keys["asks"]))
        raw = row.raw("hello", model)
        tried = ask(own.url, request("POST", f"/v1/route{row.at(model)}", raw, fields))
        assert tried.status == 503, tried.body
    until(lambda: sent(own, row).status == 200, "an answer")
    # WHY: what is still to be settled when the next disk is full would stay open.
    own.record(sent(own, row).record)
    until(lambda: own.metric("in_flight ") == 0, "nothing in flight")


@ROWS
def test_adv_86_the_record_of_a_surface_is_there_for_its_own_caller_alone(own, row) -> None:
    made = sent(own, row)
    nobodys = "019aa000-0000-7000-8000-000000000000"
    assert own.record(made.record)["surface"] == row.surface
    for key in OTHERS:
        for place in PLACES:
            field = row.key(own.gateway.keys[key])
            theirs, nothing = (
                ask(own.url, request("GET", f"{place}/v1/records/{one}", fields=(field,)), "GET")
                for one in (made.record, nobodys)
            )
            assert theirs.status == nothing.status == 404
            assert theirs.body == nothing.body


def test_adv_88_a_revoked_key_opens_no_surface_and_what_it_opened_is_settled(own) -> None:
    """What is under way was decided; nothing says that it be cut, and nothing new begins."""
    lines: list[tuple[Row, Line, Iterator[bytes], str]] = []
    for row in STREAMED:
        line = own.line()
        line.send(asks(own, row, "mock:drip=20 mock:words=60", key="leaver", stream=True))
        status, fields = line.head()
        assert status == 200, row
        chunks = line.chunks()
        assert next(chunks)
        lines.append((row, line, chunks, fields["x-perimeter-record"]))
    command("keys", "revoke", "leaver", "--node", str(own.gateway.node))
    until(lambda: sent(own, EVERY[0], key="leaver").status == 401, "401")
    with own.nothing_sent():
        for row in EVERY:
            for stream in row.ways:
                told = row.told(sent(own, row, key="leaver", stream=stream))
                assert (told.status, told.kind) == (401, row.kind(401)), row
    for _, line, chunks, _ in lines:
        assert b"".join(chunks)
        line.close()
    ours = {record for *_, record in lines}
    until(lambda: len(_settled(own, ours)) == len(ours), "every stream settled")
    assert {str(one.outcome) for one in _settled(own, ours)} == {"completed"}


def _settled(house: House, ours: set[str]) -> list[Settled]:
    return [one for one in records(house.gateway) if isinstance(one, Settled) and one.id in ours]


def test_adv_57_a_gateway_of_which_tools_would_tell_tells_nobody(own) -> None:
    """The trap is looked at when the gateway has stopped; here, that one can get into it."""
    told = own.gateway.process
    assert told is not None
    environment = Path(f"/proc/{told.pid}/environ").read_bytes().split(b"\0")
    (dsn,) = (one for one in environment if one.startswith(b"SENTRY_DSN="))
    assert int(dsn.rpartition(b":")[2].split(b"/")[0]) > 0


def test_what_was_written_here_is_whole(own) -> None:
    report = verified(own.gateway)
    assert (report.lost, report.open) == (0, 0)
    assert not re.search(rb"forged", own.gateway.log.read_bytes())
