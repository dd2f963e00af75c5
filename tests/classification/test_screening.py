"""Of many words at once nothing else is said than of each by itself."""

import base64
import re
from itertools import accumulate
from random import Random

import pytest

from gateway.classification.unfolding import runs, unfolder
from gateway.classification.unfolding.reading import TELLING_BYTES
from gateway.classification.unfolding.screening import WORDS_MIN, noisy
from tests.doubles.dice import dice

RUN = re.compile(rb"[A-Za-z0-9+/_-]{24,}[^A-Za-z0-9+/_-]")


def screened(words: list[bytes]) -> set[bytes]:
    """Return the words that are noise by all of them together."""
    starts = list(accumulate((len(word) + 1 for word in words), initial=0))[:-1]
    stops = [start + len(word) for start, word in zip(starts, words, strict=True)]
    noise = {*noisy(b" ".join(words), starts, stops)}
    return {word for word, at in zip(words, starts, strict=True) if at in noise}


def _telling(chance: Random, size: int) -> bytes:
    return bytes((chance.choice((*TELLING_BYTES, 0x41)),)) + chance.randbytes(size - 1)


def _media(chance: Random, size: int) -> bytes:
    return chance.randbytes(4) + b"ftyp" + chance.randbytes(size - 8)


def _script(chance: Random, size: int) -> bytes:
    return "".join(chance.choices("A\u0416\u4e16", k=size)).encode()[:size]


def _words(chance: Random, size: int) -> bytes:
    return bytes(
        chance.choice((*b"some words of a text", *chance.randbytes(9))) for _ in range(size)
    )


def _nothing(chance: Random, size: int) -> bytes:
    return chance.randbytes(size // 2) + b"\0" + chance.randbytes(size - size // 2 - 1)


def _cut_off(chance: Random, size: int) -> bytes:
    return b"a text that ends".ljust(size, b".")[: size - 2] + chance.randbytes(2)


def _high(chance: Random, size: int) -> bytes:
    return bytes(chance.randrange(0xA0, 0x100) for _ in range(size))


def _noise(chance: Random, size: int) -> bytes:
    return chance.randbytes(size)


KINDS = (_telling, _media, _script, _words, _nothing, _cut_off, _high, _noise)


@pytest.mark.parametrize("size", [18, 19, 20, 22, 31])
@pytest.mark.parametrize("apart", [b"", b"x/", b"ab-", b"abc_"])
def test_what_is_noise_among_many_is_noise_by_itself(size: int, apart: bytes) -> None:
    chance = dice(f"screening {size} {apart!r}")
    words = [
        apart
        + base64.b64encode(chance.choice(KINDS)(chance, size), b"-_" if apart else None).rstrip(
            b"="
        )
        for _ in range(600)
    ]
    noise = screened(words)
    assert {word for word in noise if not unfolder._is_noise(word)} == set()
    alone = {word for word in words if unfolder._is_noise(word)}
    assert len(noise) > len(alone) * 0.8 > 50


def test_words_in_which_nothing_stands_apart_are_noise_from_their_beginning() -> None:
    chance = dice("nothing apart")
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    words = [bytes(chance.choices(letters, k=40)) for _ in range(WORDS_MIN)]
    assert WORDS_MIN / 2 < len(screened(words)) == sum(map(unfolder._is_noise, words))


def test_few_words_long_ones_and_others_than_base64_are_left_to_be_judged_one_by_one() -> None:
    chance = dice("left alone")
    words = [base64.b64encode(chance.randbytes(30)) for _ in range(WORDS_MIN)]
    assert screened(words)
    assert not screened(words[1:])
    assert not screened([word * 4 for word in words])
    assert not screened([word[:-1] + b"=" for word in words])


@pytest.mark.parametrize("seed", range(8))
def test_the_runs_of_a_whole_text_are_those_at_its_ends(seed: int) -> None:
    chance = dice(f"runs {seed}")
    letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/-_"
    gaps = (
        b" ",
        b"\n",
        b"\r\n",
        b"= ",
        b"=\n",
        b"\n\xff\n",
        b", ",
        b"\n  ",
        b"\n" + b" " * 70,
        b".",
    )
    parts = [b"\n\xff\n"]
    for _ in range(300):
        size = chance.choice((3, 10, 23, 24, 40, 76, 76, 120))
        parts += [bytes(chance.choices(letters, k=size)), chance.choice(gaps[seed % 3 :])]
    buffer = b"".join((*parts, b"\n\xff\n"))
    ends = [found.end() for found in RUN.finditer(buffer)]
    assert list(zip(*runs.many_joined(buffer), strict=True)) == list(runs.joined(buffer, ends))


def test_a_text_without_runs_has_none() -> None:
    assert runs.many_joined(b"no run, and no line") == ([], [])
