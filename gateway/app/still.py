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


def read_still(path: Path, read: Callable[[], Loaded]) -> Loaded:
    """Return what was read while no file of the node changed, and what the files looked like then.

    ConfigError for what `read` finds, and where the files change at each of READS_MAX readings.
    """
    for _ in range(READS_MAX):
        before = _seen(path)
        try:
            loaded = read()
        except ConfigError:
            if _seen(path) == before:
                raise
            continue
        if _seen(path) == before:
            return replace(loaded, stamp=before)
    raise ConfigError((Problem(str(path), 1, "", "the files change while they are read"),))


def stamp_of(node: Node) -> Stamp:
    """Return what changes when one of the files does."""
    return tuple(_stamps(node))


def _seen(path: Path) -> Stamp:
    """Return the stamp of the node that lies there; empty where its file is no use."""
    try:
        return stamp_of(load_node(path))
    except ConfigError:
        return ()


def _stamps(node: Node) -> Iterator[tuple[str, int, int, int]]:
    paths = node.settings.paths
    folders = (paths.policy, paths.policy / "cases", paths.models)
    files = (
        Path(node.document.file),
        *((paths.persons,) if paths.persons else ()),
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
