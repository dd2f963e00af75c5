"""`make coverage`: how much of each room the tests run, held against what the room must reach."""

import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import coverage
import msgspec

ROOT = Path(__file__).resolve().parents[2]
PURE = {"domain", "classification", "policy", "routing", "dialects", "translation", "audit", "wire"}
PURE_MIN = 100.0
SHELL_MIN = 85.0
TOP = "gateway"


def main() -> int:
    """Print a row for each room; return 1 when one misses its mark."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    missing: list[str] = []
    for name, file in _files().items():
        path = Path(name)
        room = path.parts[1] if len(path.parts) > 2 else TOP
        summary = file["summary"]
        totals[room][0] += summary["covered_lines"] + summary.get("covered_branches", 0)
        totals[room][1] += summary["num_statements"] + summary.get("num_branches", 0)
        if room in PURE and summary["percent_covered"] < PURE_MIN:
            missing.append(f"{name}: lines {file['missing_lines']} {file['missing_branches']}")
    failed = False
    for room, (covered, of) in sorted(totals.items()):
        percent = 100 * covered / of if of else 100.0
        wanted = PURE_MIN if room in PURE else SHELL_MIN
        verdict = "" if percent >= wanted else f"  under {wanted:.0f} %"
        failed = failed or bool(verdict)
        print(f"{room:16} {percent:6.2f} %{verdict}")
    print("\n".join(missing))
    return 1 if failed else 0


def _files() -> dict:
    data = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    data.combine(keep=True)
    data.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        data.json_report(outfile=str(report))
        return msgspec.json.decode(report.read_bytes())["files"]


if __name__ == "__main__":
    sys.exit(main())
