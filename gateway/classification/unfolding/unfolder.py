"""One step of unfolding: where a text may hide another, what it is, and what stays unread."""

from collections.abc import Iterator, Sequence
from itertools import chain, compress

import msgspec

from gateway.classification.matching import Matcher, compiled
from gateway.classification.parts import EDGE
from gateway.classification.patterns import PatternRule
from gateway.classification.texts import LAYERS_MAX, Hit, Scanned, joined_alone
from gateway.classification.unfolding import lines
from gateway.classification.unfolding.decoding import (
    HEAD_BYTES,
    HEX,
    LONG_HEX,
    base64_bytes,
    hex_bytes,
    may_be_base64,
    may_be_hex,
    offsets,
    percent_bytes,
)
from gateway.classification.unfolding.folding import fold, folds
from gateway.classification.unfolding.layer import Layer, Piece, Texts, spans
from gateway.classification.unfolding.reading import (
    BINARY,
    DEPTH_MAX,
    ENCRYPTED,
    MEDIA_KINDS,
    UNEXPANDED,
    Budget,
    Reading,
    expansion,
    is_noise,
    is_whole,
)
from gateway.classification.unfolding.runs import (
    ESCAPE,
    escapes_in,
    joined,
    many_joined,
    merged,
    runs,
)
from gateway.classification.unfolding.screening import noiseless, noisy
from gateway.classification.unfolding.unescaping import unescaped

MATCHES_MAX = 32_768
# Of these, so many ends and no more are told by the engine: behind the last all is looked at.
MANY_ALONE = {"base64": 4_096, "percent": 2_048, "fold": 2_048}
RUNS_MAX = 16_384
# Of more than that, so many are read.
RUNS_READ = 4_096
OPAQUE_MAX = 256
TYPE_BYTES_MAX = 256
# A key of 16,384 bits has 2 KiB, a certificate with it and many names not much more.
PUBLIC_BYTES_MAX = 8 * 1024
FOLDED_BYTES_MAX = 256 * 1024
REASONING = "reasoning"
UNREAD_KINDS = frozenset({*MEDIA_KINDS, BINARY, ENCRYPTED, UNEXPANDED, REASONING})

_PERCENT = HEX + b"%"
_KINDS = {b"image": "image", b"audio": "audio", b"video": "video"}
# WHY: keys and certificates that are meant to be seen, in the forms of OpenSSH and X.509.
_PUBLIC = (b"\0\0\0\x07ssh-", b"\0\0\0\x0bssh-", b"\0\0\0\x13ecdsa-")
_CERTIFICATE = (b"0\x82", b"0\x82")


def compile_database(rules: Sequence[PatternRule]) -> bytes:
    """Return the compiled and serialised database, in parts; it tells ends of matches alone."""
    parts = [compiled([rules[number].regex.encode() for number in part]) for part in _parts(rules)]
    return msgspec.msgpack.encode(parts)


class Unfolder:
    """Finds what texts hide. One unfolder serves several threads."""

    name = "opaque"

    def __init__(self, rules: Sequence[PatternRule], database: bytes) -> None:
        self._ids = [rule.id for rule in rules]
        parts = msgspec.msgpack.decode(database, type=list[bytes])
        self._matchers = [
            (Matcher(part), numbers) for part, numbers in zip(parts, _parts(rules), strict=True)
        ]
        self._folds = len(self._matchers) - 1
        folds()

    def scan(self, buffer: bytes) -> Scanned:
        """Return what cannot be read in texts that stand alone."""
        _, hits = self.unfold(joined_alone(buffer), Budget())
        return Scanned(tuple(hits))

    def unfold(self, texts: Texts, budget: Budget) -> tuple[Layer | None, list[Hit]]:
        """Return what the texts hide, None for nothing, and the hits of what stays unread.

        Over a bound there is a hit that says so.
        """
        step = _Step(texts, budget)
        ends = self._ends(texts.buffer, step)
        step.data_urls(ends.get("data-url", ()))
        step.base64(ends.get("base64", ()))
        step.hex(ends.get("hex", ()))
        step.escaped(ends.get("escaped-hex", ()))
        step.windows(ends.get("percent", ()), folds=False)
        step.windows(ends.get("fold", ()), folds=True)
        step.escapes()
        return (Layer(texts, step.pieces) if step.pieces else None), step.hits

    def _ends(self, buffer: bytes, step: "_Step") -> dict[str, list[int]]:
        """Return where matches end, by what they are."""
        plain = buffer.replace(EDGE, b"").isascii()
        ends: dict[str, list[int]] = {}
        for matcher, numbers in self._matchers[: self._folds] if plain else self._matchers:
            most = MANY_ALONE.get(self._ids[numbers[0]], MATCHES_MAX)
            matches, over = matcher.matches(buffer, most)
            for end, rule, _ in matches:
                ends.setdefault(self._ids[numbers[rule]], []).append(end)
            if over and most == MATCHES_MAX:
                step.unread(UNEXPANDED, matches[-1][0] - 1, matches[-1][0])
        return ends


def _parts(rules: Sequence[PatternRule]) -> list[list[int]]:
    """Return the numbers of rules that are compiled together; those of folds are the last.

    WHY: each part is many times as fast as all in one, and ASCII has nothing to fold.
    """
    ids = [rule.id for rule in rules]
    alone = [[number for number, name in enumerate(ids) if name == one] for one in MANY_ALONE]
    others = [number for number, name in enumerate(ids) if name not in MANY_ALONE]
    base64, percent, folds = alone
    return [base64, percent, others, folds]


class _Depths:
    """The depth of texts, asked for in the order of the buffer."""

    __slots__ = ("_at", "_count", "_texts")

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._at = self._count = 0

    def at(self, place: int) -> int:
        """Return the depth of the text at that place; places only grow."""
        return self._texts.depth(self._number(place))

    def is_folded(self, place: int) -> bool:
        """Was the text at that place folded already?"""
        return self._texts.is_folded(self._number(place))

    def _number(self, place: int) -> int:
        self._count += self._texts.buffer.count(EDGE, self._at, place)
        self._at = max(place, self._at)
        return max(self._count - 1, 0)


class _Step:
    """The pieces and hits of one layer while they are collected."""

    def __init__(self, texts: Texts, budget: Budget) -> None:
        self._texts = texts
        self._buffer = texts.buffer
        self._lined = lines.unbroken(texts.buffer)
        self._budget = budget
        self._declared: dict[int, str] = {}
        self._folds_left = FOLDED_BYTES_MAX
        self._noted: dict[str, int] = {}
        self.pieces: list[Piece] = []
        self.hits: list[Hit] = []

    def data_urls(self, ends: Sequence[int]) -> None:
        """Note what each data URL says that it holds."""
        for end in ends:
            head = self._buffer[max(end - TYPE_BYTES_MAX, 0) : end].lower()
            kind = head.rpartition(b"data:")[2]
            found = _KINDS.get(kind.partition(b"/")[0])
            if kind.startswith(b"application/pdf"):
                found = "pdf"
            if found and not kind.startswith(b"image/svg"):
                self._declared[end] = found

    def base64(self, ends: Sequence[int]) -> None:
        """Read every run that may be base64, also over line breaks.

        So many ends as are ever told are not all that there are.
        """
        depths = _Depths(self._texts)
        apart: list[tuple[int, int]] = []
        for start, stop in (
            self._many(apart) if len(ends) >= MANY_ALONE["base64"] else joined(self._lined, ends)
        ):
            run = self._lined[start:stop]
            if may_be_base64(run):
                if not self._read_base64(run, start, stop, depths):
                    apart += ((start + first, start + last) for first, last in _apart(run))
            elif may_be_hex(run):
                self._read_hex(run, start, stop, depths.at(start) + 1)
        self._parts(apart)

    def _parts(self, apart: Sequence[tuple[int, int]]) -> None:
        """Read the parts of runs that do not say one thing."""
        depths = _Depths(self._texts)
        said = noiseless(self._lined, sorted(set(apart)))
        for start, stop in said[:RUNS_MAX]:
            run = self._lined[start:stop]
            if may_be_base64(run):
                self._read_base64(run, start, stop, depths)
        if len(said) > RUNS_MAX:
            self.unread(UNEXPANDED, *said[RUNS_MAX])

    def _many(self, apart: list[tuple[int, int]]) -> Sequence[tuple[int, int]]:
        """Return the runs of which some may say something, where there are very many.

        Of those that say nothing as one, the parts are added to the others.
        """
        starts, stops = many_joined(self._lined)
        if len(starts) > RUNS_MAX:
            # WHY: words of small letters are no base64, and hashes and paths are many.
            words = map(self._lined.__getitem__, map(slice, starts, stops))
            said = [not (word.islower() and len(word) < LONG_HEX) for word in words]
            starts, stops = list(compress(starts, said)), list(compress(stops, said))
        if len(starts) > RUNS_MAX:
            self.unread(UNEXPANDED, starts[RUNS_MAX], stops[RUNS_MAX])
            starts, stops = starts[:RUNS_READ], stops[:RUNS_READ]
        noise = {*noisy(self._lined, starts, stops)} - self._declared.keys()
        spans = list(zip(starts, stops, strict=True))
        for start, stop in lines.signed(self._lined, [one for one in spans if one[0] in noise]):
            word = self._lined[start:stop]
            apart += ((start + first, start + last) for first, last in lines.segments(word))
        return [span for span in spans if span[0] not in noise]

    def _read_base64(self, run: bytes, start: int, stop: int, depths: _Depths) -> bool:
        """Read a run; does it say one thing from its beginning to its end?"""
        if start not in self._declared and _is_noise(run):
            return False
        depth = depths.at(start) + 1
        readings: list[Reading] = []
        data = b""
        for offset in _likely(run):
            data = base64_bytes(run, offset)
            reading = Reading(self._budget)
            reading.read(data, depth)
            if BINARY in reading.opaque and _is_public(data):
                reading.read_words(data, depth)
                del reading.opaque[BINARY]
            elif lines.is_list(run):
                reading.opaque.pop(BINARY, None)
            readings.append(reading)
            if _tells(reading):
                break
        reading = readings[-1] if _tells(readings[-1]) else readings[0]
        declared = self._declared.get(start)
        if declared and not _tells(reading) and not reading.opaque:
            reading.opaque[declared] = None
        self._take(reading, start, stop)
        return bool(reading.opaque) or is_whole(data)

    def hex(self, ends: Sequence[int]) -> None:
        """Read every run of hex digits that may be text, or is long."""
        depths = _Depths(self._texts)
        for start, stop in runs(self._buffer, ends, HEX):
            # WHY: a long run was read as such already, with the lines below it.
            if stop - start < LONG_HEX:
                run = self._buffer[start:stop]
                self._read_hex(run, start, stop, depths.at(start) + 1)

    def _read_hex(self, run: bytes, start: int, stop: int, depth: int) -> None:
        readings = []
        for offset in (0, 1):
            reading = Reading(self._budget)
            reading.read(hex_bytes(run, offset), depth)
            readings.append(reading)
            if _tells(reading):
                break
        telling = [one for one in readings if _tells(one)]
        # WHY: lines of hex below one another are hashes far more often than bytes.
        if telling or b"\n" not in run:
            self._take((telling or readings)[0], start, stop)

    def escaped(self, ends: Sequence[int]) -> None:
        r"""Read every run of `\x41`, also beside one that is torn."""
        depths = _Depths(self._texts)
        for start, stop in runs(self._buffer, ends, HEX + ESCAPE):
            for begin, close in escapes_in(self._buffer, start, stop):
                reading = Reading(self._budget)
                reading.read(hex_bytes(self._buffer[begin:close]), depths.at(begin) + 1)
                self._take(reading, begin, close)

    def windows(self, ends: Sequence[int], *, folds: bool) -> None:
        """Read what stands around each end: percent signs, or letters as they look."""
        depths = _Depths(self._texts)
        marks = ((end - 1, end) for end in ends)
        places = marks if folds else runs(self._buffer, ends, _PERCENT)
        if len(ends) >= MANY_ALONE["fold" if folds else "percent"]:
            places = chain(places, [(ends[-1], len(self._buffer))])
        parts = (spans(self._buffer, begin, close) for begin, close in merged(places))
        for start, stop in chain.from_iterable(parts):
            if folds and depths.is_folded(start):
                continue
            if folds and stop - start > self._folds_left:
                self._fold_first(start, stop, depths.at(start))
                return
            raw = self._buffer[start:stop]
            depth = depths.at(start)
            if folds:
                self._folds_left -= len(raw)
                self._fold(start, stop, depth)
            elif (said := percent_bytes(raw)) != raw:
                self._keep(Piece(said, start, stop, depth + 1))

    def _fold_first(self, start: int, stop: int, depth: int) -> None:
        """Fold as much of a span as may still be, and note that the rest stays unread."""
        for first, last in spans(self._buffer, start, start + self._folds_left):
            self._fold(first, last, depth)
        self._folds_left = 0
        self.unread(UNEXPANDED, start, stop)

    def _fold(self, start: int, stop: int, depth: int) -> None:
        raw = self._buffer[start:stop]
        text = raw.decode("utf-8", "replace")
        said = fold(text).encode("utf-8", "surrogatepass")
        if said != raw:
            self._keep(Piece(said, start, stop, depth, text))

    def escapes(self) -> None:
        """Read the escapes of JSON in what was decoded, layer by layer."""
        read = 0
        for _ in range(LAYERS_MAX):
            pieces, read = self.pieces[read:], len(self.pieces)
            for piece in pieces:
                for said in unescaped(piece.text):
                    self._keep(Piece(said, piece.start, piece.end, piece.depth))
        for piece in self.pieces[read:]:
            if any(unescaped(piece.text)):
                self.unread(UNEXPANDED, piece.start, piece.end)

    def unread(self, kind: str, start: int, stop: int) -> None:
        """Note a span that stays unread."""
        noted = self._noted[kind] = self._noted.get(kind, 0) + 1
        # INVARIANT: however many of one kind there are, those of another are noted.
        if noted <= OPAQUE_MAX:
            self.hits.append(Hit(kind, start, stop, kind == REASONING))

    def _keep(self, piece: Piece) -> None:
        if piece.depth > DEPTH_MAX or not self._budget.take(len(piece.text)):
            self.unread(UNEXPANDED, piece.start, piece.end)
        else:
            self.pieces.append(piece)

    def _take(self, reading: Reading, start: int, stop: int) -> None:
        self.pieces += [Piece(text, start, stop, depth) for text, depth in reading.texts]
        for kind in reading.opaque:
            sealed = kind == BINARY and self._texts.is_reasoning(start)
            self.unread(REASONING if sealed else kind, start, stop)


def _tells(reading: Reading) -> bool:
    """Is it more than bytes without a form?"""
    return bool(reading.texts) or bool(reading.opaque.keys() - {BINARY})


def _apart(run: bytes) -> Iterator[tuple[int, int]]:
    """Yield the parts of a run; of an archive it is what stands below its own lines."""
    packed = expansion(base64_bytes(run[:HEAD_BYTES]))
    below = lines.parts(run) if b"\n" in run else ()
    yield from (span for span in below if span[0] or not packed)
    for first, last in below or [(0, len(run))]:
        if first or not packed:
            inner = lines.segments(run[first:last])
            yield from ((first + begin, first + close) for begin, close in inner)


def _is_noise(run: bytes) -> bool:
    """Is it short, and noise wherever it begins?"""
    if len(run) > HEAD_BYTES:
        return False
    return all(is_noise(base64_bytes(run, offset)) for offset in offsets(run))


def _likely(run: bytes) -> tuple[int, ...]:
    """Return where in the run to begin; of a long one, where its head tells something."""
    if len(run) <= HEAD_BYTES:
        return offsets(run)
    for offset in offsets(run):
        head = Reading(Budget())
        head.read(base64_bytes(run[:HEAD_BYTES], offset), 0)
        if _tells(head):
            return (offset,)
    return (0,)


def _is_public(data: bytes) -> bool:
    """Is it a key or certificate that is meant to be seen?"""
    if len(data) > PUBLIC_BYTES_MAX:
        return False
    return data.startswith(_PUBLIC) or (data[:2], data[4:6]) == _CERTIFICATE
