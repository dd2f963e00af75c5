#!/usr/bin/env python3
"""Verify a log of Perimeter without Perimeter: an export, one of its bundles, a folder of tiles.

    python3 -I verify_bundle.py FOLDER [--vkey KEY] [--kept FILE]... [--cosigner KEY]... [--json]

It needs Python 3.11 or later, its standard library and `cryptography`. It imports nothing of the
gateway and shares no code with `perimeter verify`, so that a fault in one is seen by the other. It
reads and never writes. It shows that

* the checkpoint was signed by the log, and by as many witnesses as are asked for;
* the tree of every kept and every older checkpoint is the beginning of the one tree that the tiles
  hold (RFC 6962), so that no history was put in place of another;
* each record stands in that tree at its number, no number is missing, its bytes are canonical;
* each request was decided once, tried inside its boundary and settled once, by a gateway that had
  started, with times in order, and by documents that are here and are what their digests say;
* where SHARDS.json names several shards, each follows the one before it and is signed by the key
  that this one announced, from the key that was given, and none that was asked for is missing.

Exit code 0: whole. 1: tampered with; the first bad record is named where it can be known. 2: it
cannot be used.
"""

import argparse
import base64
import functools
import hashlib
import io
import json
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH, HASH, ENTRY_MAX = 256, 32, 65_535
FILE_MAX, LINE_MAX, DOCUMENT_MAX = 32 << 20, 1 << 20, 16 << 20
LOG_KEY, COSIGNER_KEY, KEY_BYTES, KEY_PARTS = 1, 4, 32, 3
BODY_LINES, TILES_HELD, ROUNDS_MAX, VERSION_MAX, SHOWN_MAX = 3, 1024, 2, 1, 8
COSIGNED_S_MAX, SECOND_US, DEPTH_MAX = (1 << 63) - 1, 1_000_000, 32
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TS_US_MAX = 253_402_300_799_999_999
CLOCK_BACK_US, SILENCE_SLACK_US, HEARTBEAT_S_MAX = 60 * SECOND_US, 30 * SECOND_US, 3_600
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
TILE = re.compile(r"tile/(entries|[0-7])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/[0-9]{1,3})?")
SHARD = re.compile(r"0001|[0-9]{4}-[0-9]{4}(-[0-9]{2})?")
MANIFEST_TEXT = "perimeter export v1"
# The fields that each thing has, and after the bar those that it may have, each with its form where
# that is no text: ? or nothing, [ a list of, { a sorted set of, < a map to; a name of this table or
# of WORDS, or of PLAIN.
FIELDS = {
    "decided": "type id ts_us=int boot key_id surface dialect body_bytes=int ask=?ask facts=?facts "
    "signals=[signal label=?label raised_by=[text decision=decision candidates=[text "
    "excluded=[excluded health=<text documents=<text finding_kinds=<int commitment demo=bool "
    "sealed=?sealed v=int|run allowance=allowance known_by on_behalf_of=sealed allowed_kinds=<int "
    "closed={text shadow=shadow granted=grant redaction=redaction body team client sizes=sizes "
    "mono_us=int",
    "attempted": "type id ts_us=int boot number=int offering backend zone host commitment "
    "losses=[text sealed=?sealed v=int|via_proxy header_names=[text mono_us=int",
    "settled": "type id ts_us=int boot outcome=outcome_kind status=?int served_by=?text zone=?text "
    "tried=[tried usage=?tokens cost_microusd=?int stop=?text losses=[text error=?text "
    "reply_bytes=int reply_commitment sealed=?sealed v=int|unable=[text observed_region "
    "attestation=attestation reply_kinds=<int reply_masked=int reply_cut reply_not_verified=[text "
    "reply_restored=int reply_left=int reply_body took_us=int usage_estimated=bool waited_us=int "
    "response_model truncated=truncated mono_us=int",
    "admin": "type id ts_us=int boot what=admin_kind facts=<exact v=int|mono_us=int",
    "decision": "effect=effect boundary={text because=[text reason policy decided_at=time message "
    "obligations=[text|",
    "ask": "model stream=bool usage_wanted=bool needs={text output_tokens_max=?int"
    "|operation=operation reaches={text replies=int",
    "facts": "label=label team surface model task=?text repos={text findings={text "
    "claimed_repos={text|key client finding_counts=<int paths={text",
    "signal": "source label=label trust=trust base=bool detail|",
    "label": "level=level caveats={text residency=?{text|",
    "level": "rank=int name|",
    "excluded": "offering reason|",
    "allowance": "|names={text zones={text clearances=[text",
    "shadow": "rules=[text effect=effect boundary={text broken=[text obligations=[text|",
    "grant": "id kind=grant_kind zone label=label begins=time until=time uses_max=int"
    "|treated_as=label repo team key",
    "redaction": "label=label found=[signal findings={text decision=decision"
    "|finding_counts=<int replaced=<int failed",
    "sizes": "|parts=count images=count files=count tools=count",
    "tried": "number=int offering zone started_us=int first_token_us=?int ended_us=int "
    "outcome=outcome|provider_id address",
    "outcome": "kind=outcome_kind failure=?failure usage=?tokens stop=?text status=?int|",
    "failure": "kind=failure_kind sent=bool first_token_seen=bool detail said status=?int "
    "retry_after_s=?int|",
    "tokens": "input_tokens=int output_tokens=int cache_read_tokens=int cache_write_tokens=int "
    "reasoning_tokens=int|",
    "sealed": "key nonce data|blob",
    "carried": "request boot boundary={text candidates=[text attempts=[pair|",
    "former": "origin size=int root|",
    "next": "next vkey|",
    "manifest": "version=int origin vkey profile exporter exported_at_us=int product size=int "
    "records=int selection=selected files=<file|",
    "selected": "from_us=?int to_us=?int labels=[text first=int last=int|",
    "file": "sha256 bytes=int|",
}
WORDS = {
    "admin_kind": "created started stopped recovered document_stored quarantined boundary_breach "
    "subject_key_made clock_stepped heartbeat key_rotated wrapping_key_rotated hand_over_asked "
    "shard_closed carried conversations_forgotten residency_agreed residency_difference "
    "keys_loaded keys_refused approval_used approval_refused policy_loaded policy_rejected "
    "policy_expired config_drift break_glass_began break_glass_ended waiver_ended persons_loaded "
    "route_asked erased bodies_pruned pruned prune_refused exported anchored anchor_contradicted "
    "configured audit_queried",
    "attestation": "match mismatch unobservable",
    "effect": "permit deny refused",
    "failure_kind": "unreachable timed_out rate_limited overloaded rejected context_exceeded "
    "cut_short unreadable",
    "grant_kind": "waiver break_glass",
    "operation": "generate count embed complete",
    "outcome_kind": "completed failed cancelled refused lost",
    "truncated": "client engine limit policy",
    "trust": "authenticated selected claimed inferred configured remembered",
}
PLAIN: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: type(value) is int,
    "count": lambda value: type(value) is int and value != 0,
    "pair": lambda value: fits(value, "[text") and len(value) == len("ab"),
    "named": lambda value: [type(one) for one in value] == [str, int, str],
    "time": lambda value: is_time(value),  # noqa: PLW0108 - it is written below
    "exact": lambda value: is_shallow(value, 1),
}
# The files that have a line for a record; every other one has FILE_MAX bytes at most.
PER_RECORD = ("records.jsonl", "personal.jsonl")
# What reading raises where data has another form than was expected.
ODD = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
FIRST = {"origin": "", "size": 0, "root": ""}


Named = tuple[str, int, str]
Signed = tuple[str, int, int]


class Tampered(Exception):
    """What is there is not what was written; `index` is the first bad record, where it is known."""

    def __init__(self, index: int | None, reason: str) -> None:
        super().__init__(reason)
        self.index, self.reason = index, reason


class Unusable(ValueError):
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

    def __str__(self) -> str:
        """Return it as it is written."""
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"

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
            if when > COSIGNED_S_MAX:
                return False
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
    where: str


def printable(text: object) -> str:
    """Return text in one line that moves no cursor."""
    return ascii(str(text)[:400])[1:-1]


def moment(at_us: int | None) -> str:
    """Return a time as people read it."""
    return "open" if at_us is None else time.strftime("%FT%TZ", time.gmtime(at_us // SECOND_US))


def plain_base64(text: str) -> bytes | None:
    """Decode base64 that has one form only."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None


def opened(path: Path) -> io.BufferedReader:
    """Open a plain file; OSError for anything else: a pipe would never end."""
    file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("not a plain file")
    return file


def load(path: Path, limit: int = FILE_MAX) -> bytes:
    """Return a plain file; OSError for anything else, or more."""
    with opened(path) as file:
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


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; ValueError when a name stands twice in it."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands in it twice")
    return found


ONCE = json.JSONDecoder(parse_float=int, parse_constant=int, object_pairs_hook=once)
READ = json.JSONDecoder(parse_float=int, parse_constant=int)
WRITE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parsed(data: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Read JSON without floats, of which none is an int; ValueError, RecursionError."""
    return ONCE.decode(data.decode())


def signers(note: str, keys: list[Key], where: str) -> tuple[str, dict[str, bytes]]:
    """Return the text of a note and what each of the keys signed; Tampered for a bad signature."""
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise Tampered(None, f"{where} has no signatures")
    text += "\n"
    found: dict[str, bytes] = {}
    for line in lines[:-1].split("\n"):
        mark, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        data = plain_base64(encoded)
        if mark != "—" or data is None:
            raise Tampered(None, f"{where} has a line that is no signature")
        for key in keys:
            if (key.name, key.id) == (name, data[:4]):
                if not key.signed(text, data[4:]):
                    raise Tampered(None, f"{where}: a signature of {printable(name)} does not fit")
                found.setdefault(name, data[4:])
    return text, found


def checkpoint_of(note: str, key: Key, where: str) -> Checkpoint:
    """Read a checkpoint that the key signed; Tampered."""
    text, found = signers(note, [key], where)
    lines = text.split("\n")
    root = plain_base64(lines[2]) if len(lines) == BODY_LINES + 1 else None
    if root is None or len(root) != HASH or SIZE.fullmatch(lines[1]) is None:
        raise Tampered(None, f"{where} cannot be read")
    if lines[0] != key.name or not found:
        raise Tampered(None, f"{where} is not signed by the key of the log")
    return Checkpoint(int(lines[1]), root, note, where)


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


class Tiles:
    """The hash tiles of a log of that size."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        self.row = functools.lru_cache(TILES_HELD)(self.read)

    @staticmethod
    def path(level: int | str, number: int, width: int) -> str:
        """Return where a tile lies."""
        groups = [f"{number % 1000:03d}"]
        while number := number // 1000:
            groups.insert(0, f"x{number % 1000:03d}")
        return f"tile/{level}/{'/'.join(groups)}" + ("" if width == WIDTH else f".p/{width}")

    def read(self, level: int, number: int) -> list[bytes]:
        """Return the hashes of a tile; Tampered when it is missing or has another size."""
        width = min(WIDTH, (self.size >> 8 * level) - number * WIDTH)
        path = self.path(level, number, width)
        try:
            data = load(self.folder / path)
        except OSError:
            data = b""
        if len(data) != width * HASH:
            raise Tampered(number * WIDTH << 8 * level, f"{path} is missing or has another size")
        return [data[at : at + HASH] for at in range(0, len(data), HASH)]

    def has(self, name: str) -> bool:
        """May a tile of hashes or of entries lie there?"""
        found = TILE.fullmatch(name)
        if found is None:
            return False
        number = int(re.sub("[^0-9]", "", found[2]))
        count = self.size >> (0 if found[1] == "entries" else 8 * int(found[1]))
        width = min(WIDTH, count - number * WIDTH)
        return width > 0 and self.path(found[1], number, width) == name

    def root(self, size: int) -> bytes:
        """Return the root over the first so many leaves."""
        root, begin = b"", size
        for height in range(size.bit_length()):
            if size >> height & 1:
                begin -= 1 << height
                peak = self.subtree(height, begin >> height)
                root = node(peak, root) if root else peak
        return root or hashlib.sha256(b"").digest()

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

    def __init__(self, key: Key, *, whole: bool, dense: bool) -> None:
        self.key, self.whole, self.gap, self.ended = key, whole, not whole, False
        self.dense = dense
        self.began_us = self.heard_us = self.silence_us = self.latest_us = self.begun_earlier = 0
        # What the boot allows that had started before the records that are here.
        self.allowed_us = None if whole else HEARTBEAT_S_MAX * SECOND_US + SILENCE_SLACK_US
        self.silent: list[int] = []
        self.counts = dict.fromkeys(("decided", "attempted", "settled", "admin", "lost"), 0)
        self.open, self.carried = dict[str, dict[str, Any]](), dict[str, dict[str, Any]]()
        self.closed, self.admins, self.boots, self.stored, self.new = (set[str]() for _ in range(5))
        self.named, self.blobs, self.sent = (dict[str, int]() for _ in range(3))
        self.approved: set[Signed] | None = None
        self.grants_ended = dict[str, int]()
        self.mono, self.apart_us = ("", 0, 0), 0
        self.boot: str | None = None
        self.created: dict[str, Any] = {}
        self.pruned: dict[Named, int] = {}
        self.rotated: tuple[int, Key] | None = None
        self.next: Key | None = None

    def read(self, index: int, record: dict[str, Any]) -> None:
        """Take the next record; ValueError when it breaks a rule, or lacks a field."""
        if self.ended:
            raise ValueError("the shard was closed before it")
        formed(record)
        what, facts = record.get("what"), record.get("facts", {})
        stepped = what == "clock_stepped" or (what == "started" and "clock_from_us" in facts)
        if not stepped and record["ts_us"] < self.latest_us - CLOCK_BACK_US:
            raise ValueError("its time lies before that of earlier records, and no record says why")
        self.began_us = self.began_us or record["ts_us"]
        self.latest_us = record["ts_us"] if stepped else max(self.latest_us, record["ts_us"])
        if ID.fullmatch(record["id"]) is None:
            raise ValueError("its id has not the form of an id")
        getattr(self, record["type"])(index, record)
        self.spilled(index, record.get("sealed"))
        self.hear(index, record, again=stepped or what == "started")
        self.compare(record, stepped=stepped)
        self.counts[record["type"]] += 1

    def hear(self, index: int, record: dict[str, Any], *, again: bool) -> None:
        """Count silences of a running gateway which its heartbeats should have ended."""
        if not self.dense:
            return
        what, silent_us = record.get("what"), record["ts_us"] - (self.heard_us or record["ts_us"])
        if what == "started":
            beat = record["facts"].get("heartbeat_s")
            beat_s = min(beat, HEARTBEAT_S_MAX) if type(beat) is int else HEARTBEAT_S_MAX
            self.allowed_us = beat_s * SECOND_US + SILENCE_SLACK_US
        elif self.allowed_us is not None:
            self.silence_us = max(self.silence_us, silent_us)
            self.silent += [index] if silent_us > self.allowed_us else []
        self.allowed_us = None if what == "stopped" else self.allowed_us
        self.heard_us = record["ts_us"] if again else max(self.heard_us, record["ts_us"])

    def compare(self, record: dict[str, Any], *, stepped: bool) -> None:
        """Hold the clock on the wall against the machine's own, which nobody sets."""
        if "mono_us" not in record:
            return
        mono_us, between_us = record["mono_us"], record["ts_us"] - record["mono_us"]
        if record["boot"] != self.mono[0]:
            self.mono = (record["boot"], between_us, mono_us)
        boot, began_us, latest_us = self.mono
        if mono_us < latest_us - CLOCK_BACK_US:
            raise ValueError("the clock that nobody sets went back within its boot")
        began_us = between_us if stepped else began_us
        self.apart_us = max(self.apart_us, abs(between_us - began_us))
        self.mono = (boot, began_us, max(latest_us, mono_us))

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
        what, facts = record["what"], record["facts"]
        if (index == 0) != (what == "created"):
            raise ValueError("a log begins with its creation, and is created once")
        if record["id"] in self.admins:
            raise ValueError("an Admin record with this id exists already")
        self.admins.add(record["id"])
        if what == "created":
            if facts.get("origin") != self.key.name:
                raise ValueError("the log was created under another origin")
            self.created = facts
            self.approved = self.approved if "former" in facts else set()
            known(facts.get("former", FIRST), "former")
        elif what == "carried":
            self.carry(facts)
        elif what == "started":
            self.start(record["boot"])
        else:
            self.same_boot(record["boot"])
            self.told(index, what, facts, record["ts_us"])

    def told(self, index: int, what: str, facts: dict[str, Any], ts_us: int) -> None:
        """What a gateway says of itself, its keys and its log."""
        if what == "stopped":
            self.boot = None
        elif what == "document_stored":
            self.store(index, str(facts.get("digest")))
        elif what == "pruned" and PLAIN["named"]([facts.get(one) for one in FIRST]):
            self.pruned[facts["origin"], facts["size"], facts["root"]] = index
        elif what == "approval_used" and self.approved is not None:
            times = (facts.get(one) for one in ("from_us", "until_us"))
            begins, until = (one if type(one) is int else 0 for one in times)
            self.approved.add((str(facts.get("approval")), begins, until))
        elif what in ("waiver_ended", "break_glass_ended"):
            self.grants_ended.setdefault(str(facts.get("approval")), ts_us)
        elif what == "key_rotated":
            self.rotate(index, str(facts.get("vkey")))
        elif what == "shard_closed":
            self.close(index, facts)

    def rotate(self, index: int, text: str) -> None:
        """A key was announced: later checkpoints carry its signature too."""
        key = Key.read(text, LOG_KEY)
        first = self.created.get("vkey")
        if key.name != self.key.name or (first and key == Key.read(str(first), LOG_KEY)):
            raise ValueError("it announces what is no other key of this log")
        if self.rotated is not None:
            raise ValueError("a key was announced in this shard already")
        self.rotated = (index, key)

    def close(self, index: int, facts: dict[str, Any]) -> None:
        """The shard ends, and says which is the next and by which key that is signed."""
        known(facts, "next")
        key = Key.read(str(facts["vkey"]), LOG_KEY)
        if key.name != facts["next"] or key.name == self.key.name:
            raise ValueError("it does not say which shard is the next")
        first = Key.read(str(self.created.get("vkey")), LOG_KEY) if self.created else key
        newest = self.rotated[1] if self.rotated else first
        if newest.public != key.public:
            raise ValueError("the key of the next shard was never announced")
        self.next, self.ended = key, True
        if self.rotated is None and key.public != self.key.public:
            # It was announced before the records that are here.
            self.rotated = (index, Key(self.key.name, LOG_KEY, key.public))

    def carry(self, facts: dict[str, Any]) -> None:
        """A request that was open when the shard before this one was closed."""
        known(facts, "carried")
        if ID.fullmatch(facts["request"]) is None:
            raise ValueError("its request has not the form of an id")
        if self.boots or facts["request"] in self.open or "former" not in self.created:
            raise ValueError("requests are carried over where a shard begins, each once")
        one = {
            "boot": facts["boot"],
            "boundary": set(facts["boundary"]),
            "candidates": facts["candidates"],
            "tried": [(offering, zone) for offering, zone in facts["attempts"]],
            "level": None,
        }
        self.carried[facts["request"]] = one
        self.open[facts["request"]] = one | {"tried": list(one["tried"])}

    def start(self, boot: str) -> None:
        """A gateway began to write."""
        if boot in self.boots or ID.fullmatch(boot) is None:
            raise ValueError("this boot had started already, or has no id")
        self.boots.add(boot)
        # Of a boot that began here, not at their first record, each request is among these records.
        self.new |= {boot} if any(self.counts.values()) else set()
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
        self.named = dict.fromkeys(documents, index) | self.named
        self.granted(record.get("granted"), record["ts_us"])
        decision, candidates = record["decision"], record["candidates"]
        if decision["effect"] != "permit" and (decision["boundary"] or candidates):
            raise ValueError("it permits nothing, and has a boundary or candidates")
        # Where the records before are not here, those that were stored are not known.
        stored = self.named or not self.whole
        if decision["effect"] != "refused" and stored and not documents:
            raise ValueError("policy decided, and it does not name by which documents")
        if decision["policy"] != record["documents"].get("policy", decision["policy"]):
            raise ValueError("it was decided by another policy than the one that it names")
        self.open[record["id"]] = {
            "boot": record["boot"],
            "boundary": set(decision["boundary"]),
            "candidates": candidates,
            "tried": [],
            "level": record["label"] and record["label"]["level"]["name"],
        }

    def granted(self, grant: dict[str, Any] | None, ts_us: int) -> None:
        """Was a decision made with what persons signed, while that had an effect?"""
        if grant is None:
            return
        signed = (grant["id"], micro_s(grant["begins"]), micro_s(grant["until"]))
        until_us = min(signed[2], self.grants_ended.get(signed[0], signed[2])) + CLOCK_BACK_US
        if not signed[1] - CLOCK_BACK_US <= ts_us < until_us:
            raise ValueError("it was decided with a grant that had not begun or had ended")
        if self.approved is not None and signed not in self.approved:
            raise ValueError("it was decided with a grant that no record before it tells of")

    def request(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """Return the request of a record; None when it began before the records that are here."""
        self.same_boot(record["boot"])
        if record["id"] in self.closed:
            raise ValueError("its request was settled already")
        found = self.open.get(record["id"])
        lost = record["type"] == "settled" and record["outcome"] == "lost"
        if found is None:
            if self.whole or (record["boot"] in self.new and not lost):
                raise ValueError("its request was not decided before")
            self.begun_earlier += 1
            return None
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
        pair = f"{request['level']} to {record['zone']}"
        self.sent[pair] = self.sent.get(pair, 0) + 1

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
    """What an export says of itself, in MANIFEST.json, which a key of the log signed.

    Which key may have signed it is known when the records were read: it may be a later one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            data = load(folder / "MANIFEST.json")
            self.text = f"{MANIFEST_TEXT}\nsha256:{hashlib.sha256(data).hexdigest()}\n"
            self.said = parsed(data)
            known(self.said, "manifest")
            told = self.said["selection"]
            self.first, self.last = int(told["first"]), int(told["last"])
            self.begin_us, self.end_us = told["from_us"], told["to_us"]
            self.dense = not told["labels"]
            self.asked = (self.begin_us, self.end_us, tuple(told["labels"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise Tampered(None, f"MANIFEST.json cannot be read: {printable(error)}") from None

    def check(self, key: Key, keys: set[bytes], size: int, records: int) -> None:
        """Did one of these keys sign it, and does it say of the log what the log is? Tampered."""
        signing = [Key(key.name, LOG_KEY, public) for public in keys]
        text, found = signers(self.beside("MANIFEST.sig"), signing, "MANIFEST.sig")
        if not found or text != self.text:
            raise Tampered(None, "MANIFEST.json is not the one that was signed")
        said = [self.said[name] for name in ("version", "origin", "size", "records")]
        if said != [VERSION_MAX, key.name, size, records]:
            raise Tampered(None, "MANIFEST.json speaks of another log, or of other records")
        if {self.said["vkey"], self.beside("vkey").strip()} != {str(key)}:
            raise Tampered(None, "MANIFEST.json or vkey names another key than the log has")

    def beside(self, name: str) -> str:
        """Return a small text of the export; Unusable."""
        return text_of(self.folder / name)

    def check_files(self) -> None:
        """Compare every file with its digest; Tampered names the first one that differs."""
        files, many = self.said["files"], self.said["records"] * LINE_MAX
        for name in sorted(files):
            try:
                sane = NAME.fullmatch(name) is not None and ".." not in name.split("/")
                size, path = files[name]["bytes"], self.folder / name
                if size > (many if name in PER_RECORD else FILE_MAX):
                    raise Tampered(None, f"{printable(name)} is larger than it may be")
                sane = sane and path.stat().st_size == size
                digest = self.digest(path, size) if sane else ""
            except OSError:
                digest = "missing"
            if digest != files[name]["sha256"]:
                raise Tampered(None, f"{printable(name)} is not the file that was exported")
        listed = {*files, "MANIFEST.json", "MANIFEST.sig", "documents"}
        listed |= {str(one) for name in files for one in Path(name).parents}
        for place, folders, names in os.walk(self.folder):
            for path in (Path(place, one) for one in sorted(folders + names)):
                name = path.relative_to(self.folder).as_posix()
                if name not in listed or path.is_symlink():
                    raise Tampered(None, f"{printable(name)} is in no list of the export")

    @staticmethod
    def digest(path: Path, size: int = DOCUMENT_MAX) -> str:
        """Return the SHA-256 of a file; OSError for one that is larger than it may be."""
        with opened(path) as file:
            if os.fstat(file.fileno()).st_size > size:
                raise OSError("larger than it may be")
            return hashlib.file_digest(file, "sha256").hexdigest()

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Yield the records of the export; Tampered when a line cannot be read."""
        with opened(self.folder / "records.jsonl") as file:
            for number, line in enumerate(iter(lambda: file.readline(LINE_MAX), b""), 1):
                try:
                    said = parsed(line)
                    index, entry = said.pop("index") + 0, said.pop("entry").encode()
                    yield (index, entry) if not said else said[""]
                except ODD:
                    raise Tampered(None, f"line {number} of records.jsonl is none") from None


def bundled(folder: Path, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield the entries of a log in tiles; a bundle that is missing is left out."""
    for number in range(-(-size // WIDTH)):
        width = min(WIDTH, size - number * WIDTH)
        path = Tiles.path("entries", number, width)
        try:
            data = load(folder / path)
        except OSError:
            if not os.path.lexists(folder / Tiles.path(0, number, width)):
                return
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

    def __init__(self, bundle: Bundle | None, tiles: Tiles, key: Key) -> None:
        self.bundle, self.tiles = bundle, tiles
        self.first, self.last = (bundle.first, bundle.last) if bundle else (0, tiles.size - 1)
        self.dense = bundle is None or bundle.dense
        self.story = Story(key, whole=self.dense and self.first == 0, dense=self.dense)
        self.records = 0
        self.expected = self.first
        self.gaps = list[tuple[int, int]]()
        self.faults = dict[str, Tampered]()

    def take(self, index: int, entry: bytes) -> None:
        """Read the next record; Tampered when it does not stand where one can."""
        if self.records == 0 and 0 <= index < self.first:
            self.announced(index, entry)
            return
        if index < self.expected or index >= self.tiles.size:
            raise Tampered(index, f"record {index} stands where {self.expected} comes next")
        if index > self.expected:
            self.skip(index)
        self.expected = index + 1
        self.records += 1
        if "differs" not in self.faults and not self.stands(index, leaf(entry)):
            self.fault("differs", index, f"record {index} is not the one that was signed")
        if "rule" not in self.faults:
            self.judge(index, entry)

    def announced(self, index: int, entry: bytes) -> None:
        """Read which other key the shard had announced before the records that are here."""
        self.records = 1
        try:
            record = canonical(entry)
            formed(record)
            if record.get("what") != "key_rotated" or not self.stands(index, leaf(entry)):
                raise ValueError("it stands before the others, and announced no key")
            self.story.rotate(index, str(record["facts"].get("vkey")))
        except ODD as error:
            raise Tampered(index, f"record {index}: {printable(error)}") from None

    def fault(self, kind: str, index: int | None, reason: str) -> None:
        """Remember the first fault of each kind."""
        self.faults.setdefault(kind, Tampered(index, reason))

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

    def judge(self, index: int, entry: bytes) -> None:
        """Look whether a record breaks a rule."""
        try:
            record = canonical(entry)
            self.story.read(index, record)
        except ODD as error:
            self.fault("rule", index, f"record {index}: {printable(error)}")
        else:
            self.edge(index, record["ts_us"])

    def edge(self, index: int, ts_us: int) -> None:
        """Look whether the export reaches to the ends of the time that it names.

        Its first record lies before that time, unless it is the first of the log; its last one
        after it, unless it is the last. Both by as much as records may be early or late, so that
        none of that time stands outside.
        """
        if self.bundle is None or not self.dense:
            return
        begin, end = self.bundle.begin_us, self.bundle.end_us
        if index == self.first and index and (begin is None or ts_us >= begin - CLOCK_BACK_US):
            self.fault("rule", index, "the export does not begin before the time that it names")
        is_last = index == self.last and index + 1 < self.tiles.size
        if is_last and (end is None or ts_us < end + CLOCK_BACK_US):
            self.fault("rule", index, "the export ends before the time that it names")

    def end(self) -> None:
        """Look at what is not here."""
        if self.bundle is not None and not 0 <= self.first <= self.last:
            self.fault("missing", None, "the export says that it has no record")
        if self.expected <= self.last:
            self.skip(self.last + 1)
        if self.gaps and not self.is_gone:
            self.fault("missing", self.gaps[0][0], f"record {self.gaps[0][0]} is missing")

    def compare(self, folder: Path) -> None:
        """Has a bundle that has tiles of entries too the same records there? And no odd tile?"""
        if self.bundle is None:
            return
        for name in sorted(self.bundle.said["files"]):
            if name.startswith("tile/") and not self.tiles.has(name):
                raise Tampered(None, f"{printable(name)} is no tile of this log")
        if os.path.lexists(folder / "tile/entries"):
            count = 0
            for count, (index, entry) in enumerate(bundled(folder, self.tiles.size), 1):
                if index != count - 1 or not self.stands(index, leaf(entry)):
                    raise Tampered(count - 1, f"record {count - 1} is another in tile/entries")
            if count != self.tiles.size:
                raise Tampered(count, f"record {count} is missing in tile/entries")

    @property
    def is_gone(self) -> bool:
        """Are the hashes alone left, and the last record, as of a shard that was pruned?"""
        return self.bundle is None and self.gaps in ([(0, self.last + 1)], [(0, self.last)])

    def report(self) -> dict[str, Any]:
        """Return what was read."""
        story = self.story
        return story.counts | {
            "sent": story.sent,
            "silence_s": story.silence_us // SECOND_US,
            "apart_s": story.apart_us // SECOND_US,
            "gaps": len(story.silent),
            "silent_before": story.silent[:SHOWN_MAX],
            "records": self.records,
            "open": len(story.open),
            "begun_earlier": story.begun_earlier,
            "pruned_as_told_by": None,
            "told_pruned": [[*shard, index] for shard, index in story.pruned.items()],
        }


def canonical(entry: bytes) -> dict[str, Any]:
    """Read a record; ValueError unless it is written in the one form that is hashed."""
    if len(entry) > ENTRY_MAX:
        raise ValueError("it is longer than a record may be")
    record: dict[str, Any] = READ.decode(entry.decode())
    if WRITE.encode(record).encode() != entry:
        raise ValueError("it is not in its canonical form")
    return record


def formed(record: dict[str, Any]) -> None:
    """Has a record the form of one of this version? ValueError."""
    if type(record["v"]) is not int or not 1 <= record["v"] <= VERSION_MAX:
        raise ValueError(f"it has version {record['v']}, which this verifier does not know")
    known(record, record["type"])
    if not 0 <= record["ts_us"] <= TS_US_MAX:
        raise ValueError("its time lies outside the years 1970 to 9999")
    if not record.get("decision", {}).get("decided_at", "Z").endswith("Z"):
        raise ValueError("the time of its decision is not in UTC")


@functools.cache
def form(kind: str) -> tuple[set[str], dict[str, str]]:
    """Return the fields that a kind must have, and the form of each that it may have."""
    must, may = (
        {name: shape or "text" for name, _, shape in (one.partition("=") for one in names.split())}
        for names in FIELDS[kind].split("|")
    )
    return set(must), must | may


def known(found: Any, kind: str) -> bool:  # noqa: ANN401 - any JSON
    """Has it each field of its kind in its form, and no other? ValueError.

    Nothing is said beside the rules.
    """
    must, every = form(kind)
    if not isinstance(found, dict) or not must <= found.keys() <= every.keys():
        raise ValueError(f"it has not the fields that {kind} has")
    for name, value in found.items():
        if not checker(every[name])(value):
            raise ValueError(f"its {name} has not the form that one of {kind} has")
    return True


def fits(value: Any, shape: str) -> bool:  # noqa: ANN401 - any JSON
    """Has a value this form? ValueError too."""
    return checker(shape)(value)


@functools.cache
def checker(shape: str) -> Callable[[Any], bool]:
    """Return what says whether a value has this form; it raises ValueError too."""
    mark = shape[0]
    if mark not in "?[{<":
        if shape in FIELDS:
            return lambda value: known(value, shape)
        words = WORDS.get(shape, "").split()
        return (lambda value: value in words) if words else PLAIN[shape]
    one = checker(shape[1:])
    if mark == "?":
        return lambda value: value is None or one(value)
    if mark == "<":
        return lambda value: isinstance(value, dict) and all(map(one, value.values()))
    if mark == "[":
        return lambda value: isinstance(value, list) and all(map(one, value))
    return lambda value: fits(value, f"[{shape[1:]}") and value == sorted(set(value))


def is_time(text: object) -> bool:
    """Is it a moment of a day with its distance from UTC, in the one form that is written?"""
    if not isinstance(text, str):
        return False
    at = datetime.fromisoformat(text)
    return at.tzinfo is not None and at.isoformat().replace("+00:00", "Z") == text


def micro_s(text: str) -> int:
    """Return a moment in microseconds since the epoch."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def is_shallow(value: object, depth: int) -> bool:
    """Is it nested no deeper than facts may be?"""
    if not isinstance(value, dict | list):
        return depth <= DEPTH_MAX
    inner = value.values() if isinstance(value, dict) else value
    return depth <= DEPTH_MAX and all(is_shallow(one, depth + 1) for one in inner)


class Verification:
    """One pass over everything that is here of one log, which that key began.

    `next` is the key of the shard that follows, as the last record names it.
    """

    def __init__(self, folder: Path, asked: argparse.Namespace, key: Key, kept: list[str]) -> None:
        self.folder, self.asked, self.key, self.kept = folder, asked, key, kept
        self.limits, self.keys = list[str](), {key.public}
        self.approved: set[Signed] | None = None
        self.closed, self.grants_ended = set[str](), dict[str, int]()
        self.next: Key | None = None
        self.report: dict[str, Any] = {"origin": key.name, "records": 0, "size": 0}

    def look(self) -> None:
        """Verify all but who signed the manifest; Tampered, Unusable."""
        parts = ("MANIFEST.json", "MANIFEST.sig", "records.jsonl")
        exported = any(os.path.lexists(self.folder / one) for one in parts)
        self.bundle = Bundle(self.folder) if exported else None
        if self.bundle is not None and not self.bundle.dense:
            self.limits.append("an export of labels does not show that none of them is left out")
        sealed = self.sealed = self.read("checkpoint")
        self.report["size"] = sealed.size
        tiles = Tiles(self.folder, sealed.size)
        self.walked = walk = self.walk(tiles, tiles.check(sealed))
        self.story = walk.story
        self.next = walk.story.next
        self.keys |= {key.public for key in (self.next, *(walk.story.rotated or ())[1:]) if key}
        inside, begin = sorted((self.folder / "checkpoints").glob("*")), 0
        older = [checkpoint_of(one, self.key, "a kept checkpoint") for one in self.kept]
        older += [self.read(f"checkpoints/{one.name}") for one in inside]
        for one in sorted(older):
            if one.size > sealed.size:
                count = f"a kept checkpoint has {one.size} records, this log fewer"
                raise Tampered(sealed.size, count)
            if tiles.root(one.size) != one.root:
                where = f"one of the records {begin} to {one.size - 1} is not the one of then"
                reason = f"the log did not grow from a checkpoint of {one.size} records: {where}"
                raise Tampered(begin if one.size - begin == 1 else None, reason)
            begin = one.size
        self.report["checkpoints"] = len(older)
        self.checkpoints = [sealed, *older]
        self.check_rotation()

    def read(self, name: str) -> Checkpoint:
        """Read a checkpoint that lies here; Tampered, Unusable."""
        return checkpoint_of(text_of(self.folder / name), self.key, printable(name))

    def finish(self, keys: set[bytes], told: dict[Named, int]) -> None:
        """Look who signed the manifest, and whether what is gone was pruned; Tampered."""
        if self.bundle is not None:
            self.bundle.check(self.key, keys, self.sealed.size, self.report["records"])
            self.bundle.check_files()
        if self.walked.is_gone:
            index = told.get((self.key.name, self.sealed.size, self.sealed.root.hex()))
            if index is None:
                raise Tampered(0, "record 0 is missing, and no record says that it was pruned")
            self.report["pruned_as_told_by"] = index

    def check_rotation(self) -> None:
        """Does every later checkpoint carry the signature of the key that was announced?

        From then on the first key alone, which may have been stolen, proves nothing.
        """
        if self.story.rotated is None:
            return
        index, key = self.story.rotated
        for one in self.checkpoints:
            if one.size > index and not signers(one.note, [key], one.where)[1]:
                raise Tampered(index, f"a checkpoint lacks the key that record {index} announced")

    def walk(self, tiles: Tiles, fault: Tampered | None) -> Walk:
        """Read every record that is there; Tampered names the first bad one."""
        bundle, sealed = self.bundle, self.sealed
        walk = Walk(bundle, tiles, self.key)
        walk.story.approved, walk.story.closed = self.approved, self.closed
        walk.story.grants_ended = self.grants_ended
        try:
            entries = bundled(self.folder, sealed.size) if bundle is None else bundle.entries()
            if bundle is None and os.path.lexists(self.folder / "last"):
                # Of a shard that was pruned the last record stays: it hands over to the next.
                entries = iter([(sealed.size - 1, load(self.folder / "last"))])
            for index, entry in entries:
                walk.take(index, entry)
            walk.end()
            walk.compare(self.folder)
        except Tampered as odd:
            walk.faults.setdefault("differs", odd)
        except OSError:
            walk.fault("missing", None, "the records cannot be read")
        self.report |= walk.report()
        faults = (*(walk.faults.get(one) for one in ("differs", "missing", "rule")), fault)
        if found := [one for one in faults if one]:
            raise min(found, key=lambda one: sys.maxsize if one.index is None else one.index)
        self.check_beside(walk.story)
        return walk

    def check_beside(self, story: Story) -> None:
        """Is every document and every blob here that a record names, and what its digest says?"""
        if self.bundle is None:
            self.limits.append("a folder of tiles holds no policies and no blobs to look at")
            return
        for what, named, end in (("document", story.named, ".json"), ("blob", story.blobs, "")):
            for digest, index in named.items():
                place = self.folder / f"{what}s" / f"{digest.removeprefix('sha256:')}{end}"
                try:
                    right = DIGEST.fullmatch(digest) and Bundle.digest(place) == digest[7:]
                    fault = "" if right else "is not what its digest says"
                except OSError:
                    fault = "is missing"
                if fault:
                    raise Tampered(index, f"record {index}: the {what} {printable(digest)} {fault}")
            self.report[f"{what}s"] = len(named)


class Chain:
    """A ledger: one log, or the shards that SHARDS.json names, each signed by a key that is known.

    `keys` are those that were given, and those that shards announced or handed over to.
    """

    def __init__(self, folder: Path, asked: argparse.Namespace) -> None:
        self.folder, self.asked, self.limits = folder, asked, list[str]()
        self.several = os.path.lexists(folder / "SHARDS.json")
        self.shards: dict[str, Verification] = {}
        self.kept = [text_of(path) for path in asked.kept]
        self.cosigners = [Key.read(text, COSIGNER_KEY) for text in asked.cosigner]
        self.keys = {Key.read(text, LOG_KEY).public for text in asked.signer}
        self.report: dict[str, Any] = {"shard": "", "records": 0, "size": 0}
        if asked.vkey is None:
            self.limits.append("without --vkey, it is only shown to agree with its own key")
        if not self.kept:
            self.limits.append("without --kept, an older copy that was put back is not noticed")

    def run(self) -> None:
        """Verify every shard, and that each follows the one before it; Tampered, Unusable."""
        names = self.names()
        own = self.folder / names[0] / "vkey"
        given = Key.read(text_of(own) if self.asked.vkey is None else self.asked.vkey, LOG_KEY)
        self.keys.add(given.public)
        for name in names:
            self.report["shard"] = name
            self.look(name, given)
        told = self.told_by()
        for one in self.shards.values():
            told |= one.story.pruned
        for name, one in self.shards.items():
            self.report["shard"] = name
            one.finish(self.keys, told)
        self.report["shard"] = ""
        self.check_ends()
        self.sum_up(given.name)
        self.check_witnesses()

    def names(self) -> list[str]:
        """Return the shards that SHARDS.json names, in order; Tampered unless all are here."""
        if not self.several:
            return [""]
        listed = self.listed()
        for name in sorted({path.name for path in self.folder.iterdir()} ^ listed.keys()):
            if name != "SHARDS.json":
                raise Tampered(None, f"{printable(name)} is not both here and in SHARDS.json")
        for number, name in enumerate(sorted(listed), 1):
            path = self.folder / name / "MANIFEST.json"
            path = path if path.exists() else path.with_name("checkpoint")
            if not SHARD.fullmatch(name) or listed[name] != f"sha256:{Bundle.digest(path)}":
                raise Tampered(None, f"{printable(name)} is not what SHARDS.json says of it")
            if int(name[:4]) != number:
                raise Tampered(None, f"a shard before {name} is missing")
        return sorted(listed)

    def listed(self) -> dict[str, str]:
        """Return what SHARDS.json says; Tampered."""
        try:
            listed: dict[str, str] = parsed(load(self.folder / "SHARDS.json", LINE_MAX))
            if listed and fits(listed, "<text"):
                return listed
        except (ValueError, RecursionError):
            pass
        raise Tampered(None, "SHARDS.json cannot be read")

    def look(self, name: str, given: Key) -> None:
        """Verify the next shard by the key that the one before it handed over to."""
        former = list(self.shards.values())[-1] if self.shards else None
        key = given if former is None else former.next
        origin = f"{given.name}/{name}" if former else given.name
        if key is None or key.name != origin:
            raise Tampered(None, "the shard before it does not hand over to it")
        kept = [one for one in self.kept if one.partition("\n")[0] == origin or not self.several]
        self.kept = [one for one in self.kept if one not in kept]
        self.shards[name] = one = Verification(self.folder / name, self.asked, key, kept)
        if former:
            # What was settled in the shards before it is decided there alone.
            one.approved, one.closed = former.story.approved, former.story.closed
            one.grants_ended = former.story.grants_ended
        try:
            one.look()
        finally:
            self.report |= one.report
        self.keys |= one.keys
        if self.several and one.bundle is None and not one.walked.is_gone:
            raise Tampered(None, "its records are here, and no manifest of them")
        check_creation(one, former)

    def told_by(self) -> dict[Named, int]:
        """Return what the later shard that was named says was pruned; Tampered, Unusable.

        INVARIANT: its key is one that was given, or one that a shard handed over to.
        """
        folder = self.asked.told_by
        if folder is None:
            return {}
        key = Key.read(text_of(folder / "vkey"), LOG_KEY)
        names = {one.key.name for one in self.shards.values()}
        if key.public not in self.keys or key.name in names:
            raise Unusable("the key of the shard that tells was neither given nor announced")
        other = Verification(folder, self.asked, key, [])
        other.look()
        other.finish(self.keys | other.keys, {})
        return other.story.pruned

    def check_ends(self) -> None:
        """Is each shard of one export, and is the last one here the last? Tampered."""
        shards = self.shards.values()
        asked = {one.bundle.asked for one in shards if one.bundle}
        if len(asked) > 1:
            raise Tampered(None, "the shards are of exports that asked for different times")
        for begin, end, _ in asked:
            self.limits.append(f"it is an export of the time from {moment(begin)} to {moment(end)}")
        *_, last = shards
        if last.next is not None and self.several:
            raise Tampered(None, f"the shard {last.next.name}, which is the next, is missing")
        former = last.story.created.get("former", {}).get("origin")
        for one in (former, last.next and last.next.name):
            if one and not self.several:
                self.limits.append(f"the shard {printable(one)}, beside this one, is not here")
        self.check_kept(is_over=last.walked.last + 1 < last.sealed.size)

    def check_kept(self, *, is_over: bool) -> None:
        """Look at the kept checkpoints of shards that are not here; `is_over`: as their time was.

        What such a shard holds is in no export of an earlier time, and is not looked at.
        """
        first = next(iter(self.shards.values())).key.name
        for note in self.kept:
            base, _, name = note.partition("\n")[0].rpartition("/")
            if base != first or not SHARD.fullmatch(name) or int(name[:4]) <= len(self.shards):
                raise Unusable("a kept checkpoint is of no shard that could follow those here")
            if not is_over:
                raise Tampered(None, f"the shard {name} is missing, of which a checkpoint was kept")
            later = f"the kept checkpoint of {name}, which began after that time,"
            self.limits.append(f"{later} was not looked at: give it with an export that goes on")

    def sum_up(self, origin: str) -> None:
        """Add up what the shards say; what is a state is that of the last one."""
        reports = [one.report for one in self.shards.values()]
        summed = {name for name, value in reports[0].items() if type(value) is int} - {"open"}
        self.report |= {name: sum(one.get(name) or 0 for one in reports) for name in summed}
        self.report |= {"origin": origin, "shards": len(reports) if self.several else 1}
        for most in ("silence_s", "apart_s"):
            self.report[most] = max(one[most] for one in reports)
        self.report["told_pruned"] = [told for one in reports for told in one["told_pruned"]]
        for name, one in self.shards.items():
            self.limits += [f"shard {name}: {limit}" if name else limit for limit in one.limits]

    def check_witnesses(self) -> None:
        """Find the newest checkpoint that enough witnesses signed; Tampered where there is none."""
        self.report |= {"cosigned_s": {}, "cosigned_size": None}
        asked, most = self.asked.quorum, 0
        quorum = len(self.cosigners) if asked is None else asked
        for shard in reversed(self.shards.values()):
            for one in sorted(shard.checkpoints, key=lambda one: -one.size):
                _, found = signers(one.note, self.cosigners, one.where)
                most = max(most, len(found))
                if len(found) >= quorum and found:
                    times = {name: int.from_bytes(data[:8], "big") for name, data in found.items()}
                    self.report |= {"cosigned_s": times, "cosigned_size": one.size}
                    return
        if quorum:
            raise Tampered(None, f"{most} witnesses signed, {quorum} are asked for")


def check_creation(one: Verification, former: Verification | None) -> None:
    """Is a log what its first record says, and does it follow the one before it? Tampered."""
    created = one.story.created
    if not created:
        return
    is_known = former is None and one.asked.vkey is not None
    if not is_known and Key.read(str(created.get("vkey")), LOG_KEY) != one.key:
        where = "the one beside it" if former is None else "was announced"
        raise Tampered(0, f"record 0: the log was created with another key than {where}")
    if former is None:
        return
    size, root = former.sealed.size, former.sealed.root.hex()
    if created.get("former") != {"origin": former.key.name, "size": size, "root": root}:
        raise Tampered(0, "record 0: it does not follow the shard before it")
    if abs(one.story.began_us - former.story.latest_us) > CLOCK_BACK_US:
        raise Tampered(0, "record 0: its time is not that at which the shard before it ended")
    left = {name: {**request, "level": None} for name, request in former.story.open.items()}
    if former.story.whole and one.story.whole and one.story.carried != left:
        raise Tampered(1, "record 1: it does not carry over what was open in the shard before it")


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Verify a log of Perimeter without Perimeter.")
    many: dict[str, Any] = {"action": "append", "default": []}
    for name, told, form in (
        ("folder", "an export, one of its bundles, or a folder of tiles", {"type": Path}),
        ("--vkey", "the key of its first shard, from where its host cannot change it", {}),
        ("--kept", "an older checkpoint", many | {"type": Path}),
        ("--cosigner", "the key of a witness", many),
        ("--signer", "a later key of the log: it may have exported", many),
        ("--quorum", "how many witnesses must have signed; all", {"type": int}),
        ("--told-by", "a later shard, which says that this one was pruned", {"type": Path}),
        ("--json", "say it as JSON", {"action": "store_true"}),
    ):
        parser.add_argument(name, help=told, **form)
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Verify, print, and return the exit code."""
    asked = arguments(words)
    report: dict[str, Any] = {"verdict": "whole", "reason": "", "first_bad": None}
    chain = None
    try:
        chain = Chain(asked.folder, asked)
        chain.run()
    except Tampered as found:
        where = f"shard {chain.report['shard']}: " if chain and chain.report["shard"] else ""
        report |= {"verdict": "tampered", "reason": where + found.reason, "first_bad": found.index}
    except Unusable as error:
        report |= {"verdict": "unreadable", "reason": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever the folder holds, there is an answer
        report |= {"verdict": "unreadable", "reason": f"cannot be read: {type(error).__name__}"}
    report |= {} if chain is None else chain.report | {"limits": chain.limits}
    print(json.dumps(report, indent=1) if asked.json else "\n".join(lines(report)))
    return {"whole": 0, "tampered": 1}.get(report["verdict"], 2)


def lines(report: dict[str, Any]) -> list[str]:
    """Return the report as people read it."""
    if report["verdict"] != "whole":
        where = "" if report["first_bad"] is None else f" at record {report['first_bad']}"
        return [f"{report['verdict']}{where}: {printable(report['reason'])}"]
    told = {name: report[name] for name in ("decided", "attempted", "settled", "admin")}
    counts = ", ".join(f"{count} {name}" for name, count in told.items())
    whole = f"{report['records']} records of a log of {report['size']}"
    earlier, pruned, gaps = (report[one] for one in ("begun_earlier", "pruned_as_told_by", "gaps"))
    longest = f"the longest silence of a running gateway was {report['silence_s']} s"
    many = f"{gaps} were longer than its heartbeats allow, before {report['silent_before']}"
    found = [
        f"whole: {printable(report['origin'])}, {whole}",
        f"{counts}; {report['open']} open, {report['lost']} lost",
        f"{longest}; {many}" if gaps else longest,
        f"{report['checkpoints']} older checkpoints fit",
    ]
    if report["apart_s"] > CLOCK_BACK_US // SECOND_US:
        apart = f"the clock moved {report['apart_s']} s against the machine's own within a run"
        found.append(f"{apart}, of which no record tells")
    found += [f"{many} attempts of {printable(pair)}" for pair, many in report["sent"].items()]
    for name, when in report["cosigned_s"].items():
        found.append(f"cosigned by {printable(name)} at {when}: {report['cosigned_size']} records")
    for name, size, _, index in report["told_pruned"]:
        found += [f"shard {printable(name)} of {size} records was pruned, as record {index} says"]
    if pruned is not None:
        found.append(f"its records were pruned, as record {pruned} of the later shard says")
    if earlier:
        found.append(f"{earlier} records of requests that began before")
    return [*found, *report["limits"]]


if __name__ == "__main__":
    sys.exit(main())
