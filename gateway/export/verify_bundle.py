#!/usr/bin/env python3
"""Verify a log of Perimeter without Perimeter: an exported bundle, or a folder of tiles.

    python3 -I verify_bundle.py FOLDER [--vkey KEY] [--kept FILE]... [--cosigner KEY]... [--json]

It needs Python 3.11 or later, its standard library and `cryptography`. It imports nothing of the
gateway and shares no code with `perimeter verify`, so that a fault in one is seen by the other. It
reads and never writes. It shows that

* the checkpoint was signed by the log, and by as many witnesses as are asked for;
* the tree of every kept and every older checkpoint is the beginning of the one tree that the tiles
  hold (RFC 6962), so that no history was put in place of another;
* each record stands in that tree at its number, no number is missing, its bytes are canonical;
* each request was decided once, tried inside its boundary and settled once, by a gateway that had
  started, with times in order, and by documents that are here and are what their digests say.

Exit code 0: whole. 1: tampered with; the first bad record is named where it can be known. 2: it
cannot be used.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH, HASH, ENTRY_MAX = 256, 32, 65_535
FILE_MAX, LINE_MAX, DOCUMENT_MAX = 32 << 20, 1 << 20, 16 << 20
LOG_KEY, COSIGNER_KEY, KEY_BYTES, KEY_PARTS = 1, 4, 32, 3
BODY_LINES, TILES_HELD = 3, 1024
CLOCK_BACK_US = 60_000_000
ROUNDS_MAX, VERSION_MAX = 2, 1
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
MANIFEST_TEXT = "perimeter export v1"


class Tampered(Exception):
    """What is there is not what was written; `index` is the first bad record, where it is known."""

    def __init__(self, index: int | None, reason: str) -> None:
        super().__init__(reason)
        self.index, self.reason = index, reason


class Unusable(Exception):
    """Nothing can be said: a file that is asked for is missing, or a key is none."""


class Key(NamedTuple):
    """A public key `name+id+base64`, of a log or of a witness."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes before each of its signatures."""
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:4]

    @classmethod
    def read(cls, text: str, kind: int) -> "Key":
        """Read it; Unusable."""
        parts = text.strip().split("+", 2)
        data = plain_base64(parts[2]) if len(parts) == KEY_PARTS else None
        if data is None or len(data) != 1 + KEY_BYTES or data[0] != kind:
            raise Unusable(f"not a key of that kind: {printable(text)}")
        key = cls(parts[0], kind, data[1:])
        if key.id.hex() != parts[1]:
            raise Unusable("a key does not have the id that it names")
        return key

    def signed(self, text: str, data: bytes) -> bool:
        """Did this key sign the text? `data` is what follows the key id."""
        message = text.encode()
        if self.kind == COSIGNER_KEY:
            when = int.from_bytes(data[:8], "big")
            message, data = f"cosignature/v1\ntime {when}\n{text}".encode(), data[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(data, message)
        except InvalidSignature:
            return False
        return True


class Checkpoint(NamedTuple):
    """What a log said of itself."""

    size: int
    root: bytes
    note: str


def printable(text: object) -> str:
    """Return text in one line that moves no cursor."""
    return ascii(str(text)[:400])[1:-1]


def plain_base64(text: str) -> bytes | None:
    """Decode base64 that has one form only."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None


def load(path: Path, limit: int = FILE_MAX) -> bytes:
    """Return a plain file; OSError for anything else, or more."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a plain file")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError("larger than it may be")
    return data


def text_of(path: Path) -> str:
    """Return a small text; Unusable."""
    try:
        return load(path, LINE_MAX).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{printable(path)} cannot be read: {type(error).__name__}") from None


def no_number(text: str) -> NoReturn:
    """Refuse floats."""
    raise ValueError(f"a number that is no integer: {text[:40]}")


def no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a field that is said twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands there twice")
    return found


def parsed(data: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Read JSON without floats and without doubled fields; ValueError."""
    try:
        return json.loads(
            data.decode(),
            parse_float=no_number,
            parse_constant=no_number,
            object_pairs_hook=no_doubles,
        )
    except RecursionError:
        raise ValueError("nested too deep") from None


def signers(note: str, keys: list[Key]) -> tuple[str, dict[str, bytes]]:
    """Return the text of a note and what each of the keys signed; Tampered for a bad signature."""
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise Tampered(None, "a checkpoint has no signatures")
    text += "\n"
    found: dict[str, bytes] = {}
    for line in lines[:-1].split("\n"):
        mark, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        data = plain_base64(encoded)
        if mark != "—" or data is None:
            raise Tampered(None, "a checkpoint has a line that is no signature")
        for key in keys:
            if (key.name, key.id) == (name, data[:4]):
                if not key.signed(text, data[4:]):
                    raise Tampered(None, f"a signature of {printable(name)} does not fit")
                found.setdefault(name, data[4:])
    return text, found


def checkpoint_of(note: str, key: Key) -> Checkpoint:
    """Read a checkpoint that the key signed; Tampered."""
    text, found = signers(note, [key])
    lines = text.split("\n")
    root = plain_base64(lines[2]) if len(lines) == BODY_LINES + 1 else None
    if root is None or len(root) != HASH or SIZE.fullmatch(lines[1]) is None:
        raise Tampered(None, "a checkpoint cannot be read")
    if lines[0] != key.name or not found:
        raise Tampered(None, "a checkpoint is not signed by the key of the log")
    return Checkpoint(int(lines[1]), root, note)


def node(left: bytes, right: bytes) -> bytes:
    """Hash a node of the tree."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf(entry: bytes) -> bytes:
    """Hash a leaf of the tree."""
    return hashlib.sha256(b"\x00" + entry).digest()


def perfect(row: list[bytes]) -> bytes:
    """Return the root over a power of two of hashes."""
    while len(row) > 1:
        row = [node(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


class Grown:
    """A tree that takes leaves in order, as one hash for each bit of its size."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def take(self, hashed: bytes) -> None:
        """Add a leaf."""
        carried, size = hashed, self.size
        while size & 1:
            carried, size = node(self.peaks.pop(), carried), size >> 1
        self.peaks.append(carried)
        self.size += 1

    @property
    def root(self) -> bytes:
        """The root over what was taken."""
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node(peak, root)
        return root


class Tiles:
    """The hash tiles of a log of that size."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        self.held: dict[tuple[int, int], list[bytes]] = {}

    @staticmethod
    def path(level: int | str, number: int, width: int) -> str:
        """Return where a tile lies."""
        groups = [f"{number % 1000:03d}"]
        while number := number // 1000:
            groups.insert(0, f"x{number % 1000:03d}")
        return f"tile/{level}/{'/'.join(groups)}" + ("" if width == WIDTH else f".p/{width}")

    def row(self, level: int, number: int) -> list[bytes]:
        """Return the hashes of a tile; Tampered when it is missing or has another size."""
        found = self.held.get((level, number))
        if found is not None:
            return found
        width = min(WIDTH, (self.size >> 8 * level) - number * WIDTH)
        path = self.path(level, number, width)
        try:
            data = load(self.folder / path)
        except OSError:
            data = b""
        if len(data) != width * HASH:
            raise Tampered(number * WIDTH << 8 * level, f"{path} is missing or has another size")
        if len(self.held) >= TILES_HELD:
            self.held.clear()
        row = [data[at : at + HASH] for at in range(0, len(data), HASH)]
        self.held[level, number] = row
        return row

    def root(self, size: int) -> bytes:
        """Return the root over the first so many leaves."""
        if not size:
            return hashlib.sha256(b"").digest()
        peaks, begin = [], 0
        for height in reversed(range(size.bit_length())):
            if size >> height & 1:
                peaks.append(self.subtree(height, begin >> height))
                begin += 1 << height
        root = peaks.pop()
        while peaks:
            root = node(peaks.pop(), root)
        return root

    def subtree(self, height: int, number: int) -> bytes:
        """Return the root of a perfect subtree."""
        level, within = divmod(height, 8)
        begin = number << within
        row = self.row(level, begin // WIDTH)
        return perfect(row[begin % WIDTH : begin % WIDTH + (1 << within)])

    def check(self, sealed: Checkpoint) -> Tampered | None:
        """Return None when every tile is part of the tree that was signed."""
        try:
            level = 1
            while count := self.size >> 8 * level:
                for number in range(count):
                    upper = self.row(level, number // WIDTH)[number % WIDTH]
                    if perfect(self.row(level - 1, number)) != upper:
                        path = self.path(level - 1, number, WIDTH)
                        begin = number * WIDTH << 8 * (level - 1)
                        return Tampered(begin, f"{path} does not fit the tile above it")
                level += 1
            for number in range(-(-self.size // WIDTH)):
                self.row(0, number)
            if self.root(self.size) != sealed.root:
                return Tampered(None, "the tiles do not give the root that was signed")
        except Tampered as fault:
            return fault
        return None


class Story:
    """The rules that records keep among themselves; `whole` when it begins with the first one."""

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self.counts = dict.fromkeys(("decided", "attempted", "settled", "admin", "lost"), 0)
        self.open: dict[str, dict[str, Any]] = {}
        self.closed: set[str] = set()
        self.admins: set[str] = set()
        self.boots: set[str] = set()
        self.boot: str | None = None
        self.stored: set[str] = set()
        self.named: dict[str, int] = {}
        self.blobs: dict[str, int] = {}
        self.latest_us = 0
        self.created: dict[str, Any] = {}
        self.begun_earlier = 0
        self.pruned: dict[tuple[str, int, str], int] = {}
        self.rotated: tuple[int, Key] | None = None
        self.ended = False
        self.gap = not whole

    def read(self, index: int, record: dict[str, Any]) -> None:
        """Take the next record; ValueError when it breaks a rule, or lacks a field."""
        if self.ended:
            raise ValueError("the shard was closed before it")
        if not 1 <= record["v"] <= VERSION_MAX:
            raise ValueError(f"it has version {record['v']}, which this verifier does not know")
        facts = record.get("facts", {})
        what = record.get("what") if record["type"] == "admin" else None
        stepped = what == "clock_stepped" or (what == "started" and "clock_from_us" in facts)
        if not stepped and record["ts_us"] < self.latest_us - CLOCK_BACK_US:
            raise ValueError("its time lies before that of earlier records, and no record says why")
        self.latest_us = record["ts_us"] if stepped else max(self.latest_us, record["ts_us"])
        if ID.fullmatch(record["id"]) is None:
            raise ValueError("its id has not the form of an id")
        reads = {"admin": self.admin, "decided": self.decided, "attempted": self.attempted}
        reads.get(record["type"], self.settled)(index, record)
        self.spilled(index, record.get("sealed"))
        self.counts[record["type"]] += 1

    def spilled(self, index: int, sealed: dict[str, Any] | None) -> None:
        """Take note of the ciphertext that lies beside the log, by its digest."""
        if sealed is None or "blob" not in sealed:
            return
        if DIGEST.fullmatch(sealed["blob"]) is None:
            raise ValueError("it names a blob without a digest")
        self.blobs.setdefault(sealed["blob"], index)

    def same_boot(self, boot: str) -> None:
        """Was it written by the gateway that had started last?"""
        if self.gap and boot not in self.boots:
            self.boot, self.gap = boot, False
            self.boots.add(boot)
        if boot != self.boot:
            raise ValueError("no gateway of this boot had started, or it had stopped")

    def admin(self, index: int, record: dict[str, Any]) -> None:
        """Read an Admin record."""
        what, facts = record["what"], record.get("facts", {})
        if (index == 0) != (what == "created"):
            raise ValueError("a log begins with its creation, and is created once")
        if record["id"] in self.admins:
            raise ValueError("an Admin record with this id exists already")
        self.admins.add(record["id"])
        if what == "created":
            self.created = facts
        elif what == "carried":
            self.carry(facts)
        elif what == "started":
            self.start(record["boot"])
        else:
            self.same_boot(record["boot"])
            self.told(index, what, facts)

    def told(self, index: int, what: str, facts: dict[str, Any]) -> None:
        """What a gateway says of itself, its keys and its log."""
        if what == "stopped":
            self.boot = None
        elif what == "document_stored":
            self.store(index, str(facts.get("digest")))
        elif what == "pruned":
            self.pruned[facts["origin"], facts["size"], facts["root"]] = index
        elif what == "key_rotated":
            self.rotate(index, str(facts.get("vkey")))
        elif what == "shard_closed":
            self.ended = True

    def rotate(self, index: int, text: str) -> None:
        """A key was announced: later checkpoints carry its signature too."""
        try:
            key = Key.read(text, LOG_KEY)
        except Unusable:
            raise ValueError("it announces what is no key") from None
        if self.rotated is not None:
            raise ValueError("a key was announced in this shard already")
        self.rotated = (index, key)

    def carry(self, facts: dict[str, Any]) -> None:
        """A request that was open when the shard before this one was closed."""
        if self.boots or facts["request"] in self.open:
            raise ValueError("requests are carried over where a shard begins, each once")
        self.open[facts["request"]] = {
            "boot": facts["boot"],
            "boundary": set(facts["boundary"]),
            "candidates": facts["candidates"],
            "tried": [(offering, zone) for offering, zone in facts.get("attempts", [])],
        }

    def start(self, boot: str) -> None:
        """A gateway began to write."""
        if boot in self.boots or ID.fullmatch(boot) is None:
            raise ValueError("this boot had started already, or has no id")
        self.boots.add(boot)
        self.boot, self.gap = boot, False

    def store(self, index: int, digest: str) -> None:
        """A document was put beside the log."""
        if DIGEST.fullmatch(digest) is None:
            raise ValueError("it stores a document without a digest")
        self.stored.add(digest)
        self.named.setdefault(digest, index)

    def decided(self, index: int, record: dict[str, Any]) -> None:
        """Read a Decided record."""
        self.same_boot(record["boot"])
        if record["id"] in self.open or record["id"] in self.closed:
            raise ValueError("this request was decided already")
        documents = set(record["documents"].values())
        if self.whole and not documents <= self.stored:
            raise ValueError("it names a document that was not stored before")
        for digest in documents:
            self.named.setdefault(digest, index)
        decision, candidates = record["decision"], record["candidates"]
        if decision["effect"] != "permit" and (decision["boundary"] or candidates):
            raise ValueError("it permits nothing, and has a boundary or candidates")
        if decision["effect"] != "refused" and self.stored and not documents:
            raise ValueError("policy decided, and it does not name by which documents")
        self.open[record["id"]] = {
            "boot": record["boot"],
            "boundary": set(decision["boundary"]),
            "candidates": candidates,
            "tried": [],
        }

    def request(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """Return the request of a record; None when it began before the records that are here."""
        self.same_boot(record["boot"])
        if record["id"] in self.closed:
            raise ValueError("its request was settled already")
        found = self.open.get(record["id"])
        if found is None:
            if self.whole:
                raise ValueError("its request was not decided before")
            self.begun_earlier += 1
            return None
        lost = record["type"] == "settled" and record["outcome"] == "lost"
        if lost == (record["boot"] == found["boot"]):
            raise ValueError("a request is lost to a later boot, and told by its own")
        return found

    def attempted(self, _index: int, record: dict[str, Any]) -> None:
        """Read an Attempted record."""
        request = self.request(record)
        if request is None:
            return
        tried = request["tried"]
        if record["number"] != len(tried) + 1:
            raise ValueError(f"it is attempt {record['number']}, where {len(tried) + 1} comes next")
        if record["zone"] not in request["boundary"]:
            raise ValueError("its zone lies outside the boundary of its decision")
        if record["offering"] not in request["candidates"]:
            raise ValueError("its offering is no candidate of its decision")
        if len(tried) >= ROUNDS_MAX * len(request["candidates"]):
            raise ValueError("it is tried more often than its candidates allow")
        tried.append((record["offering"], record["zone"]))

    def settled(self, _index: int, record: dict[str, Any]) -> None:
        """Read a Settled record."""
        request = self.request(record)
        self.closed.add(record["id"])
        lost = record["outcome"] == "lost"
        self.counts["lost"] += lost
        if request is None:
            return
        del self.open[record["id"]]
        tried, told = request["tried"], record["tried"]
        served = (record["served_by"], record["zone"])
        if record["outcome"] == "completed" and not tried:
            raise ValueError("it completed without any attempt")
        if served != (None, None) and served not in tried:
            raise ValueError("it was served by an offering or a zone that was not attempted")
        if lost and told:
            raise ValueError("it is lost, and tells how attempts ended")
        numbered = [(n + 1, *one) for n, one in enumerate(tried)]
        said = [(one["number"], one["offering"], one["zone"]) for one in told]
        if not lost and said not in (numbered, numbered[:-1]):
            raise ValueError("the attempts that it tells are not those that were recorded")


class Bundle:
    """What an export says of itself, in MANIFEST.json, which the key of the log signed."""

    def __init__(self, folder: Path, keys: list[Key]) -> None:
        self.folder = folder
        data = load(folder / "MANIFEST.json")
        text, found = signers(text_of(folder / "MANIFEST.sig"), keys)
        digest = hashlib.sha256(data).hexdigest()
        if not found or text != f"{MANIFEST_TEXT}\nsha256:{digest}\n":
            raise Tampered(None, "MANIFEST.json is not the one that was signed")
        self.said = parsed(data)
        self.first: int = self.said["selection"]["first"]
        self.last: int = self.said["selection"]["last"]
        self.dense = not self.said["selection"]["labels"]

    def check_files(self) -> None:
        """Compare every file with its digest; Tampered names the first one that differs."""
        files = self.said["files"]
        for name in sorted(files):
            try:
                sane = NAME.fullmatch(name) is not None and ".." not in name.split("/")
                digest = self.digest(self.folder / name) if sane else ""
            except OSError:
                digest = "missing"
            if digest != files[name]["sha256"]:
                raise Tampered(None, f"{printable(name)} is not the file that was exported")
        listed = {*files, "MANIFEST.json", "MANIFEST.sig"}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if not path.is_dir() and name not in listed:
                raise Tampered(None, f"{printable(name)} is in no list of the export")

    @staticmethod
    def digest(path: Path) -> str:
        """Return the SHA-256 of a file."""
        hashed = hashlib.sha256()
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError("not a plain file")
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                hashed.update(chunk)
        return hashed.hexdigest()

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Yield the records of the export; Tampered when a line cannot be read."""
        with (self.folder / "records.jsonl").open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LINE_MAX), b""), 1):
                try:
                    said = parsed(line)
                    yield int(said["index"]), said["entry"].encode()
                except (ValueError, KeyError, TypeError, AttributeError):
                    raise Tampered(None, f"line {number} of records.jsonl is none") from None


def bundled(folder: Path, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield the entries of a log in tiles; a bundle that is missing is left out."""
    for number in range(-(-size // WIDTH)):
        width = min(WIDTH, size - number * WIDTH)
        path = Tiles.path("entries", number, width)
        try:
            data = load(folder / path)
        except OSError:
            continue
        at, index = 0, number * WIDTH
        while at + 2 <= len(data):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if end > len(data):
                break
            if index >= number * WIDTH + width:
                raise Tampered(index, f"{path} holds more records than its name says")
            yield index, data[at + 2 : end]
            at, index = end, index + 1
        if at != len(data):
            raise Tampered(index, f"{path} ends within a record")


class Walk:
    """One pass over the records that are here."""

    def __init__(self, bundle: Bundle | None, tiles: Tiles, pruned: int | None) -> None:
        self.bundle, self.tiles, self.pruned = bundle, tiles, pruned
        self.first, self.last = (bundle.first, bundle.last) if bundle else (0, tiles.size - 1)
        self.dense = bundle is None or bundle.dense
        self.story = Story(whole=self.dense and self.first == 0)
        self.tree = Grown()
        self.expected = self.first
        self.gaps: list[tuple[int, int]] = []
        self.differs: Tampered | None = None
        self.missing: Tampered | None = None
        self.rule: Tampered | None = None

    def take(self, index: int, entry: bytes) -> None:
        """Read the next record; Tampered when it does not stand where one can."""
        if index < self.expected or index >= self.tiles.size:
            raise Tampered(index, f"record {index} stands where {self.expected} comes next")
        if index > self.expected:
            self.skip(index)
        self.expected = index + 1
        hashed = leaf(entry)
        self.tree.take(hashed)
        if self.differs is None and not self.stands(index, hashed):
            self.differs = Tampered(index, f"record {index} is not the one that was signed")
        self.rule = self.rule or self.judge(index, entry)

    def skip(self, index: int) -> None:
        """Take note that records are not here: each is outside the export, or all were pruned."""
        self.story.gap = True
        if self.dense and self.expected <= self.last:
            self.gaps.append((self.expected, min(index, self.last + 1)))
            self.story.whole = False

    def stands(self, index: int, hashed: bytes) -> bool:
        """Does the tile hold this hash at this number?"""
        try:
            return self.tiles.row(0, index // WIDTH)[index % WIDTH] == hashed
        except Tampered:
            return True

    def judge(self, index: int, entry: bytes) -> Tampered | None:
        """Return why a record breaks a rule."""
        try:
            record = canonical(entry)
            self.story.read(index, record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return Tampered(index, f"record {index}: {printable(error)}")
        return self.edge(index, record["ts_us"])

    def edge(self, index: int, ts_us: int) -> Tampered | None:
        """Return why the export does not reach to the ends of the time that it names.

        The first record of an export, and its last one, lie outside that time, where the log has
        more before or after them.
        """
        if self.bundle is None or not self.dense:
            return None
        asked = self.bundle.said["selection"]
        begin, end = asked["from_us"], asked["to_us"]
        inside = (begin is None or ts_us >= begin) and (end is None or ts_us < end)
        if inside and index == self.first and index:
            return Tampered(index, "the export does not begin before the time that it names")
        if inside and index == self.last and index + 1 < self.tiles.size:
            return Tampered(index, "the export ends before the time that it names")
        return None

    def end(self) -> None:
        """Look at what is not here."""
        if self.expected <= self.last:
            self.skip(self.last + 1)
        is_all = not self.tree.size
        if self.gaps and not (is_all and self.pruned is not None):
            begin = self.gaps[0][0]
            self.missing = Tampered(begin, f"record {begin} is missing")

    def report(self) -> dict[str, Any]:
        """Return what was read."""
        story = self.story
        return story.counts | {
            "records": self.tree.size,
            "open": len(story.open),
            "begun_earlier": story.begun_earlier,
            "pruned_as_told_by": self.pruned if self.gaps else None,
            "told_pruned": [[*shard, index] for shard, index in story.pruned.items()],
        }


def canonical(entry: bytes) -> dict[str, Any]:
    """Read a record; ValueError unless it is written in the one form that is hashed."""
    if len(entry) > ENTRY_MAX:
        raise ValueError("it is longer than a record may be")
    record: dict[str, Any] = parsed(entry)
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if text.encode() != entry:
        raise ValueError("it is not in its canonical form")
    return record


class Verification:
    """One pass over everything."""

    def __init__(self, folder: Path, asked: argparse.Namespace) -> None:
        self.folder, self.limits = folder, list[str]()
        if not folder.is_dir():
            raise Unusable("there is no such folder")
        self.exported = (folder / "MANIFEST.json").exists()
        if asked.vkey is None:
            self.limits.append("without --vkey, it is only shown to agree with its own key")
        told = text_of(folder / "vkey") if asked.vkey is None else asked.vkey
        self.key = Key.read(told, LOG_KEY)
        self.from_folder = asked.vkey is None
        self.signers = [Key.read(text, LOG_KEY) for text in asked.signer]
        self.cosigners = [Key.read(text, COSIGNER_KEY) for text in asked.cosigner]
        self.quorum = len(self.cosigners) if asked.quorum is None else asked.quorum
        self.kept = [text_of(path) for path in asked.kept]
        if not self.kept:
            self.limits.append("without --kept, an older copy that was put back is not noticed")
        self.told = {} if asked.told_by is None else self.told_by(asked.told_by)
        self.report: dict[str, Any] = {"origin": self.key.name, "records": 0, "size": 0}

    def told_by(self, folder: Path) -> dict[tuple[str, int, str], int]:
        """Verify a later shard, by the key beside it; return which shards it says were pruned."""
        other = Verification(folder, arguments([str(folder)]))
        other.run()
        self.limits.append("the shard that tells of pruning was verified by the key beside it")
        return {
            (name, size, root): index for name, size, root, index in other.report["told_pruned"]
        }

    def run(self) -> None:
        """Verify; Tampered, Unusable."""
        bundle = Bundle(self.folder, [self.key, *self.signers]) if self.exported else None
        sealed = checkpoint_of(text_of(self.folder / "checkpoint"), self.key)
        self.report["size"] = sealed.size
        tiles = Tiles(self.folder, sealed.size)
        story = self.walk(bundle, tiles, sealed, tiles.check(sealed))
        older = list(self.older(sealed))
        for one in older:
            if tiles.root(one.size) != one.root:
                raise Tampered(
                    None, f"the log did not grow from a checkpoint of {one.size} records"
                )
        self.report["checkpoints"] = len(older)
        self.check_rotation(story, [sealed, *older])
        self.check_witnesses([sealed, *older])
        if bundle is not None:
            bundle.check_files()

    def check_witnesses(self, checkpoints: list[Checkpoint]) -> None:
        """Find the newest checkpoint that enough witnesses signed; Tampered where there is none."""
        self.report |= {"cosigned_s": {}, "cosigned_size": None}
        most = 0
        for one in sorted(checkpoints, key=lambda one: -one.size):
            _, found = signers(one.note, self.cosigners)
            most = max(most, len(found))
            if len(found) >= self.quorum and found:
                times = {name: int.from_bytes(data[:8], "big") for name, data in found.items()}
                self.report |= {"cosigned_s": times, "cosigned_size": one.size}
                return
        if self.quorum:
            raise Tampered(None, f"{most} witnesses signed, {self.quorum} are asked for")

    def check_rotation(self, story: Story, checkpoints: list[Checkpoint]) -> None:
        """Does every later checkpoint carry the signature of the key that was announced?

        From then on the first key alone, which may have been stolen, proves nothing.
        """
        if story.rotated is None:
            return
        index, key = story.rotated
        for one in checkpoints:
            if one.size > index and not signers(one.note, [key])[1]:
                raise Tampered(index, f"a checkpoint lacks the key that record {index} announced")

    def older(self, sealed: Checkpoint) -> Iterator[Checkpoint]:
        """Yield the checkpoints that must be the beginning of this log."""
        folder = self.folder / "checkpoints"
        inside = [text_of(path) for path in sorted(folder.iterdir())] if folder.is_dir() else []
        for note in [*self.kept, *inside]:
            older = checkpoint_of(note, self.key)
            if older.size > sealed.size:
                raise Tampered(
                    sealed.size, f"a kept checkpoint has {older.size} records, this log fewer"
                )
            yield older

    def walk(
        self, bundle: Bundle | None, tiles: Tiles, sealed: Checkpoint, fault: Tampered | None
    ) -> Story:
        """Read every record that is there; Tampered names the first bad one."""
        told = (self.key.name, sealed.size, sealed.root.hex())
        walk = Walk(bundle, tiles, self.told.get(told))
        try:
            entries = bundled(self.folder, sealed.size) if bundle is None else bundle.entries()
            for index, entry in entries:
                walk.take(index, entry)
            walk.end()
        except Tampered as odd:
            walk.differs = walk.differs or odd
        self.report |= walk.report()
        if fault is not None and (walk.tree.size, walk.tree.root) == sealed[:2]:
            where = walk.differs.index if walk.differs else fault.index
            raise Tampered(where, f"the records are whole, and {fault.reason}")
        raise_first(walk.differs, walk.missing, walk.rule, fault)
        self.check_creation(walk.story)
        self.check_documents(walk.story, bundle)
        self.check_blobs(walk.story)
        return walk.story

    def check_creation(self, story: Story) -> None:
        """Is the log the one that its first record says?"""
        if not story.created:
            return
        if story.created.get("origin") != self.key.name:
            raise Tampered(0, "record 0: the log was created under another origin")
        named = str(story.created.get("vkey"))
        if self.from_folder and Key.read(named, LOG_KEY) != self.key:
            raise Tampered(
                0, "record 0: the log was created with another key than the one beside it"
            )

    def check_documents(self, story: Story, bundle: Bundle | None) -> None:
        """Is every policy and catalogue here that a record names?"""
        if bundle is None:
            self.limits.append(
                "a folder of tiles holds no policies: their digests are not looked at"
            )
            return
        for digest, index in story.named.items():
            path = self.folder / "documents" / f"{digest.removeprefix('sha256:')}.json"
            try:
                right = DIGEST.fullmatch(digest) and Bundle.digest(path) == digest[7:]
            except OSError:
                right = None
            if not right:
                raise Tampered(
                    index, f"record {index}: the document {printable(digest)} is missing"
                )
        self.report["documents"] = len(story.named)

    def check_blobs(self, story: Story) -> None:
        """Is the ciphertext that is here what the records say? It may be gone, as pruning does."""
        found = 0
        for digest, index in story.blobs.items():
            path = self.folder / "blobs" / digest.removeprefix("sha256:")
            if not os.path.lexists(path):
                continue
            try:
                right = Bundle.digest(path) == digest[7:]
            except OSError:
                right = False
            if not right:
                raise Tampered(index, f"record {index}: its blob is not what its digest says")
            found += 1
        self.report |= {"blobs": found, "blobs_missing": len(story.blobs) - found}
        if found < len(story.blobs):
            missing = len(story.blobs) - found
            self.limits.append(
                f"{missing} blobs of personal fields, which records name, are not here"
            )


def raise_first(*faults: Tampered | None) -> None:
    """Raise the fault of the lowest record; one without a number only where there is no other."""
    found = [fault for fault in faults if fault is not None]
    if found:
        raise min(found, key=lambda one: sys.maxsize if one.index is None else one.index)


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Verify a log of Perimeter without Perimeter.")
    parser.add_argument("folder", type=Path, help="an exported bundle, or a folder of tiles")
    parser.add_argument("--vkey", help="the public key, from a place the log's host cannot change")
    parser.add_argument(
        "--kept", type=Path, action="append", default=[], help="an older checkpoint"
    )
    parser.add_argument("--cosigner", action="append", default=[], help="the key of a witness")
    parser.add_argument(
        "--signer", action="append", default=[], help="a later key of the log: it may have exported"
    )
    parser.add_argument("--quorum", type=int, help="how many witnesses must have signed; all")
    parser.add_argument(
        "--told-by", type=Path, help="of a pruned shard: a later one, which says that it was pruned"
    )
    parser.add_argument("--json", action="store_true", help="say it as JSON")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Verify, print, and return the exit code."""
    asked = arguments(words)
    report: dict[str, Any] = {"verdict": "whole", "reason": "", "first_bad": None}
    code = 0
    verification = None
    try:
        verification = Verification(asked.folder, asked)
        verification.run()
    except Tampered as found:
        report |= {"verdict": "tampered", "reason": found.reason, "first_bad": found.index}
        code = 1
    except Unusable as error:
        report |= {"verdict": "unreadable", "reason": str(error)}
        code = 2
    except Exception as error:  # noqa: BLE001 - whatever the folder holds, there is an answer
        report |= {"verdict": "unreadable", "reason": f"it cannot be read: {type(error).__name__}"}
        code = 2
    if verification is not None:
        report |= verification.report | {"limits": verification.limits}
    print(json.dumps(report, indent=1) if asked.json else "\n".join(lines(report)))
    return code


def lines(report: dict[str, Any]) -> list[str]:
    """Return the report as people read it."""
    if report["verdict"] != "whole":
        where = "" if report["first_bad"] is None else f" at record {report['first_bad']}"
        return [f"{report['verdict']}{where}: {printable(report['reason'])}"]
    counts = ", ".join(
        f"{report[name]} {name}" for name in ("decided", "attempted", "settled", "admin")
    )
    whole = f"{report['records']} records of a log of {report['size']}"
    earlier, pruned = report["begun_earlier"], report["pruned_as_told_by"]
    is_pruned = pruned is not None
    return [
        f"whole: {printable(report['origin'])}, {whole}",
        f"{counts}; {report['open']} open, {report['lost']} lost",
        f"{report['checkpoints']} older checkpoints fit",
        *(
            f"cosigned by {printable(name)} at {when}"
            for name, when in report["cosigned_s"].items()
        ),
        *(
            f"shard {printable(name)} of {size} records was pruned, as record {index} says"
            for name, size, _, index in report["told_pruned"]
        ),
        *([f"its records were pruned, as record {pruned} of the later shard says"] * is_pruned),
        *([f"{earlier} records of requests that began before"] if earlier else []),
        *report["limits"],
    ]


if __name__ == "__main__":
    sys.exit(main())
