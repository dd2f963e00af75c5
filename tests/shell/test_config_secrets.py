"""Secrets: read by reference, typed at once, in no error text."""

import os
from pathlib import Path

import pytest

from gateway.config.secrets import SECRET_BYTES_MAX, read_secrets
from gateway.config.settings import SecretSource
from gateway.domain.document import Document
from gateway.domain.secret import Secret

NODE = Document("perimeter.yaml", {}, {"": 1, "/secrets/a": 7})
CANARY = "sk-canary-hunter2"


def read(source: SecretSource, environment=None) -> tuple[dict[str, Secret], list[str]]:
    problems: list = []
    found = read_secrets({"a": source}, environment or {}, NODE, problems)
    return found, [str(problem) for problem in problems]


def a_file(folder: Path, data: bytes, mode: int = 0o600) -> SecretSource:
    path = folder / "secret"
    path.write_bytes(data)
    path.chmod(mode)
    return SecretSource(file=path)


def refused(source: SecretSource, environment=None) -> str:
    found, (problem,) = read(source, environment)
    assert found == {}
    assert problem.startswith("perimeter.yaml:7: /secrets/a: ")
    assert "hunter2" not in problem
    return problem


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_secret_is_read_from_a_file_without_its_line_end(tmp_path, end):
    found, problems = read(a_file(tmp_path, CANARY.encode() + end))
    assert problems == []
    assert found["a"] == Secret(CANARY)
    assert "hunter2" not in repr(found)


def test_a_secret_is_read_from_the_environment_that_is_given(monkeypatch):
    monkeypatch.setenv("KEY", "from-the-process")
    assert read(SecretSource(env="KEY"), {"KEY": CANARY})[0]["a"] == Secret(CANARY)
    assert "KEY is not set" in refused(SecretSource(env="KEY"), {"OTHER": CANARY})


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o666, 0o601])
def test_a_file_open_to_everyone_is_refused(tmp_path, mode):
    assert "every user" in refused(a_file(tmp_path, CANARY.encode(), mode))


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_a_file_for_owner_and_group_is_read(tmp_path, mode):
    assert read(a_file(tmp_path, CANARY.encode(), mode))[1] == []


def test_the_mode_of_the_file_behind_a_link_counts(tmp_path):
    a_file(tmp_path, CANARY.encode(), 0o644)
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    assert "every user" in refused(SecretSource(file=tmp_path / "link"))


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n"])
def test_an_empty_secret_is_refused(tmp_path, data):
    assert "empty" in refused(a_file(tmp_path, data))
    assert "empty" in refused(SecretSource(env="KEY"), {"KEY": data.decode()})


@pytest.mark.parametrize(
    "data",
    [b"hunter2\nx-evil: 1", b"hunter2\n\n", b" hunter2", b"hunter2 ", b"hunter2\x00", b"hunter2\t",
     b"\xff\xfehunter2", "hunter2\u00e5".encode(), b"\xef\xbb\xbfhunter2"],
)  # fmt: skip
def test_a_secret_that_no_header_can_carry_is_refused(tmp_path, data):
    assert "no header can carry" in refused(a_file(tmp_path, data))


def test_a_secret_over_the_limit_is_refused(tmp_path):
    assert read(a_file(tmp_path, b"x" * SECRET_BYTES_MAX))[1] == []
    assert "larger than" in refused(a_file(tmp_path, b"x" * (SECRET_BYTES_MAX + 1)))


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", "pipe", ""):
        assert "does not exist" in refused(SecretSource(file=tmp_path / name))
    assert "cannot be read" in refused(SecretSource(file=tmp_path / ("x" * 300)))


def test_every_secret_that_cannot_be_read_is_told():
    problems: list = []
    sources = {"a": SecretSource(env="A"), "b": SecretSource(env="B"), "c": SecretSource(env="C")}
    found = read_secrets(sources, {"B": CANARY}, NODE, problems)
    assert set(found) == {"b"}
    assert len(problems) == 2


def test_a_source_without_a_place_is_refused():
    assert "not set" in refused(SecretSource())


def test_a_json_document_is_a_secret_on_one_line(tmp_path):
    pretty = b'{\n  "type": "service_account",\n  "private_key": "a\\nb"\n}\n'
    found, problems = read(a_file(tmp_path, pretty))
    assert problems == []
    assert found["a"] == Secret('{"type":"service_account","private_key":"a\\nb"}')


@pytest.mark.parametrize("text", ['{"a":\n"hunter2"', '{\n"hunter2": "é"}'])
def test_what_is_no_plain_json_document_is_refused(tmp_path, text):
    assert "no header can carry" in refused(a_file(tmp_path, text.encode()))
