"""What the bench of the ledger counts: the median round, and none that no disk wrote."""

import os

from tests.bench import ledger
from tests.bench.ledger import Round, filesystem, median

MOUNTS = """\
21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
22 21 0:25 / /tmp rw,nosuid - tmpfs tmpfs rw
"""
GOOD, BETTER, BAD, WORSE = Round(9e3, 9), Round(9e3, 8), Round(9e3, 90), Round(10, 1)


def test_one_good_round_of_three_is_not_enough() -> None:
    assert median([GOOD, BAD, BETTER]) == GOOD
    assert median([BAD, GOOD, WORSE]).holds is False


def test_a_folder_in_memory_is_known() -> None:
    assert filesystem(os.makedev(254, 1), MOUNTS) == "ext4"
    assert filesystem(os.makedev(0, 25), MOUNTS) == "tmpfs"
    assert filesystem(os.makedev(9, 9), MOUNTS) == ""


def test_a_folder_in_memory_is_refused(monkeypatch, capsys) -> None:
    monkeypatch.setattr(ledger, "filesystem", lambda *_: "tmpfs")
    monkeypatch.setattr(ledger, "_bench", None)
    assert ledger.main() == 1
    assert "is tmpfs, no disk" in capsys.readouterr().err
