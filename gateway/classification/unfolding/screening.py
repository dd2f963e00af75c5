"""Which of many short words are noise in base64, all words of one length at a time.

WHY: a megabyte holds thirty thousand words that are base64 by their letters, and to decode and
judge each of them would cost more than all the rest of a scan. The bytes at one place of all words
are one string here, and what is known of them one long number: a byte for each word.
"""

import binascii
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import compress, pairwise
from operator import or_, sub

from gateway.classification.unfolding.decoding import BASE64, OFFSETS_LOOKED_MAX
from gateway.classification.unfolding.reading import CONTROLS, MOSTLY, PRINTED, TELLING_BYTES

WORDS_MIN = 64
WORD_BYTES_MAX = 128

_QUAD, _TRIPLE = 4, 3
_FTYP_AT = 4
_CUT_OFF = 3
_STANDARD = bytes.maketrans(b"-_", b"+/")
_APART = b"+/-_"

# What a byte may be, one bit each.
_CONTROL, _TELLING, _F, _ASCII, _INNER, _LEAD, _NUL, _SIGN = range(8)
_BITS = (
    (_CONTROL, CONTROLS),
    (_TELLING, TELLING_BYTES),
    (_F, b"f"),
    (_ASCII, range(0x80)),
    (_INNER, range(0x80, 0xC0)),
    (_LEAD, range(0xC0, 0x100)),
    # WHY: where there is a NUL, it may be UTF-16.
    (_NUL, b"\0"),
    # WHY: begins the sign for what could not be decoded, which may stand in a text.
    (_SIGN, b"\xef"),
)


def _marks(members: Iterable[int]) -> bytes:
    """Return the table that makes 1 of these bytes and 0 of others."""
    chosen = frozenset(members)
    return bytes(int(one in chosen) for one in range(256))


_KINDS = bytes(sum((one in members) << bit for bit, members in _BITS) for one in range(256))
_IS_PRINTED = _marks(PRINTED)
_IS_APART = _marks(_APART)


def noisy(buffer: bytes, starts: Sequence[int], stops: Sequence[int]) -> Iterator[int]:
    """Yield where words begin that are surely noise, wherever in them base64 begins.

    What is noise is what `is_noise` says; of words that are not yielded nothing is said.
    """
    by_size: dict[int, list[int]] = {}
    for start, size in zip(starts, map(sub, stops, starts), strict=True):
        if size in by_size:
            by_size[size].append(start)
        elif size <= WORD_BYTES_MAX:
            by_size[size] = [start]
    for size, begins in by_size.items():
        if len(begins) >= WORDS_MIN:
            words = [buffer[begin : begin + size] for begin in begins]
            noise = _noise(words, size).to_bytes(len(words), "little")
            yield from compress(begins, noise)


def noiseless(buffer: bytes, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans without those that are surely noise; several may begin at one place."""
    noise: set[tuple[int, int]] = set()
    left = spans
    while left:
        ends = dict(left)
        noise |= {(start, ends[start]) for start in noisy(buffer, [*ends], [*ends.values()])}
        left = [span for span in left if ends[span[0]] != span[1]]
    return [span for span in spans if span not in noise]


def _noise(words: list[bytes], size: int) -> int:
    """Return the words that are noise from each offset at which base64 may begin in them."""
    letters = b"".join(words)
    if letters.translate(None, BASE64):
        # A line break or a sign of padding inside of a word: each is looked at by itself.
        return 0
    noise = _noise_from(words, 0)
    if len(letters.translate(None, _APART)) == len(letters):
        return noise
    apart = letters.translate(_IS_APART)
    every = _every(words)
    for offset in range(1, _QUAD):
        begins = 0
        for at in range(offset - 1, min(size, OFFSETS_LOOKED_MAX), _QUAD):
            begins |= int.from_bytes(apart[at::size], "little")
        if begins & noise:
            noise &= _noise_from(words, offset) | (every ^ begins)
    return noise


def _noise_from(words: list[bytes], offset: int) -> int:
    """Return the words that are noise where base64 begins at that letter."""
    size = len(words[0]) - offset
    size -= size % _QUAD == 1
    fill = b"A" * (-size % _QUAD)
    letters = fill.join([word[offset : offset + size] for word in words]) + fill
    data = binascii.a2b_base64(letters.translate(_STANDARD))
    stride = (size + len(fill)) // _QUAD * _TRIPLE
    length = size * _TRIPLE // _QUAD
    every = _every(words)
    kinds = _columns(data.translate(_KINDS), stride, length)
    seen = reduce(or_, kinds)
    noise = (seen >> _CONTROL) | _broken(kinds, every)
    noise &= ~((seen >> _NUL) | (kinds[0] >> _TELLING) | (kinds[_FTYP_AT] >> _F))
    printed = sum(_columns(data.translate(_IS_PRINTED), stride, length))
    few = bytes(int(count < MOSTLY * length) for count in range(256))
    counts = printed.to_bytes(len(words), "little")
    return noise & every & int.from_bytes(counts.translate(few), "little")


def _broken(kinds: list[int], every: int) -> int:
    """Return the words that are surely no UTF-8, also none that is cut off at its end."""
    broken = sign = 0
    for at, (one, other) in enumerate(pairwise(kinds)):
        inner = other >> _INNER
        sign |= (one >> _SIGN) & inner
        if at + 1 < len(kinds) - _CUT_OFF:
            broken |= ((one >> _ASCII) & inner) | ((one >> _LEAD) & (inner ^ every))
    return broken & ~sign


def _columns(marks: bytes, stride: int, length: int) -> list[int]:
    """Return the marks at each place of all words, a byte for each word."""
    return [int.from_bytes(marks[at::stride], "little") for at in range(length)]


def _every(words: list[bytes]) -> int:
    return int.from_bytes(b"\1" * len(words), "little")
