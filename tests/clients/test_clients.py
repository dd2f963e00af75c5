"""Real clients, unmodified: each does one turn through the gateway, and is refused one."""

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.surfaces.surface import find
from tests.clients.drivers import CLAUDE_CODE, CLIENTS, CODEX_OSS, CODEX_OWN, Call, Client, Errand
from tests.doubles.serving_house import House

TURN_S_MAX = 60
WORD = "heliotrope-314159"
REFUSED = "Nothing that may see this request can answer it"
REMOTE = "git@git.example.com:payments/ledger-1.git"
ENGINES = {"cloud-model": "cloud", "local-model": "local"}
clients = pytest.mark.parametrize("client", CLIENTS, ids=str)


def run(call: Call, errand: Errand, seconds: int = TURN_S_MAX) -> subprocess.CompletedProcess[str]:
    """Run a client with nothing of this environment."""
    if call.before:
        assert run(Call(call.before, call.environment), errand).returncode == 0
    base = {"HOME": str(errand.home), "PATH": "/usr/bin:/bin", "TERM": "dumb", "LANG": "C.UTF-8"}
    return subprocess.run(
        call.command,
        cwd=errand.work,
        env={**base, **call.environment},
        capture_output=True,
        text=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def errand(house: House, home: Path, model: str, repo: str = "website") -> Errand:
    made = Errand(home / "home", house.url, house.gateway.keys[repo], model)
    note = made.leave("work/note.txt", f"{WORD}\n")
    return replace(made, prompt=f"Read the file {note} and say the word in it.")


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return all that it printed, with the line ends of a narrow terminal undone."""
    return " ".join((done.stdout + done.stderr).split())


def found_at(path: str) -> str:
    """Return the name of the surface at a path."""
    found = find(path)
    assert found is not None
    return found.surface.name


@clients
@pytest.mark.parametrize("model", ENGINES)
def test_a_client_does_its_turn_on_an_engine_of_its_dialect_and_on_another(
    house: House, tmp_path: Path, client: Client, model: str
) -> None:
    prompts = house.prompts()
    one = errand(house, tmp_path, model)
    done = run(client.call(one), one)
    assert done.returncode == 0, said(done)
    assert f"The note says {WORD}" in said(done)
    engine = ENGINES[model]
    seen = {name: count - prompts[name] for name, count in house.prompts().items()}
    assert seen.pop(engine) >= (2 if client.reads else 1)
    assert set(seen.values()) == {0}


@pytest.mark.parametrize("client", [one for one in CLIENTS if one.requests_max], ids=str)
def test_a_refusal_is_shown_and_not_tried_again(
    house: House, tmp_path: Path, client: Client
) -> None:
    """The label is that of the key, or, of a client without one, that of its base URL."""
    before = house.metric("requests_total")
    one = errand(house, tmp_path, "cloud-model", "website" if client.keyless else "payments")
    if client.keyless:
        one = replace(one, url=f"{house.url}/l/restricted")
    with house.nothing_sent():
        done = run(client.call(one), one)
    assert REFUSED in said(done)
    if not client.keyless:
        record = house.record(said(done).partition("Record ")[2][:36], "payments")
        assert (record["label"], record["outcome"]["kind"]) == ("restricted", "refused")
        assert record["surface"] == found_at(client.path)
    assert 1 <= house.metric("requests_total") - before <= client.requests_max


@clients
def test_a_label_in_the_base_url_keeps_a_turn_on_the_premises(
    house: House, tmp_path: Path, client: Client
) -> None:
    cloud = house.prompts()["cloud"]
    one = replace(errand(house, tmp_path, "code"), url=f"{house.url}/l/restricted")
    done = run(client.call(one), one)
    assert f"The note says {WORD}" in said(done)
    assert house.prompts()["cloud"] == cloud


@pytest.mark.parametrize("client", [one for one in CLIENTS if one.tells], ids=str)
def test_a_label_in_a_header_that_a_client_adds_keeps_a_turn_on_the_premises(
    house: House, tmp_path: Path, client: Client
) -> None:
    cloud = house.prompts()["cloud"]
    told = {"x-perimeter-label": "restricted"}
    one = replace(errand(house, tmp_path, "code"), headers=told)
    done = run(client.call(one), one)
    assert f"The note says {WORD}" in said(done)
    assert house.prompts()["cloud"] == cloud


def test_a_remote_that_codex_finds_by_itself_keeps_a_turn_on_the_premises(
    house: House, tmp_path: Path
) -> None:
    prompts = house.prompts()
    one = errand(house, tmp_path, "code")
    for words in (("init", "-q"), ("remote", "add", "origin", REMOTE)):
        subprocess.run(["git", "-C", str(one.work), *words], check=True)
    done = run(CODEX_OWN.call(one), one)
    assert f"The note says {WORD}" in said(done)
    seen = {name: count - prompts[name] for name, count in house.prompts().items()}
    assert seen == {"cloud": 0, "local": 2, "home": 0}


def test_codex_with_a_local_provider_finds_the_usual_tag(house: House, tmp_path: Path) -> None:
    one = errand(house, tmp_path, "code:latest")
    done = run(CODEX_OSS.call(one), one)
    assert f"The note says {WORD}" in said(done)


@pytest.mark.parametrize(("engine", "breaks"), [("local", "break=2"), ("cloud", "break=4")])
def test_claude_code_ends_its_turn_without_a_stream_where_every_stream_breaks(
    house: House, tmp_path: Path, engine: str, breaks: str
) -> None:
    """The break comes once something was said.

    WHY: before that the gateway tries again by itself and then answers 502, to which Claude Code
    sends the same stream again, with longer and longer waits; it falls back to no stream
    only where a stream has begun.
    """
    before = house.metric("requests_total")
    one = errand(house, tmp_path, f"{engine}-model")
    house.engines[engine].behave(breaks)
    try:
        done = run(CLAUDE_CODE.call(one), one)
    finally:
        house.engines[engine].behave()
    assert f"The note says {WORD}" in said(done)
    assert house.metric("requests_total") - before > 2
