"""Killed at every step of the commit, with the power cut: no acknowledged record is lost."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger.journal import Journal
from tests.doubles.disks import SURVIVALS
from tests.doubles.ledger_lives import a_template, die_and_live_again, steps_of_a_life

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own in it, which saves the disk the work


@pytest.fixture(scope="module")
def disk(tmp_path_factory) -> Iterator[Path]:
    if not MEMORY.is_dir():
        yield tmp_path_factory.mktemp("disk")
        return
    folder = Path(tempfile.mkdtemp(dir=MEMORY))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def template(disk: Path) -> Path:
    return a_template(disk / "template")


def test_a_kill_at_every_step_loses_nothing_that_was_acknowledged(
    disk: Path, template: Path
) -> None:
    steps = steps_of_a_life(template, disk / "whole")
    assert steps > 60
    for step in range(steps + 1):
        die_and_live_again(template, disk / f"{step}", step, SURVIVALS[step % len(SURVIVALS)])


def die_at_every_step(template: Path, root: Path, steps: int) -> None:
    for step in range(steps):
        die_and_live_again(template, root / f"{step}", step, "nothing")


def test_a_journal_that_does_not_sync_is_found_out(disk: Path, template: Path, monkeypatch) -> None:
    def put(self: Journal, descriptor: int, data: bytes) -> None:
        self._files.write(descriptor, data)

    steps = steps_of_a_life(template, disk / "planted")
    monkeypatch.setattr(Journal, "_put", put)
    with pytest.raises(AssertionError):
        die_at_every_step(template, disk / "found-out", steps)


@pytest.mark.faults
@pytest.mark.parametrize("survival", SURVIVALS)
def test_whatever_a_power_cut_leaves_nothing_acknowledged_is_lost(
    disk: Path, template: Path, survival: str
) -> None:
    steps = steps_of_a_life(template, disk / f"whole-{survival}")
    for step in range(steps + 1):
        die_and_live_again(template, disk / f"{survival}-{step}", step, survival)
