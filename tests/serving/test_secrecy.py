"""What nobody but the engine may see: prompts, keys, people, addresses with passwords in them."""

import ctypes
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.cli.serve import leave_no_core
from tests.doubles.ledger_sight import personal_of
from tests.doubles.raw_http import Field, Gone, ask, chunked, request
from tests.doubles.running_gateway import ROOT
from tests.doubles.serving_house import FORMS, JSON, OPENAI, Form, House, until

MARK = "c4n4ry"
PROMPT = f"{MARK}-prompt-7f3a"
SYSTEM = f"{MARK}-system-7f3a"
USERINFO = f"{MARK}-userinfo-7f3a"
SESSION = f"{MARK}-session-7f3a"
CLIENT = f"{MARK}-client-7f3a"
METADATA = f"{MARK}-metadata-7f3a"
PATH = f"{MARK}-path-7f3a"
KEY = f"pmt_web_{MARK}" + "K" * 37
PR_GET_DUMPABLE = 3
BIG_BYTES = 20 * 1024 * 1024


def _claims(form: Form) -> tuple[Field, ...]:
    return (
        ("x-perimeter-repo", f"https://{USERINFO}:pw@git.example.com/web/website.git"),
        ("x-session-id", SESSION),
        ("user-agent", CLIENT),
    )


def _talk(house: House, form: Form) -> set[int]:
    """Ask in every way that we know of; return the statuses."""
    more = {"metadata": {"user_id": METADATA}}
    if form is not OPENAI:
        more["system"] = SYSTEM
    texts = [
        PROMPT,
        f"{PROMPT} mock:status=500",
        f"{PROMPT} mock:status=400",
        f"{PROMPT} mock:html",
        f"{PROMPT} mock:garbage",
        f"{PROMPT} mock:context",
        f"{PROMPT} mock:cut=4 mock:drip=5",
        f"{PROMPT} mock:break=4 mock:drip=5",
    ]
    heard = [
        house.ask(form, form.body(text, model, stream=stream, **more), "payments", _claims(form))
        for text in texts
        for model in ("home-model", "local-model")
        for stream in (False, True)
        if stream or "cut" not in text
    ]
    bad = [
        form.body(PROMPT, "cloud-model"),
        form.body(PROMPT, PROMPT),
        form.body(PROMPT, max_tokens=PROMPT),
        f'{{"model": "{PROMPT}'.encode(),
        f'{{"{PROMPT}": 1, "{PROMPT}": 2}}'.encode(),
        PROMPT.encode(),
    ]
    heard += [house.ask(form, body, "payments", _claims(form)) for body in bad]
    label: Field = ("x-perimeter-label", f"public+{MARK}")
    heard.append(house.ask(form, form.body(PROMPT), "payments", (label,)))
    raw = msgspec.json.encode(form.body(PROMPT))
    heard.append(ask(house.url, request("POST", form.path, raw, (JSON, form.key(KEY)))))
    heard.append(ask(house.url, request("POST", f"/v1/{PATH}?key={KEY}", raw, (JSON,))))
    heard.append(ask(house.url, request("GET", f"/v1/records/{PATH}", fields=(form.key(KEY),))))
    heard.append(ask(house.url, f"POST /{PATH} HTTP/1.1\r\n{MARK} : x\r\n\r\n".encode()))
    _leave(house, form)
    return {one.status for one in heard}


def _leave(house: House, form: Form) -> None:
    """Leave while the body is sent, before the answer and during it."""
    fields = (JSON, form.key(house.gateway.keys["payments"]), ("transfer-encoding", "chunked"))
    with house.line() as line:
        line.send(request("POST", form.path, None, fields) + chunked([PROMPT.encode()])[:-5])
    with house.line() as line:
        line.send(house.request(form, form.body(f"{PROMPT} mock:hang", "spent-0-model")))
        until(lambda: house.engines["home"].engine.working == 1, "the engine at work")
    with house.line() as line:
        text = f"{PROMPT} mock:drip=30 mock:words=50"
        line.send(house.request(form, form.body(text, "home-model", stream=True)))
        line.head()
    until(lambda: house.metric("in_flight ") == 0, "nothing in flight")
    until(lambda: house.engines["home"].engine.working == 0, "the engine idle")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _forms(secret: str) -> Iterator[bytes]:
    """Yield the secret as it stands, in base64 at each of its alignments, and in hexadecimal."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    if len(raw) > len(MARK):
        yield from (b64encode(bytes(shift) + raw)[4:-4] for shift in range(3))


def assert_kept_nowhere(house: House, *secrets: str) -> None:
    """No file below the folder holds any of these: data, logs, temporary files."""
    looked = 0
    for path in _files(house.gateway.folder):
        data = path.read_bytes()
        found = [secret for secret in secrets if any(form in data for form in _forms(secret))]
        assert not found, f"{path.relative_to(house.gateway.folder)} holds {found}"
        looked += 1
    assert looked > 10


def test_adv_58_nothing_of_a_request_is_kept_or_told(house) -> None:
    statuses = set()
    for form in FORMS:
        statuses |= _talk(house, form)
    assert statuses >= {200, 400, 401, 404, 502}
    people = ("pay@example.com", "ada@example.com", "127.0.0.1 ")
    keys = [house.gateway.keys[name] for name in ("website", "payments", "unbound")]
    node = house.gateway.node.read_text()
    assert MARK not in node
    said = (PROMPT, SYSTEM, USERINFO, SESSION, CLIENT, METADATA, PATH, KEY, MARK)
    assert_kept_nowhere(house, *said, *keys)
    for path in _files(house.gateway.folder / "data"):
        assert not [one for one in people if one.encode() in path.read_bytes()], path
    log = house.gateway.log.read_text()
    metrics = ask(house.gateway.admin, request("GET", "/metrics"), "GET").body.decode()
    ready = ask(house.gateway.admin, request("GET", "/readyz"), "GET").body.decode()
    for text in (log, metrics, ready):
        assert MARK not in text
        assert not [one for one in (*people, *keys) if one in text]
        assert PATH not in text
    assert not list((house.gateway.folder / "tmp").iterdir())


def test_what_is_kept_of_a_person_is_sealed_and_can_be_opened(house) -> None:
    """The search above would find nothing if nothing were kept: here it is, under its key."""
    body = OPENAI.body(PROMPT, metadata={"user_id": METADATA})
    heard = house.ask(OPENAI, body, "payments", _claims(OPENAI))
    assert heard.status == 200
    personal = personal_of(house.gateway, heard.record)
    assert personal.subject == "pay@example.com"
    assert personal.address == "127.0.0.1"
    assert personal.session == SESSION
    assert personal.client == CLIENT
    assert personal.repo == "git.example.com/web/website"
    assert personal.metadata == {"user_id": METADATA}
    assert USERINFO not in msgspec.json.encode(personal).decode()


def test_an_explanation_shows_nothing_that_is_sealed(house) -> None:
    heard = house.ask(OPENAI, OPENAI.body(PROMPT), "payments", _claims(OPENAI))
    record = msgspec.json.encode(house.record(heard.record, "payments")).decode()
    assert MARK not in record
    assert "pay@example.com" not in record


def test_a_large_body_is_never_put_on_disk(house) -> None:
    """Every write of the process is counted by the kernel: far less than the body came to disk."""
    before = _written(house)
    for form in FORMS:
        body = form.body(PROMPT + "x" * BIG_BYTES, "home-model")
        assert house.ask(form, body).status == 200
    assert _written(house) - before < BIG_BYTES // 10
    assert not list((house.gateway.folder / "tmp").iterdir())
    assert_kept_nowhere(house, PROMPT)
    assert not _deleted_files(house)


def test_a_large_body_that_stops_halfway_leaves_nothing(house) -> None:
    before = _written(house)
    fields = (JSON, OPENAI.key(house.gateway.keys["website"]), ("content-length", str(BIG_BYTES)))
    with house.line() as line:
        try:
            line.send(request("POST", OPENAI.path, None, fields) + PROMPT.encode() * 500_000)
        except Gone:
            pytest.fail("the body was not taken")
    until(lambda: house.metric("in_flight ") == 0, "nothing in flight")
    assert _written(house) - before < BIG_BYTES // 10
    assert_kept_nowhere(house, PROMPT)


def _pid(house: House) -> int:
    assert house.gateway.process is not None
    return house.gateway.process.pid


def _written(house: House) -> int:
    lines = Path(f"/proc/{_pid(house)}/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def _deleted_files(house: House) -> list[str]:
    """Return the open files of the process that have no name any more."""
    links = [str(path.readlink()) for path in Path(f"/proc/{_pid(house)}/fd").iterdir()]
    return [link for link in links if link.endswith("(deleted)") and link.startswith("/")]


def test_adv_57_a_crash_leaves_no_core(house) -> None:
    limits = Path(f"/proc/{_pid(house)}/limits").read_text().splitlines()
    core = next(line for line in limits if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


def test_no_handler_of_the_system_is_given_a_core() -> None:
    code = (
        "import ctypes; from gateway.cli.serve import leave_no_core; leave_no_core();"
        f"print(ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}, 0, 0, 0, 0))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "0"
    assert ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1
    assert leave_no_core.__doc__ is not None
