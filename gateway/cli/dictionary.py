"""`perimeter dictionary NAME WORDS`: hash a list of words, so that the words need not be kept."""

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

from gateway.app.node_secret import dictionary_key
from gateway.classification.detectors.dictionary import DictionaryError, make_dictionary
from gateway.config.node import load_node
from gateway.stores.dictionaries import SUFFIX

REFUSED = 1
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
MODE = 0o640


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("name", help="what a finding is called, such as codenames")
    parser.add_argument("words", type=Path, help="a text file with one word or phrase a line")
    parser.add_argument("--node", type=Path, default=Path("perimeter.yaml"))


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or 1 when the dictionary cannot be made."""
    paths = load_node(arguments.node).settings.paths
    if paths.dictionaries is None:
        return _refused("the node file names no folder under `paths.dictionaries`")
    if not NAME.fullmatch(arguments.name):
        return _refused("a name has a-z, 0-9 and `-`, at most 40 of them")
    try:
        words = arguments.words.read_text(encoding="utf-8-sig").splitlines()
        made = make_dictionary(arguments.name, words, dictionary_key(paths))
        file = paths.dictionaries / f"{arguments.name}{SUFFIX}"
        _write(file, made)
    except DictionaryError as error:
        return _refused(str(error))
    except (OSError, UnicodeDecodeError):
        return _refused("the words cannot be read, or the dictionary cannot be written")
    print(f"written: {file}; it counts from the next start on")
    return 0


def _write(file: Path, content: bytes) -> None:
    """Replace the file in one step."""
    file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    descriptor, written = tempfile.mkstemp(prefix=".dictionary-", dir=file.parent)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    Path(written).chmod(MODE)
    Path(written).replace(file)


def _refused(why: str) -> int:
    print(f"perimeter: {why}", file=sys.stderr)
    return REFUSED
