from pathlib import Path

import pytest

from tests.doubles.ledger_killer import kill_again_and_again

KILLS = 200

pytestmark = pytest.mark.faults


def test_a_writer_killed_for_a_long_time_loses_nothing(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, KILLS, seed=11)
