"""The inbox of approvals: whoever can write there gains nothing, and stops nobody."""

import os
import threading
from pathlib import Path

from gateway.app.inbox import ANSWERS_KEPT_S, FILES_MAX, Answer, answer, read, sweep, waiting


def test_an_answer_is_never_written_through_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"ledger")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "a.json").write_bytes(b"{}")
    (inbox / "a.answer").symlink_to(precious)
    answer(inbox / "a.json", Answer(taken=False))
    assert precious.read_bytes() == b"ledger"


def test_an_answer_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")
    os.mkfifo(tmp_path / "a.answer")
    thread = threading.Thread(
        target=answer, args=(tmp_path / "a.json", Answer(taken=False)), daemon=True
    )
    thread.start()
    thread.join(2)
    assert not thread.is_alive()


def test_what_is_no_file_keeps_nothingwaiting(tmp_path: Path) -> None:
    for number in range(FILES_MAX):
        (tmp_path / f"0{number}.json").mkdir()
    (tmp_path / "real.json").write_bytes(b"{}")
    assert waiting(tmp_path) == [tmp_path / "real.json"]


def test_an_answer_that_nobody_fetched_is_taken_away_in_time(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"ledger")
    now = precious.stat().st_mtime
    (tmp_path / "a.answer").write_bytes(b"{}")
    (tmp_path / "b.answering").write_bytes(b"{}")
    (tmp_path / "c.answer").symlink_to(precious)
    (tmp_path / "d.json").write_bytes(b"{}")
    (tmp_path / "e.answer").mkdir()
    sweep(tmp_path, now + ANSWERS_KEPT_S - 9)
    assert len(list(tmp_path.iterdir())) == 6
    sweep(tmp_path, now + ANSWERS_KEPT_S + 9)
    assert {path.name for path in tmp_path.iterdir()} == {"precious", "d.json", "e.answer"}
    sweep(tmp_path / "absent", now)


def test_a_pipe_that_somebody_holds_open_is_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    os.mkfifo(path)
    held = os.open(path, os.O_RDWR)
    try:
        assert read(path) == b""
    finally:
        os.close(held)
