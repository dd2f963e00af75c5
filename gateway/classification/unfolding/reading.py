"""What bytes are: text that can be scanned, an archive of such, or something nobody reads here."""

import zlib
from contextlib import suppress
from io import BytesIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from gateway.classification.unfolding.decoding import HEAD_BYTES, consists_of

DEPTH_MAX = 3
EXPANDED_BYTES_MAX = 8 * 1024 * 1024
MEMBERS_MAX = 200
RATIO_MAX = 100
RATIO_FREE_BYTES = 64 * 1024
# WHY: signatures, hashes and public keys are shorter, and stand in every prompt about code.
BINARY_BYTES_MIN = 768
DISTINCT_MIN = 24
VARIED_BYTES = 4096
TAGS_MAX = 100_000

UNEXPANDED = "unexpanded"
ENCRYPTED = "encrypted"
BINARY = "binary"

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"II*\0", "image"),
    (b"MM\0*", "image"),
    (b"BM", "image"),
    (b"8BPS", "image"),
    (b"%PDF-", "pdf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "document"),
    (b"ID3", "audio"),
    (b"OggS", "audio"),
    (b"fLaC", "audio"),
    (b"\x1aE\xdf\xa3", "video"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"Rar!\x1a\x07", "archive"),
    (b"\xfd7zXZ\0", "archive"),
    (b"BZh", "archive"),
    (b"\x28\xb5\x2f\xfd", "archive"),
)
_MAGIC_BYTES_MIN = 12
_FIRST_BYTES = frozenset((*(magic[0] for magic, _ in _MAGIC), *b"R"))
_WEAK = frozenset({b"BM", b"ID3", b"BZh", b"GIF8", b"II*\0", b"MM\0*"})
_RIFF = {b"WEBP": "image", b"WAVE": "audio", b"AVI ": "video"}
MEDIA_KINDS = frozenset((*(kind for _, kind in _MAGIC), *_RIFF.values()))
_GZIP, _ZIP = b"\x1f\x8b\x08", b"PK\x03\x04"
_GZIP_HEAD, _GZIP_SIZE = 10, 2
_GZIP_EXTRA, _GZIP_NAME, _GZIP_COMMENT = 4, 8, 16
_EMPTY_ZIP = b"PK\x05\x06"
_ZIP_END_BYTES = 22
_ZLIB_SECONDS = b"\x01\x5e\x9c\xda"
_ZLIB_STEP = 31
# What may begin anything that has a form.
TELLING_BYTES = frozenset((*_FIRST_BYTES, _GZIP[0], _ZIP[0], 0x78, 0xFE, 0xFF))

PRINTED = bytes(range(0x20, 0x7F)) + b"\t\n\r"
CONTROLS = bytes(one for one in range(0x20) if one not in b"\t\n\r\f\x1b") + b"\x7f"
_SPACED = bytes(one if one in PRINTED else 0x20 for one in range(256))
_ORDER_MARKS = frozenset({b"\xff\xfe", b"\xfe\xff"})
MOSTLY = 0.6
_WIDE = 0.3
_ENDS_LINE = (b"/w:p", b"/a:p", b"w:br", b"/row", b"/c", b"/si", b"w:tab", b"/text:p")
_ENTITIES = ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&apos;", b"'"))


class Budget:
    """How much may still be expanded in one scan; `spent` says that there were not bytes enough."""

    __slots__ = ("bytes_left", "members_left", "spent")

    def __init__(self, bytes_max: int | None = None) -> None:
        most = EXPANDED_BYTES_MAX
        self.bytes_left = most if bytes_max is None else min(bytes_max, most)
        self.members_left = MEMBERS_MAX
        self.spent = False

    def take(self, size: int) -> bool:
        """Count so many bytes; False when there were not so many left."""
        self.bytes_left -= size
        self.spent = self.spent or self.bytes_left < 0
        return self.bytes_left >= 0

    def room(self, packed: int) -> int:
        """Return how many bytes may come out of so many packed ones."""
        return max(min(self.bytes_left, max(packed * RATIO_MAX, RATIO_FREE_BYTES)), 0)

    def exceeded(self, room: int) -> None:
        """Note that more came out than there was room for."""
        self.spent = self.spent or room >= self.bytes_left


class Reading:
    """What became of some bytes: texts with their depth, and the kinds of what stayed unread."""

    __slots__ = ("_budget", "opaque", "texts")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.texts: list[tuple[bytes, int]] = []
        self.opaque: dict[str, None] = {}

    def read(self, data: bytes, depth: int) -> None:
        """Take bytes that stand so many steps below the body."""
        expand = expansion(data)
        if expand:
            self._expand(data, depth, expand)
            return
        kind = media_kind(data)
        if kind:
            self.opaque[kind] = None
            return
        text = as_text(data)
        if text is not None:
            self._keep(text, depth)
        elif len(data) >= BINARY_BYTES_MIN and _is_varied(data):
            self.opaque[BINARY] = None
        elif len(data) >= BINARY_BYTES_MIN:
            self.read_words(data, depth)

    def read_words(self, data: bytes, depth: int) -> None:
        """Take what is printed among bytes that nobody has to know in full."""
        words = b" ".join(data.translate(_SPACED).split())
        if words:
            self._keep(words, depth)

    def _keep(self, text: bytes, depth: int) -> None:
        if depth > DEPTH_MAX or not self._budget.take(len(text)):
            self.opaque[UNEXPANDED] = None
            return
        self.texts.append((text, depth))
        if text.lstrip()[:5] == b"<?xml" or text[:1] == b"<":
            said = words_of_xml(text)
            if said is None or not self._budget.take(len(said)):
                self.opaque[UNEXPANDED] = None
            else:
                self.texts.append((said, depth))

    def _expand(self, data: bytes, depth: int, expand: str) -> None:
        if depth >= DEPTH_MAX:
            self.opaque[UNEXPANDED] = None
        elif expand == "zip":
            self._unzip(data, depth + 1)
        else:
            self._inflate(data, depth + 1, zlib.MAX_WBITS | (16 if expand == "gzip" else 0))

    def _inflate(self, data: bytes, depth: int, window: int) -> None:
        """Read what the stream holds, and what stands in front of it and behind it."""
        most = self._budget.room(len(data))
        if data.startswith(_GZIP):
            self.read_words(_noted(data), depth)
        inflate = zlib.decompressobj(window)
        try:
            inner = self._within(inflate.decompress(data, most + 1), most)
        except zlib.error:
            if len(data) >= BINARY_BYTES_MIN:
                self.opaque[BINARY] = None
                return
            # WHY: too short to be opaque, it may still say something up to where it is torn.
            inner = self._within(_inflated(data, window), most)
        if inner is not None:
            self.read(inner, depth)
        # WHY: streams may follow one another, and `gunzip` reads them all.
        self._budget.members_left -= 1
        if inflate.unused_data and self._budget.members_left >= 0:
            self.read(inflate.unused_data, depth - 1)
        elif inflate.unused_data:
            self.opaque[UNEXPANDED] = None

    def _within(self, inner: bytes, most: int) -> bytes | None:
        if len(inner) > most:
            self._budget.exceeded(most)
            self.opaque[UNEXPANDED] = None
            return None
        return inner

    def _unzip(self, data: bytes, depth: int) -> None:
        try:
            with ZipFile(BytesIO(data)) as archive:
                members = archive.infolist()
                told = [archive.comment, *(member.filename.encode() for member in members)]
                self._keep(b"\n".join(told), depth)
                # WHY: whoever unpacks leaves out what stands behind the archive; a reader does not.
                end = data.rfind(_EMPTY_ZIP) + _ZIP_END_BYTES + len(archive.comment)
                self.read_words(data[end:], depth)
                for member in members:
                    if not self._member(archive, member, depth):
                        break
        except (BadZipFile, ValueError, KeyError, OverflowError, EOFError, OSError):
            self.opaque[BINARY] = None

    def _member(self, archive: ZipFile, member: ZipInfo, depth: int) -> bool:
        """Read one member; False when no further one may be."""
        self._budget.members_left -= 1
        if self._budget.members_left < 0:
            self.opaque[UNEXPANDED] = None
            return False
        if member.flag_bits & 1:
            self.opaque[ENCRYPTED] = None
            return True
        if member.is_dir():
            return True
        inner = self._content(archive, member, self._budget.room(member.compress_size))
        if inner is not None:
            self.read(inner, depth)
        return True

    def _content(self, archive: ZipFile, member: ZipInfo, most: int) -> bytes | None:
        try:
            with archive.open(member) as opened:
                inner = opened.read(most + 1)
        except (NotImplementedError, RuntimeError, zlib.error, BadZipFile, EOFError):
            self.opaque[BINARY] = None
            return None
        return self._within(inner, most)


def media_kind(data: bytes) -> str:
    """Return what the first bytes say that this is, empty for nothing that is known."""
    if len(data) < _MAGIC_BYTES_MIN:
        return ""
    if data[0] not in _FIRST_BYTES and data[4:8] != b"ftyp":
        return ""
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12], "")
    if data[4:8] == b"ftyp":
        return "image" if data[8:11] in {b"hei", b"mif", b"avi"} else "video"
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return "" if magic in _WEAK and as_text(data) is not None else kind
    return ""


def is_noise(data: bytes) -> bool:
    """Is it surely neither text nor of a known form, and too short for bytes without one?

    WHY: a megabyte holds thirty thousand words that are base64 by their letters, and each of them
    is asked this; whatever is not sure is read in full.
    """
    if not 0 < len(data) < BINARY_BYTES_MIN or data[0] in TELLING_BYTES or data[4:8] == b"ftyp":
        return False
    odd = data.translate(None, PRINTED)
    if len(data) - len(odd) >= MOSTLY * len(data) or 0 in odd:
        return False
    return len(odd.translate(None, CONTROLS)) != len(odd) or _is_broken(data)


def is_whole(data: bytes) -> bool:
    """Is it text from its beginning to its end, and in no other bytes than that?"""
    return _wide(data) is not None or _is_clean(data)


def as_text(data: bytes) -> bytes | None:
    """Return the bytes as UTF-8 text that can be scanned, None for what is none."""
    wide = _wide(data)
    if wide is not None:
        return wide
    if _is_clean(data):
        return data
    solid = data.replace(b"\0", b"")
    printed = len(solid) - len(solid.translate(None, PRINTED))
    return solid if solid and printed >= MOSTLY * len(solid) else None


def words_of_xml(text: bytes) -> bytes | None:
    """Return what stands between the tags, None for more tags than are read.

    WHY: office programs cut a word wherever its form changes.
    """
    if text.count(b"<") > TAGS_MAX:
        return None
    words: list[bytes] = []
    for part in text.split(b"<"):
        tag, _, said = part.partition(b">")
        if tag.startswith(_ENDS_LINE):
            words.append(b"\n")
        words.append(said)
    plain = b"".join(words)
    for entity, character in _ENTITIES:
        plain = plain.replace(entity, character)
    return plain.replace(b"&amp;", b"&")


def _noted(data: bytes) -> bytes:
    """Return what stands in the head of gzip beside its numbers: extra fields, name, comment."""
    flags = data[3:4]
    at = _GZIP_HEAD
    if _has(flags, _GZIP_EXTRA):
        at += _GZIP_SIZE + int.from_bytes(data[at : at + _GZIP_SIZE], "little")
    for text in (_GZIP_NAME, _GZIP_COMMENT):
        if _has(flags, text):
            at = data.find(b"\0", at) + 1 or len(data)
    return data[_GZIP_HEAD:at]


def _has(flags: bytes, flag: int) -> bool:
    return bool(flags) and bool(flags[0] & flag)


def _inflated(data: bytes, window: int) -> bytes:
    """Return what a short stream holds up to where it is torn."""
    inflate = zlib.decompressobj(window)
    said: list[bytes] = []
    with suppress(zlib.error):
        said.extend(inflate.decompress(data[at : at + 1]) for at in range(len(data)))
    return b"".join(said)


def _is_varied(data: bytes) -> bool:
    """Has it more kinds of bytes than a repetition? They may begin anywhere."""
    kinds: set[int] = set()
    while data and len(kinds) < DISTINCT_MIN:
        kinds.update(data[:VARIED_BYTES])
        data = data.translate(None, bytes(kinds))
    return len(kinds) >= DISTINCT_MIN


def expansion(data: bytes) -> str:
    """Return what the first bytes say that this was packed with, empty for nothing."""
    if data.startswith((_ZIP, _EMPTY_ZIP)):
        return "zip"
    if data.startswith(_GZIP):
        return "gzip"
    header = data[:2]
    is_zlib = header[:1] == b"\x78" and header[1:] in _ZLIB_SECONDS and len(header) > 1
    return "zlib" if is_zlib and int.from_bytes(header) % _ZLIB_STEP == 0 else ""


def _wide(data: bytes) -> bytes | None:
    """Return UTF-16 as UTF-8, None for what is none."""
    half = len(data) // 2
    marked = data[:2] in _ORDER_MARKS
    if half == 0 or not (marked or data.count(0) >= _WIDE * len(data)):
        return None
    order = "utf-16-le" if data[1::2].count(0) >= data[::2].count(0) else "utf-16-be"
    if marked:
        order = "utf-16"
    text = data[: half * 2].decode(order, "replace").encode("utf-8", "surrogatepass")
    # WHY: of a last character that lacks its empty byte, the other byte is the character.
    text += data[half * 2 :].strip(b"\0")
    return text if _is_utf8(text) and b"\xef\xbf\xbd" not in text else None


def _is_clean(data: bytes) -> bool:
    return consists_of(data, PRINTED) or _is_utf8(data)


def _is_broken(data: bytes) -> bool:
    """Is it surely no UTF-8, also none that is cut off at its end?"""
    text = data.decode(errors="replace")
    at = text.find("\ufffd")
    return at >= 0 and b"\xef\xbf\xbd" not in data and len(text[:at].encode()) < len(data) - 3


def _is_utf8(data: bytes) -> bool:
    """Is it UTF-8 without control characters? A character that is cut off at the end is none."""
    head = data[:HEAD_BYTES]
    if len(head.translate(None, CONTROLS)) != len(head):
        return False
    if len(data.translate(None, CONTROLS)) != len(data):
        return False
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(data) - 3 and error.start > 0
    return True
