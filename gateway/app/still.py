"""Files that hold still while they are read: what is in force is what somebody wrote, whole.

A folder may be replaced between two of its files, as a kubelet does when a ConfigMap changes. Half
of one policy and half of the next is a policy that nobody wrote, and may permit what neither does.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from gateway.app.loading import Loaded, Stamp
from gateway.config.node import Node, load_node
from gateway.domain.errors import ConfigError, Problem

READS_MAX = 5


def read_still(of: Path | Node, read: Callable[[], Loaded]) -> Loaded:
    """Return what was read while no file of the node changed, and what the files looked like then.

    `of` is the file of the node, or the node itself where that is no question any more.

    ConfigError for what `read` finds, and where the files change at each of READS_MAX readings.
    """
    for _ in range(READS_MAX):
        before = _seen(of)
        try:
            loaded = read()
        except ConfigError:
            if _seen(of) == before:
                raise
            continue
        if _seen(of) == before:
            return replace(loaded, stamp=before)
    file = of.document.file if isinstance(of, Node) else str(of)
    raise ConfigError((Problem(file, 1, "", "the files change while they are read"),))


def stamp_of(node: Node) -> Stamp:
    """Return what changes when one of the files does."""
    return tuple(_stamps(node))


def _seen(of: Path | Node) -> Stamp:
    """Return the stamp of the node that lies there; empty where its file is no use."""
    try:
        return stamp_of(of if isinstance(of, Node) else load_node(of))
    except ConfigError:
        return ()


def _stamps(node: Node) -> Iterator[tuple[str, int, int, int]]:
    paths = node.settings.paths
    dictionaries = (paths.dictionaries,) if paths.dictionaries else ()
    folders = (paths.policy, paths.policy / "cases", paths.models, *dictionaries)
    secrets = (one.file for one in node.settings.secrets.values() if one.file is not None)
    files = (
        Path(node.document.file),
        *((paths.persons,) if paths.persons else ()),
        *secrets,
    )
    for path in (*files, *(one for folder in folders for one in _listed(folder))):
        try:
            found = path.stat()
        except OSError:
            yield str(path), 0, 0, 0
        else:
            yield str(path), found.st_ino, found.st_size, found.st_mtime_ns


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
