"""One compiled set of patterns, run over a whole buffer in one call of Vectorscan."""

from collections.abc import Callable, Sequence

import hyperscan

IDLE_SCRATCHES_MAX = 8
# WHY: texts full of matches are known for what they are by the first of them.
EARLY_MATCHES = (1_280, 4_096, 8_193)

# A match: where it ends, which pattern, and where it begins (0 unless compiled `with_starts`).
Match = tuple[int, int, int]
# Says of the first matches, in order, that no further ones are needed.
Enough = Callable[[list[Match]], bool]


def engine() -> str:
    """Return the engine's version and the processor features that it compiles for."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=[b"x"], ids=[0], elements=1, flags=0)
    return f"{getattr(hyperscan, '__version__', '')} {database.info()!r}"


def compiled(patterns: Sequence[bytes], *, with_starts: bool = False) -> bytes:
    """Return the compiled and serialised database.

    Every match is reported, not the first of each pattern alone: an example in front must not
    hide a real one. `with_starts` is for patterns of bounded width.
    """
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_SOM_LEFTMOST if with_starts else 0
    ids = list(range(len(patterns)))
    database.compile(expressions=list(patterns), ids=ids, elements=len(patterns), flags=flags)
    return hyperscan.dumpb(database)


class Matcher:
    """Finds patterns in buffers. One matcher serves several threads.

    `database` must come from `compiled` on this machine: the engine does not survive a forged one.
    """

    __slots__ = ("_database", "_idle")

    def __init__(self, database: bytes) -> None:
        self._database = hyperscan.loadb(database, hyperscan.HS_MODE_BLOCK)
        self._database.scratch = hyperscan.Scratch(self._database)
        self._idle: list[hyperscan.Scratch] = []

    def matches(
        self, buffer: bytes, most: int, enough: Enough | None = None
    ) -> tuple[list[Match], bool]:
        """Return the matches in order, and whether there were `most` or more.

        `enough` is asked of the first EARLY_MATCHES: when they are, they are all that is returned.
        Releases the GIL while matching.
        """
        found: list[Match] = []

        def on_match(rule: int, start: int, end: int, _flags: int, _context: object) -> bool:
            found.append((end, rule, start))
            count = len(found)
            if count in EARLY_MATCHES and enough is not None and enough(sorted(found)):
                return True
            return count >= most

        scratch = self._scratch()
        try:
            self._database.scan(buffer, on_match, scratch=scratch)
        except hyperscan.ScanTerminated:
            return sorted(found), True
        finally:
            if len(self._idle) < IDLE_SCRATCHES_MAX:
                self._idle.append(scratch)
        return sorted(found), False

    def _scratch(self) -> hyperscan.Scratch:
        # WHY: a scratch serves one scan at a time; list.pop and list.append are atomic.
        try:
            return self._idle.pop()
        except IndexError:
            return self._database.scratch.clone()
