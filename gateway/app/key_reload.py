"""The key file while the gateway runs: looked at, read anew when it changed, swapped as a whole."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from gateway.app.bindings import Bindable, key_problems
from gateway.config.files import FILE_BYTES_MAX, load
from gateway.domain.errors import ConfigError, Problem
from gateway.identity.keyfile import read_keys
from gateway.identity.keys import HeldKeys, KeyRing

LOOK_S = 0.2
KEYS_NAMED_MAX = 64
# WHY: two writes within one tick of the file system's clock look alike from outside.
LOOKS_BETWEEN_READS = 4
Stamp = tuple[int, int, int]
NEVER: Stamp = (0, 0, 0)
UNREAD = b"unread"


class KeyBell(Protocol):
    """Who hears that keys changed, or that they could not be read."""

    def keys_loaded(self, counts: dict[str, Any]) -> None:
        """The key file was read and is in use; of keys that changed, the ids are told."""

    def keys_refused(self, problems: tuple[Problem, ...]) -> None:
        """The key file cannot be used; the last good one stays in use."""


class KeyFile(Struct, frozen=True, kw_only=True):
    """Where the keys lie, which ring they fill, and what they may bind at this moment."""

    path: Path
    held: HeldKeys
    known: Callable[[], Bindable]
    bell: KeyBell


async def watch_keys(file: KeyFile) -> None:
    """Look at the file again and again, and read it anew when it has changed; never return.

    WHY: the first look reads it, for it may have changed since the gateway began to start.
    """
    stamp, digest, looks = NEVER, UNREAD, 0
    while True:
        await asyncio.sleep(LOOK_S)
        looks += 1
        now = _stamp(file.path)
        if now == stamp and looks % LOOKS_BETWEEN_READS:
            continue
        told = await asyncio.to_thread(_digest, file.path)
        stamp = now
        if told != digest:
            read = await asyncio.to_thread(_read, file)
            if digest != UNREAD or not _is_held(file, read):
                _use(file, read)
            digest = told


def _read(file: KeyFile) -> KeyRing | tuple[Problem, ...]:
    """Return the keys of the file, or everything that is wrong with them."""
    try:
        document = load(file.path)
        ring = read_keys(document)
        return tuple(key_problems(document, ring, file.known())) or ring
    except ConfigError as error:
        return error.problems
    except Exception as error:  # noqa: BLE001 - whatever the file holds, the next one is looked at
        return (Problem(str(file.path), 1, "", f"cannot be read: {type(error).__name__}"),)


def _is_held(file: KeyFile, read: KeyRing | tuple[Problem, ...]) -> bool:
    return isinstance(read, KeyRing) and read.entries() == file.held.now().entries()


def _use(file: KeyFile, read: KeyRing | tuple[Problem, ...]) -> bool:
    """Use these keys from now on; False when they cannot be used.

    INVARIANT: a file with any problem changes nothing: the last good ring stays, whole.
    """
    if isinstance(read, tuple):
        file.bell.keys_refused(read)
        return False
    counts = _counts(file.held.now(), read)
    file.held.swap(read)
    file.bell.keys_loaded(counts)
    return True


def _counts(old: KeyRing, new: KeyRing) -> dict[str, Any]:
    before, after = old.entries(), new.entries()
    shared = before.keys() & after.keys()
    found = {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(one for one in shared if before[one] != after[one]),
    }
    named = {f"{what}_ids": keys[:KEYS_NAMED_MAX] for what, keys in found.items() if keys}
    return {"keys": len(after), **{what: len(keys) for what, keys in found.items()}, **named}


def _stamp(path: Path) -> Stamp:
    """Return what changes when the file does, also where a link to it is put elsewhere."""
    try:
        seen = path.stat()
    except OSError:
        return NEVER
    return (seen.st_mtime_ns, seen.st_size, seen.st_ino)


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return hashlib.sha256(stream.read(FILE_BYTES_MAX + 1)).digest()
    except OSError:
        return b""
