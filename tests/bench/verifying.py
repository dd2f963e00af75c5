"""What it takes to verify a large log, by `python -m tests.bench.verifying [RECORDS] [FOLDER]`.

It says first how much disk it needs, and ends with 2 where that is not free. Exit code 1 when one
of the verifiers finds the whole log bad, or does not name a record that was changed.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from gateway.audit.tiles import ENTRIES, Tile
from gateway.audit.verify import Verdict
from gateway.export.static_log import write_static_log
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.verify import verify_folder
from tests.doubles.static_logs import VERIFIER, VKEY, write_ledger

RECORDS = 1_000_000
# What a record of these takes as a frame, and again as a tile, with its hashes.
BYTES_PER_RECORD = 2_000


def main(words: list[str]) -> int:
    records = int(words[0]) if words else RECORDS
    place = Path(words[1]) if len(words) > 1 else Path(tempfile.gettempdir())
    needed = records * BYTES_PER_RECORD
    free = shutil.disk_usage(place).free
    print(
        f"{records} records: needs {needed / 1e6:.0f} MB in {place}, {free / 1e6:.0f} MB are free"
    )
    if free < 1.2 * needed:
        return 2
    with tempfile.TemporaryDirectory(dir=place) as root:
        return _bench(Path(root), records)


def _bench(root: Path, records: int) -> int:
    folder, static = LedgerFolder(root / "ledger"), root / "static"
    _told("written", records, lambda: write_ledger(folder.root, records))
    _told("as tiles", records, lambda: write_static_log(folder, static))
    own = _told("perimeter verify", records, lambda: verify_folder(folder.root, VKEY))
    alone = _told("stand-alone", records, lambda: _alone(static))
    used = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    print(f"disk: {used / 1e6:.0f} MB, {used / records:.0f} bytes for a record")
    right = own.verdict is Verdict.WHOLE and own.records == records
    right = right and (alone["verdict"], alone["records"]) == ("whole", records)
    index = records // 2 // 256 * 256
    bent = static / Tile(ENTRIES, index // 256).path
    bent.write_bytes(bent.read_bytes().replace(b"key-7", b"key-8", 1))
    found = _told("stand-alone, one record changed", records, lambda: _alone(static))
    near = found["first_bad"] is not None and index <= found["first_bad"] < index + 3
    return 0 if right and near else 1


def _alone(static: Path) -> dict:
    words = [sys.executable, "-I", str(VERIFIER), str(static), "--vkey", VKEY, "--json"]
    said = subprocess.run(words, capture_output=True, check=False)
    return msgspec.json.decode(said.stdout)


def _told(what, records, act):
    begin = time.perf_counter()
    result = act()
    seconds = time.perf_counter() - begin
    print(f"{what:32} {seconds:7.1f} s {records / seconds:10.0f} records/s", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
