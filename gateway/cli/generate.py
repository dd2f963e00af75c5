"""`perimeter generate`: write what is made from code, or check that it is current."""

import argparse
import sys
import tempfile
from pathlib import Path

from gateway.cli.pages import errors_page, fallback_page
from gateway.config.reference import reference
from gateway.config.schemas import file_of, write_schemas
from gateway.identity.keys import KeyEntry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if not current")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's folder")


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or 1 when `--check` finds a file that is not current."""
    root: Path = arguments.root
    made = _made()
    stale = [name for name, text in made.items() if _text(root / name) != text]
    if arguments.check:
        for name in stale:
            print(f"not current: {name} (run `make generate`)", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[name])
        print(f"wrote {name}")
    return 0


def _made() -> dict[str, str]:
    pages = {
        "docs/config.md": reference(),
        "docs/errors.md": errors_page(),
        "docs/fallback.md": fallback_page(),
    }
    with tempfile.TemporaryDirectory() as folder:
        write_schemas(Path(folder), {"keys": ("keys.yaml", file_of("keys", KeyEntry))})
        schemas = {
            f"schemas/{path.name}": path.read_text() for path in sorted(Path(folder).iterdir())
        }
    return {**pages, **schemas}


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
