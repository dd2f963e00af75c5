"""How long a gateway takes from its start to listening and to ready, and how much memory it holds.

A script, not a test: `python -m tests.serving.measure_start [RUNS [PYTHON]]` prints what it
measured. PYTHON runs the gateway; one of an environment with the runtime requirements alone shows
what an installation has, for the test requirements bring libraries that others pick up. The cache
is warm: the detectors were compiled before. Times are medians of wall-clock seconds.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.doubles.gateway_folders import Template, started
from tests.doubles.running_gateway import ROOT, RunningGateway
from tests.doubles.scripted_engine import scripted_engine
from tests.doubles.serving_house import FORMS, House

RUNS = 7
SETTLE_S = 1.0
SHOWN = 15
LISTENING_S_WANTED = 1.0
RSS_MB_WANTED = 80


def main(runs: int) -> int:
    """Print every figure."""
    with (
        tempfile.TemporaryDirectory() as folder,
        scripted_engine(name="home", host="127.0.1.1") as home,
    ):
        place = Path(folder)
        (place / "template").mkdir()
        template = Template(place / "template")
        backends = {"home": ("vllm", home.url, "on_prem")}
        gateway = template.copy(place / "node", backends)
        listening, ready, worked, resting, used = [], [], [], [], []
        for _ in range(runs):
            began = time.monotonic()
            gateway.process = None
            with started(_Watched(gateway, began)) as running:
                listening.append(running.listening_s)
                ready.append(time.monotonic() - began)
                worked.append(_cpu_s(running))
                time.sleep(SETTLE_S)
                resting.append(_rss_mb(running))
                house = House(running, {"home": home})
                for form in FORMS * 50:
                    assert house.ask(form, form.body()).status == 200
                used.append(_rss_mb(running))
                mapped = _mapped(running)
        told("start to listening, s", listening, LISTENING_S_WANTED)
        told("start to ready, s", ready)
        told("processor time until ready, s", worked)
        told("resident at rest, MB", resting, RSS_MB_WANTED)
        told("resident after 100 requests, MB", used)
        print("\nresident memory by file (kB):")
        for name, size in mapped.most_common(SHOWN):
            print(f"{size:8d}  {name}")
    print("\nimports that take longest (own time, us):")
    print("\n".join(_imports()))
    return 0


def told(what: str, figures: list[float], wanted: float | None = None) -> None:
    """Print a median, and what it should be below."""
    bound = "" if wanted is None else f"   (wanted: below {wanted})"
    print(f"{what:32}{statistics.median(figures):8.2f}{bound}")


class _Watched(RunningGateway):
    """A gateway that notes when it told its addresses."""

    def __init__(self, gateway: RunningGateway, began: float) -> None:
        super().__init__(gateway.folder)
        self.keys = gateway.keys
        self._began = began
        self.listening_s = 0.0

    def until_ready(self) -> None:
        self.listening_s = time.monotonic() - self._began
        super().until_ready()


def _cpu_s(gateway: RunningGateway) -> float:
    assert gateway.process is not None
    words = Path(f"/proc/{gateway.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(gateway: RunningGateway) -> float:
    assert gateway.process is not None
    lines = Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def _mapped(gateway: RunningGateway) -> Counter[str]:
    assert gateway.process is not None
    found: Counter[str] = Counter()
    name = ""
    for line in Path(f"/proc/{gateway.process.pid}/smaps").read_text().splitlines():
        words = line.split()
        if words[0].endswith(":"):
            if words[0] == "Rss:":
                found[name] += int(words[1])
        else:
            name = Path(words[5]).name if len(words) > 5 else "[anonymous]"
    return found


def _imports() -> list[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import gateway.cli.serve"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    rows = [line.split("|") for line in done.stderr.splitlines() if line.count("|") == 2]
    timed = [(int(own.rpartition(":")[2]), name.strip()) for own, _, name in rows[1:]]
    total = sum(own for own, _ in timed)
    return [f"{total:8d}  all"] + [
        f"{own:8d}  {name}" for own, name in sorted(timed)[: -SHOWN - 1 : -1]
    ]


if __name__ == "__main__":
    sys.executable = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS))
