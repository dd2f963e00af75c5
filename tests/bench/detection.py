"""What a scan by all detectors costs, by `python -m tests.bench.detection`: milliseconds of CPU.

Each figure is the median of rounds, of which each has texts of its own; first scans have a process
of their own. Exit code 1 when a figure is over its promise.
"""

import asyncio
import base64
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from gateway.classification.detectors import DETECTORS, Detector
from gateway.classification.detectors.dictionary import (
    DictionaryScanner,
    make_dictionary,
    read_dictionary,
)
from gateway.stores.scanner import DetectorScanner
from tests.doubles.compiled_detectors import DATA, all_detectors
from tests.doubles.dice import dice

SOURCE_CHARS = 100_000
SOURCE_MS_MAX = 2.0
WORDS_MS_MAX = 4.0
INPUT_BYTES = 1_000_000
INPUT_MS_MAX = 50.0
CHUNKS = 20
ROUNDS = 5
FIRST_ROUNDS = 3
KEY = b"a key of the bench, of 32 bytes."


# A megabyte of one thing that rules look for.
DENSE: dict[str, Callable[[Random], str]] = {
    "look-alikes": lambda chance: f"\u0420\u0430y s\u0430rd {chance.randrange(10**4)} ",
    "percent signs": lambda chance: f"%67%68{chance.randrange(10**4)} ",
    "codes of letters": lambda chance: f"\\u00{chance.randrange(0x61, 0x7B):02x}",
    "short base64": lambda chance: f"YWJj{chance.getrandbits(88):022x}= ",
    "e-mail addresses": lambda chance: f"u{chance.randrange(10**6)}@corp{chance.randrange(97)}.io ",
    "telephone numbers": lambda chance: f"+49 30 {chance.randrange(10**7):07d}, ",
    "IP addresses": lambda chance: ".".join(str(one) for one in chance.randbytes(4)) + " ",
    "numbers of 16 digits": lambda chance: f"{chance.randrange(10**16):016d} ",
    "JSON of integers": lambda chance: (
        f'{{"a":{chance.randrange(10**9)},"b":[{chance.randrange(10**12)}]}},'
    ),
    "IBAN by their form": lambda chance: (
        f"DE{chance.randrange(100):02d}{chance.randrange(10**18):018d} "
    ),
    "tokens of GitHub": lambda chance: f"ghp_{chance.getrandbits(144):036x} ",
    "tokens of GitLab": lambda chance: f"key = 'glpat-{chance.getrandbits(80):020x}'\n",
    "passwords": lambda chance: f'password = "{chance.getrandbits(48):012x}"\n',
    "heads of keys": lambda chance: (
        f"-----BEGIN RSA PRIVATE KEY-----\n{chance.randrange(1000):03d}\n"
    ),
}


def source() -> str:
    """The standard library, as one text."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(folder.glob("*.py"))
    return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


@cache
def _code() -> bytes:
    return source().encode()[: INPUT_BYTES * 3 // 4]


def _of(letters: int, *spans: tuple[int, int]) -> Callable[[Random], str]:
    """Return what makes so many characters, each from one of the spans."""
    return lambda chance: "".join(
        map(chr, (chance.randrange(*chance.choice(spans)) for _ in range(letters)))
    )


def _request(chance: Random) -> str:
    """A line of the log of a web server with a few hundred clients."""
    client = chance.randrange(400)
    address = f"2a02:8071:{client:x}::1" if client % 4 == 0 else f"88.{client % 9}.{client}.7"
    time_of_day = (
        f"{chance.randrange(24):02d}:{chance.randrange(60):02d}:{chance.randrange(60):02d}"
    )
    path = f"/api/v1/items/{chance.randrange(10**6)}?page={chance.randrange(99)}"
    return f'{address} - - [27/Nov/2026:{time_of_day} +0000] "GET {path} HTTP/1.1" 200 5120\n'


def _row(chance: Random) -> str:
    one, parent, account = (chance.randrange(10**8, 10**9) for _ in range(3))
    return f'{{"id": {one}, "parent": {parent}, "account": {account}}},\n'


# Texts of about 1 MB that are hard for one part or another; those at random are new in each round.
INPUTS: dict[str, Callable[[Random], str]] = {
    "base64": lambda chance: base64.b64encode(chance.randbytes(INPUT_BYTES * 3 // 4)).decode(),
    "base64 of source": lambda _: base64.b64encode(_code()).decode(),
    "base64 of source over lines": lambda _: base64.encodebytes(_code()).decode()[:INPUT_BYTES],
    "hex": lambda chance: chance.randbytes(INPUT_BYTES // 2).hex(),
    "hex of source": lambda _: _code()[: INPUT_BYTES // 2].hex(),
    "one repeated letter": lambda _: "a" * INPUT_BYTES,
    "one repeated digit": lambda _: "4" * INPUT_BYTES,
    "CJK": _of(INPUT_BYTES // 3, (0x4E00, 0x9FFF)),
    "random ASCII": _of(INPUT_BYTES, (32, 127)),
    "random characters": _of(INPUT_BYTES // 2, (32, 0xD7FF), (32, 127)),
    "source": lambda _: source()[:INPUT_BYTES],
    "access log": lambda chance: _many(_request, chance),
    "JSON with ids": lambda chance: _many(_row, chance),
}
# What anybody may send in large amounts: no detector may fail on it.
ORDINARY = ("source", "access log", "JSON with ids")


def an_input(name: str, seed: object = "") -> str:
    return INPUTS[name](dice(f"bench {name} {seed}"))


def dense(name: str, seed: object) -> str:
    """Return about 1 MB of that one thing, another one for each seed."""
    return _many(DENSE[name], dice(f"{name} {seed}"))


def _many(make: Callable[[Random], str], chance: Random) -> str:
    made, size = [], 0
    while size < INPUT_BYTES:
        made.append(make(chance))
        size += len(made[-1].encode())
    return "".join(made)


def a_scanner() -> DetectorScanner:
    words = (f"codename-{number}" for number in range(1_000))
    dictionary = read_dictionary(make_dictionary("codenames", words, KEY), KEY)
    return DetectorScanner([*all_detectors(), DictionaryScanner([dictionary], KEY)], KEY)


async def cost_ms(scanner: DetectorScanner, text: str) -> float:
    """Return the CPU time of one scan: what it costs, whatever else the machine does."""
    body = {"messages": [{"role": "user", "content": text}]}
    before = time.process_time()
    await scanner.scan(body)
    return (time.process_time() - before) * 1_000


async def source_ms(scanner: DetectorScanner) -> float:
    """Return the median over chunks of source, each scanned some times."""
    text = source()
    chunks = [text[at * SOURCE_CHARS : (at + 1) * SOURCE_CHARS] for at in range(CHUNKS)]
    return median([await cost_ms(scanner, one) for _ in range(ROUNDS) for one in chunks if one])


async def first_ms(name: str, folder: Path) -> float:
    """Return what the first scan of a process costs, as a node is after its start."""
    text = an_input(name) if name in INPUTS else dense(name, "")
    scanner = DetectorScanner([_loaded(detector, folder) for detector in DETECTORS], KEY)
    cost = await cost_ms(scanner, text)
    scanner.close()
    return cost


def _rules(name: str) -> Any:
    return DETECTORS[name].parse((DATA / DETECTORS[name].rules_file).read_text(encoding="utf-8"))


def _loaded(name: str, folder: Path) -> Detector:
    return DETECTORS[name].load(_rules(name), (folder / name).read_bytes())


def compile_into(folder: Path) -> None:
    for name, kind in DETECTORS.items():
        (folder / name).write_bytes(kind.compile(_rules(name)))


def first_of_a_process(name: str, folder: Path) -> float:
    done = subprocess.run(
        (sys.executable, "-m", "tests.bench.detection", name, str(folder)),
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


async def run() -> int:
    scanner, with_words = DetectorScanner(all_detectors(), KEY), a_scanner()
    size = f"{SOURCE_CHARS // 1000} kB of source"
    found = [
        (f"{size}, all rules", await source_ms(scanner), SOURCE_MS_MAX),
        (f"{size}, and 1,000 words", await source_ms(with_words), WORDS_MS_MAX),
    ]
    with TemporaryDirectory() as made:
        compile_into(Path(made))
        for name in (*INPUTS, *DENSE):
            text = an_input if name in INPUTS else dense
            costs = [await cost_ms(scanner, text(name, seed)) for seed in range(ROUNDS)]
            first = median([first_of_a_process(name, Path(made)) for _ in range(FIRST_ROUNDS)])
            found.append((f"1 MB: {name}", median(costs), INPUT_MS_MAX))
            found.append((f"1 MB: {name}, first of a process", first, INPUT_MS_MAX))
    scanner.close()
    with_words.close()
    for name, cost, most in found:
        missed = "  MISSED" if cost > most else ""
        print(f"{name:46} {cost:6.2f} ms  (at most {most:g}){missed}")
    return 1 if any(cost > most for _, cost, most in found) else 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(asyncio.run(first_ms(sys.argv[1], Path(sys.argv[2]))))
    else:
        sys.exit(asyncio.run(run()))
