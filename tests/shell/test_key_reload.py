"""The key file is read as a whole or not at all, and whatever it holds, the watch goes on."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.app import key_reload
from gateway.app.bindings import bindable_in
from gateway.app.key_reload import KeyFile, _read, _use
from gateway.domain.errors import Problem
from gateway.identity.keyfile_text import add_key, change_key
from gateway.identity.keys import HeldKeys, KeyEntry, KeyRing, new_key
from tests.doubles.fleets import a_catalogue, a_fleet, an_offering
from tests.doubles.worlds import a_world

HASH = new_key("ann", bytes(32))[1]
ENTRY = KeyEntry("ann", "payments", HASH, repos=("website",))


class KeptBell:
    def __init__(self) -> None:
        self.loaded: list[dict[str, Any]] = []
        self.refused: list[tuple[Problem, ...]] = []

    def keys_loaded(self, counts: dict[str, Any]) -> None:
        self.loaded.append(counts)

    def keys_refused(self, problems: tuple[Problem, ...]) -> None:
        self.refused.append(problems)


def reload_keys(file: KeyFile) -> bool:
    return _use(file, _read(file))


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    world = a_world(a_fleet(a_catalogue(an_offering("qwen", "vllm", "on_prem"))))
    path = tmp_path / "keys.yaml"
    path.write_text(add_key("", "ann", ENTRY))
    held = HeldKeys(KeyRing({}))
    return KeyFile(path=path, held=held, known=lambda: bindable_in(world), bell=KeptBell())


def test_a_good_file_is_in_use_at_once_and_its_changes_are_counted(file) -> None:
    assert reload_keys(file)
    assert len(file.held.now()) == 1
    file.path.write_text(change_key(file.path.read_text(), "ann", {"revoked": True}))
    assert reload_keys(file)
    file.path.write_text("version: 1\nkeys: {}\n")
    assert reload_keys(file)
    counts = ("keys", "added", "removed", "changed")
    told = [tuple(one[what] for what in counts) for one in file.bell.loaded]
    assert told == [(1, 1, 0, 0), (1, 0, 0, 1), (0, 0, 1, 0)]
    named = [{name: one[name] for name in one if name.endswith("_ids")} for one in file.bell.loaded]
    assert named == [{"added_ids": ["ann"]}, {"changed_ids": ["ann"]}, {"removed_ids": ["ann"]}]


BAD = {
    "no YAML": {"subject": "\x00"},
    "a repository that nobody registered": {"repos": ["nowhere"]},
    "a zone of no policy": {"zones": ["moon"]},
    "a name that nothing has": {"tasks": ["nothing"]},
    "a label of no policy": {"label": "nonsense"},
    "a clearance of no policy": {"clearance": "nonsense"},
}


@pytest.mark.parametrize("changed", BAD.values(), ids=BAD.keys())
def test_a_file_with_any_problem_changes_nothing(file, changed) -> None:
    assert reload_keys(file)
    good = file.held.now()
    text = file.path.read_text()
    is_text = "subject" not in changed
    file.path.write_text(change_key(text, "ann", changed) if is_text else "\x00")
    assert not reload_keys(file)
    assert file.held.now() is good
    assert file.bell.refused[-1]


def test_a_file_that_is_gone_changes_nothing(file) -> None:
    assert reload_keys(file)
    file.path.unlink()
    assert not reload_keys(file)
    assert len(file.held.now()) == 1


def test_a_fault_of_ours_is_an_alarm_and_not_the_end(file, monkeypatch) -> None:
    def broken(_: object) -> KeyRing:
        raise RuntimeError("pmt_secret")

    monkeypatch.setattr(key_reload, "read_keys", broken)
    assert not reload_keys(file)
    (problem,) = file.bell.refused[-1]
    assert "RuntimeError" in problem.what
    assert "secret" not in str(problem)


async def looked(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the watch look a few times."""
    monkeypatch.setattr(key_reload, "LOOK_S", 0.001)
    task = asyncio.create_task(key_reload.watch_keys(file))
    await asyncio.sleep(0.2)
    task.cancel()


@pytest.mark.anyio
async def test_a_change_while_the_gateway_started_is_seen_by_the_first_look(
    file, monkeypatch
) -> None:
    assert reload_keys(file)
    file.path.write_text(change_key(file.path.read_text(), "ann", {"revoked": True}))
    await looked(file, monkeypatch)
    assert file.held.now().entries()["ann"].revoked


@pytest.mark.anyio
async def test_a_file_that_did_not_change_is_not_told_of(file, monkeypatch) -> None:
    assert reload_keys(file)
    await looked(file, monkeypatch)
    assert len(file.bell.loaded) == 1
