"""Plain files with what was agreed to be right."""

import os
from pathlib import Path

import msgspec

GOLDENS = Path(__file__).parent.parent / "goldens"
UPDATE = "PERIMETER_UPDATE_GOLDENS"


def golden(name: str) -> bytes:
    return (GOLDENS / name).read_bytes()


def golden_json(name: str) -> dict:
    return msgspec.json.decode(golden(name))


def assert_golden(name: str, found: bytes) -> None:
    """Compare with the file; with PERIMETER_UPDATE_GOLDENS set, write it (and read the diff)."""
    if os.environ.get(UPDATE):
        (GOLDENS / name).write_bytes(found)
    assert found == golden(name)


def assert_golden_json(name: str, found: object) -> None:
    pretty = msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
    assert_golden(name, pretty)


def recorded(name: str) -> tuple[int, bytes]:
    """Return status and body of a recording of the real vLLM."""
    head, _, body = golden(f"vllm/{name}.txt").partition(b"\n\n")
    return int(head.split()[1]), body


def recordings(*prefixes: str) -> list[str]:
    names = {path.name.removesuffix(".txt") for path in (GOLDENS / "vllm").glob("*.txt")}
    return sorted(name for name in names if name.startswith(prefixes))
