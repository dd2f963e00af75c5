"""What a real vLLM answered, as recorded in tests/goldens/vllm."""

from pathlib import Path

from msgspec import Struct

FOLDER = Path(__file__).parent.parent / "goldens" / "vllm"


class Recording(Struct, frozen=True):
    """Status, content type and body of one answer."""

    status: int
    content_type: str
    body: bytes


def names(prefix: str) -> list[str]:
    """Return the names of all recordings that start so."""
    return sorted(path.stem for path in FOLDER.glob(f"{prefix}*.txt"))


def recording(name: str) -> Recording:
    """Return the recording of that name."""
    head, _, body = (FOLDER / f"{name}.txt").read_bytes().partition(b"\n\n")
    status, *fields = head.decode().split("\n")
    headers = dict(field.split(": ", 1) for field in fields)
    return Recording(int(status.split()[1]), headers.get("content-type", ""), body)
