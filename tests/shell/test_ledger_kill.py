from pathlib import Path

from tests.doubles.ledger_killer import kill_again_and_again

KILLS = 10


def test_a_writer_killed_in_the_middle_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, KILLS)
