import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.classification.detectors import DETECTORS, DetectorKind, secrets
from gateway.classification.matching import engine
from gateway.classification.parts import SEPARATOR
from gateway.stores import detector_cache
from gateway.stores.detector_cache import DetectorBrokenError, Seal, load_detectors

SECRET = b"a secret of this node, 32 bytes."
SECRETS = DETECTORS["secrets"]
TOML = "[[rules]]\nid = 'a'\nregex = 'k_[a-z]{8}'\n"


class Counting:
    """The real compiler and loader, counted."""

    def __init__(self) -> None:
        self.compiled = 0
        self.loaded: list[bytes] = []

    def compile(self, rules: Any) -> bytes:
        self.compiled += 1
        return secrets.compile_database(rules)

    def load(self, rules: Any, database: bytes) -> secrets.SecretScanner:
        self.loaded.append(database)
        return secrets.SecretScanner(rules, database)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture(autouse=True)
def kind(counting: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DetectorKind:
    data = tmp_path / "data"
    data.mkdir()
    (data / "small.toml").write_text(TOML)
    small = replace(
        SECRETS,
        rules_file="small.toml",
        compile=counting.compile,
        load=counting.load,
        probe=SEPARATOR + b"k_abcdefgh" + SEPARATOR,
    )
    monkeypatch.setattr(detector_cache, "_DATA", data)
    for name in tuple(DETECTORS):
        monkeypatch.delitem(DETECTORS, name)
    monkeypatch.setitem(DETECTORS, "secrets", small)
    return small


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_a_second_start_does_not_compile(tmp_path: Path, counting: Counting) -> None:
    (first,) = load_detectors(tmp_path / "cache", SECRET)
    (second,) = load_detectors(tmp_path / "cache", SECRET)
    assert (first.warm, first.stored) == (False, True)
    assert (second.warm, second.stored) == (True, True)
    assert counting.compiled == 1
    assert second.detector.scan(SEPARATOR + b"k_zyxwvuts" + SEPARATOR).hits


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    (file,) = files(tmp_path / "cache")
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, -1])
def test_a_truncated_file_is_made_again_and_never_loaded(
    tmp_path: Path, counting: Counting, length: int
) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    (file,) = files(tmp_path / "cache")
    whole = file.read_bytes()
    file.write_bytes(whole[:length])
    counting.loaded.clear()
    (loaded,) = load_detectors(tmp_path / "cache", SECRET)
    assert not loaded.warm
    assert counting.loaded == [whole[32:]]
    assert files(tmp_path / "cache") == [file]
    assert file.read_bytes()[32:] == whole[32:]


@pytest.mark.parametrize("place", [0, 31, 32, 40, -1])
def test_a_changed_byte_is_noticed(tmp_path: Path, counting: Counting, place: int) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    (file,) = files(tmp_path / "cache")
    whole = bytearray(file.read_bytes())
    whole[place] ^= 1
    file.write_bytes(whole)
    counting.loaded.clear()
    (loaded,) = load_detectors(tmp_path / "cache", SECRET)
    assert not loaded.warm
    assert bytes(whole[32:]) not in counting.loaded or place < 32
    assert counting.compiled == 2


def test_a_file_forged_without_the_secret_is_never_loaded(
    tmp_path: Path, counting: Counting
) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    (file,) = files(tmp_path / "cache")
    blind = secrets.parse_rules("[[rules]]\nid = 'a'\nregex = 'nothing at all'\n")
    forged = secrets.compile_database(blind)
    forger = Seal(b"a secret of the forger, 32 bytes", "secrets", engine(), [b"x"])
    file.write_bytes(forger.close(forged))
    counting.loaded.clear()
    (loaded,) = load_detectors(tmp_path / "cache", SECRET)
    assert not loaded.warm
    assert forged not in counting.loaded


def test_a_file_of_another_node_is_not_even_looked_for(tmp_path: Path, counting: Counting) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    load_detectors(tmp_path / "cache", b"another node's secret, 32 bytes.")
    assert counting.compiled == 2
    assert len(files(tmp_path / "cache")) == 2


def test_other_rules_need_another_file(tmp_path: Path, counting: Counting) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    (tmp_path / "data" / "small.toml").write_text(TOML.replace("{8}", "{7}"))
    load_detectors(tmp_path / "cache", SECRET)
    assert counting.compiled == 2


def test_a_file_under_the_name_of_another_is_not_loaded(tmp_path: Path, counting: Counting) -> None:
    cache = tmp_path / "cache"
    load_detectors(cache, SECRET)
    (old,) = files(cache)
    (tmp_path / "data" / "small.toml").write_text(TOML.replace("{8}", "{7}"))
    load_detectors(cache, SECRET)
    (new,) = set(files(cache)) - {old}
    shutil.copy(old, new)
    (loaded,) = load_detectors(cache, SECRET)
    assert not loaded.warm
    assert counting.compiled == 3


def test_another_engine_needs_another_file(
    tmp_path: Path, counting: Counting, kind: DetectorKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    monkeypatch.setitem(DETECTORS, "secrets", replace(kind, engine=lambda: "another version"))
    load_detectors(tmp_path / "cache", SECRET)
    assert counting.compiled == 2


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path, counting: Counting) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    (file,) = files(tmp_path / "cache")
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    (loaded,) = load_detectors(tmp_path / "cache", SECRET)
    assert not loaded.warm
    assert counting.compiled == 2
    assert not file.is_symlink()


def test_a_folder_in_place_of_the_file_costs_only_the_time_to_compile(tmp_path: Path) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    (file,) = files(tmp_path / "cache")
    file.unlink()
    file.mkdir()
    (loaded,) = load_detectors(tmp_path / "cache", SECRET)
    assert (loaded.warm, loaded.stored) == (False, False)
    assert files(tmp_path / "cache") == [file]


def test_a_pipe_in_place_of_the_file_does_not_block(tmp_path: Path) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    (file,) = files(tmp_path / "cache")
    file.unlink()
    os.mkfifo(file)
    (loaded,) = load_detectors(tmp_path / "cache", SECRET)
    assert (loaded.warm, loaded.stored) == (False, True)


def test_a_file_larger_than_any_database_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    monkeypatch.setattr(detector_cache, "DATABASE_BYTES_MAX", 10)
    (loaded,) = load_detectors(tmp_path / "cache", SECRET)
    assert not loaded.warm


def test_a_folder_that_cannot_be_made_costs_only_the_time_to_compile(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (loaded,) = load_detectors(tmp_path / "file" / "cache", SECRET)
    assert (loaded.warm, loaded.stored) == (False, False)
    assert loaded.detector.scan(SEPARATOR + b"k_abcdefgh" + SEPARATOR).hits


def test_a_detector_that_misses_its_probe_is_never_served(
    tmp_path: Path, kind: DetectorKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = replace(kind, probe=SEPARATOR + b"something else" + SEPARATOR)
    monkeypatch.setitem(DETECTORS, "secrets", blind)
    with pytest.raises(DetectorBrokenError):
        load_detectors(tmp_path / "cache", SECRET)


def test_an_authentic_database_that_the_engine_refuses_is_made_again(
    tmp_path: Path, kind: DetectorKind
) -> None:
    load_detectors(tmp_path / "cache", SECRET)
    (file,) = files(tmp_path / "cache")
    rules = kind.parse(TOML)
    seal = Seal(SECRET, "secrets", kind.engine(), kind.expressions(rules))
    assert file.name == f"secrets-{seal.file_name}.db"
    file.write_bytes(seal.close(b"no database at all" * 20))
    (loaded,) = load_detectors(tmp_path / "cache", SECRET)
    assert not loaded.warm
    (again,) = load_detectors(tmp_path / "cache", SECRET)
    assert again.warm


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        load_detectors(tmp_path / "cache", b"short")


def test_fields_of_a_seal_do_not_run_together() -> None:
    one = Seal(SECRET, "ab", "c", [b"d", b"e"])
    two = Seal(SECRET, "a", "bc", [b"de"])
    assert one.file_name != two.file_name
    assert two.open(one.close(b"x")) is None
    assert one.open(one.close(b"x")) == b"x"
    assert one.open(None) is None
