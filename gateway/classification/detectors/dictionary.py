"""Words of a customer's own, kept as keyed hashes: code names, host names, numbers of customers.

Rule 1: a word is never stored, shown or returned; without the node's key a file tells how many
words there are, and how long their first parts are.
Rule 2: words are compared part by part: letters and digits count, in any case, what stands between
them does not.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from gateway.classification.parts import EDGE
from gateway.classification.texts import Hit, Scanned

WORDS_MAX = 100_000
PARTS_MAX = 8
WORD_CHARS_MIN = 3
WORD_CHARS_MAX = 256
FILE_BYTES_MAX = 32 * 1024 * 1024
HASHED_MAX = 16_384
SPOTS_MAX = 16_384
HITS_MAX = 256
_HASH_BYTES = 16
_FIRST_BYTES = 8

_KEPT = b"0123456789abcdefghijklmnopqrstuvwxyz" + bytes(range(0x80, 0x100))
# One pass makes small letters and sets everything else apart.
_APART = bytes(one if one in _KEPT else 0x20 for one in bytes(range(256)).lower())
_EDGED = b" " + EDGE + b" "


class DictionaryError(ValueError):
    """A dictionary cannot be made or used; the message names no word."""


class DictionaryFile(Struct, frozen=True, forbid_unknown_fields=True):
    """What a dictionary file holds: hashes alone.

    `check` is the hash of the name, by which a key that did not make the file is noticed.
    `sizes` are the bytes of first parts, `wide` says that some are not ASCII, `parts` the numbers
    of parts of a word. `firsts` and `words` are hashes in hex, one after the other.
    """

    version: Literal[1]
    name: str
    check: str
    sizes: tuple[int, ...]
    wide: bool
    parts: tuple[int, ...]
    firsts: str
    words: str


class Dictionary(Struct, frozen=True):
    """One dictionary, ready for a scan."""

    name: str
    sizes: frozenset[int]
    wide: bool
    parts: tuple[int, ...]
    firsts: frozenset[bytes]
    words: frozenset[bytes]

    def __repr__(self) -> str:
        """Return the name and the number of words."""
        return f"Dictionary({self.name}, {len(self.words)} words)"


def make_dictionary(name: str, words: Iterable[str], key: bytes) -> bytes:
    """Return the file for these words; DictionaryError names the line of one that cannot be used.

    Empty lines and lines that begin with `#` are left out.
    """
    firsts: set[bytes] = set()
    hashes: set[bytes] = set()
    sizes: set[int] = set()
    counts: set[int] = set()
    wide = False
    for line, text in enumerate(words, start=1):
        word = text.strip()
        if not word or word.startswith("#"):
            continue
        parts = _parts(word, line)
        wide = wide or not parts[0].isascii()
        firsts.add(_hash(key, parts[0])[:_FIRST_BYTES])
        hashes.add(_hash(key, b" ".join(parts)))
        sizes.add(len(parts[0]))
        counts.add(len(parts))
    if not 0 < len(hashes) <= WORDS_MAX:
        raise DictionaryError(f"no word, or more than {WORDS_MAX}")
    file = DictionaryFile(
        version=1,
        name=name,
        check=_hash(key, b"\0" + name.encode()).hex(),
        sizes=tuple(sorted(sizes)),
        wide=wide,
        parts=tuple(sorted(counts)),
        firsts=b"".join(sorted(firsts)).hex(),
        words=b"".join(sorted(hashes)).hex(),
    )
    return msgspec.json.format(msgspec.json.encode(file)) + b"\n"


def read_dictionary(content: bytes, key: bytes) -> Dictionary:
    """Return the dictionary of a file; DictionaryError when this key did not make it."""
    if len(content) > FILE_BYTES_MAX:
        raise DictionaryError("the file is too long")
    try:
        file = msgspec.json.decode(content, type=DictionaryFile)
        firsts, words = bytes.fromhex(file.firsts), bytes.fromhex(file.words)
    except (msgspec.DecodeError, ValueError):
        raise DictionaryError("the file is no dictionary") from None
    if file.check != _hash(key, b"\0" + file.name.encode()).hex():
        raise DictionaryError("the file was made with the key of another node")
    return Dictionary(
        name=file.name,
        sizes=frozenset(file.sizes),
        wide=file.wide,
        parts=tuple(sorted(file.parts, reverse=True)),
        firsts=frozenset(_cut(firsts, _FIRST_BYTES)),
        words=frozenset(_cut(words, _HASH_BYTES)),
    )


class DictionaryScanner:
    """Finds the words of dictionaries in joined texts; a hit is called as its dictionary is."""

    name = "dictionary"

    def __init__(self, dictionaries: Sequence[Dictionary], key: bytes) -> None:
        self._dictionaries = tuple(dictionaries)
        self._key = key
        self._sizes = frozenset[int]().union(*(one.sizes for one in dictionaries))
        self._wide = any(one.wide for one in dictionaries)
        self._firsts = frozenset[bytes]().union(*(one.firsts for one in dictionaries))

    def __repr__(self) -> str:
        """Return the number of dictionaries."""
        return f"DictionaryScanner({len(self._dictionaries)} dictionaries)"

    def scan(self, buffer: bytes) -> Scanned:
        """Return the hits in a buffer of joined texts; over a bound it says `truncated`."""
        sizes, wide = self._sizes, self._wide
        different = set(buffer.translate(_APART).split())
        looked = [one for one in different if len(one) in sizes or (wide and not one.isascii())]
        truncated = len(looked) > HASHED_MAX
        begins = {one for one in looked[:HASHED_MAX] if self._begins(one)}
        if not begins:
            return Scanned((), truncated)
        lower = buffer.lower()
        tokens = lower.translate(_APART).replace(EDGE, _EDGED).split()
        hits: list[Hit] = []
        for spots, (at, number) in enumerate(_spots(lower, tokens, begins)):
            if spots >= SPOTS_MAX or len(hits) >= HITS_MAX:
                truncated = True
                break
            hits += self._found(lower, tokens, at, number)
        return Scanned(tuple(hits[:HITS_MAX]), truncated or len(hits) > HITS_MAX)

    def _begins(self, token: bytes) -> bool:
        return _hash(self._key, _folded(token))[:_FIRST_BYTES] in self._firsts

    def _found(self, lower: bytes, tokens: list[bytes], at: int, number: int) -> Iterator[Hit]:
        """Yield the longest word of each dictionary that begins with that token."""
        for dictionary in self._dictionaries:
            for count in dictionary.parts:
                parts = tokens[number : number + count]
                if len(parts) < count or EDGE in parts:
                    continue
                if _hash(self._key, b" ".join(map(_folded, parts))) in dictionary.words:
                    yield Hit(dictionary.name, at, _end(lower, at, parts))
                    break


def _parts(word: str, line: int) -> list[bytes]:
    text = word.casefold().encode().translate(_APART)
    parts = text.split()
    if not WORD_CHARS_MIN <= len(word) <= WORD_CHARS_MAX or len(b"".join(parts)) < WORD_CHARS_MIN:
        raise DictionaryError(f"line {line}: fewer than {WORD_CHARS_MIN} letters, or too many")
    if len(parts) > PARTS_MAX:
        raise DictionaryError(f"line {line}: more than {PARTS_MAX} parts")
    return parts


def _hash(key: bytes, text: bytes) -> bytes:
    return hashlib.blake2b(text, key=key, digest_size=_HASH_BYTES).digest()


def _folded(token: bytes) -> bytes:
    """Return the token as a dictionary spells it."""
    if token.isascii():
        return token
    return token.decode(errors="replace").casefold().encode()


def _cut(joined: bytes, size: int) -> Iterator[bytes]:
    return (joined[at : at + size] for at in range(0, len(joined), size))


def _spots(lower: bytes, tokens: list[bytes], begins: set[bytes]) -> Iterator[tuple[int, int]]:
    """Yield place in the buffer and number of every token that begins a word."""
    at = 0
    for number, token in enumerate(tokens):
        at = lower.find(token, at)
        if token in begins:
            yield at, number
        at += len(token)


def _end(lower: bytes, at: int, parts: list[bytes]) -> int:
    for part in parts:
        at = lower.find(part, at) + len(part)
    return at
