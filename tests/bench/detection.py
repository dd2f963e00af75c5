"""What a scan by all detectors costs, by `python -m tests.bench.detection`: milliseconds of CPU.

Exit code 1 when a figure is over its promise.
"""

import asyncio
import base64
import sys
import sysconfig
import time
from pathlib import Path

from gateway.classification.detectors.dictionary import (
    DictionaryScanner,
    make_dictionary,
    read_dictionary,
)
from gateway.stores.scanner import DetectorScanner
from tests.doubles.compiled_detectors import all_detectors
from tests.doubles.dice import dice

SOURCE_CHARS = 100_000
SOURCE_MS_MAX = 2.0
WORDS_MS_MAX = 4.0
INPUT_BYTES = 1_000_000
INPUT_MS_MAX = 50.0
CHUNKS = 20
ROUNDS = 3
KEY = b"a key of the bench, of 32 bytes."


# WHY: a test is named after each, and their making takes more than a second.
INPUTS = (
    *("base64", "base64 of source", "base64 of source over lines", "hex", "hex of source"),
    *("one repeated letter", "one repeated digit", "CJK", "random ASCII", "random characters"),
    "source",
)


def source() -> str:
    """The standard library, as one text."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(folder.glob("*.py"))
    return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


def inputs() -> dict[str, str]:
    """Texts of about 1 MB that are hard for one part or another."""
    chance = dice("bench")
    some = chance.randbytes(INPUT_BYTES * 3 // 4)
    code = source().encode()[: INPUT_BYTES * 3 // 4]
    return {
        "base64": base64.b64encode(some).decode(),
        "base64 of source": base64.b64encode(code).decode(),
        "base64 of source over lines": base64.encodebytes(code).decode()[:INPUT_BYTES],
        "hex": some[: INPUT_BYTES // 2].hex(),
        "hex of source": code[: INPUT_BYTES // 2].hex(),
        "one repeated letter": "a" * INPUT_BYTES,
        "one repeated digit": "4" * INPUT_BYTES,
        "CJK": "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(INPUT_BYTES // 3)),
        "random ASCII": "".join(chr(chance.randrange(32, 127)) for _ in range(INPUT_BYTES)),
        "random characters": "".join(
            chr(chance.choice([chance.randrange(32, 0xD7FF), chance.randrange(32, 127)]))
            for _ in range(INPUT_BYTES // 2)
        ),
        "source": source()[:INPUT_BYTES],
    }


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
    """Return the median over chunks of source, of the best of some rounds."""
    text = source()
    chunks = [text[at * SOURCE_CHARS : (at + 1) * SOURCE_CHARS] for at in range(CHUNKS)]
    costs = [
        min([await cost_ms(scanner, chunk) for _ in range(ROUNDS)]) for chunk in chunks if chunk
    ]
    return sorted(costs)[len(costs) // 2]


async def run() -> int:
    scanner, with_words = DetectorScanner(all_detectors(), KEY), a_scanner()
    size = f"{SOURCE_CHARS // 1000} kB of source"
    found = [
        (f"{size}, all rules", await source_ms(scanner), SOURCE_MS_MAX),
        (f"{size}, and 1,000 words", await source_ms(with_words), WORDS_MS_MAX),
    ]
    for name, text in inputs().items():
        best = min([await cost_ms(scanner, text) for _ in range(ROUNDS)])
        found.append((f"1 MB: {name}", best, INPUT_MS_MAX))
    scanner.close()
    with_words.close()
    for name, cost, most in found:
        print(f"{name:34} {cost:6.2f} ms  (at most {most:g})")
    return 1 if any(cost > most for _, cost, most in found) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(run()))
