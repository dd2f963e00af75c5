"""Changes by chance to bytes, to lines and to JSON, from a seed: the same in every run."""

import os
from collections.abc import Callable
from typing import Any

import msgspec

from tests.doubles.dice import Dice

# WHY: a few hundred find what is wrong today; whoever changes a verifier asks for many more.
MANY = int(os.environ.get("PERIMETER_MUTATIONS", "60"))
_VALUES: tuple[Any, ...] = (None, True, 0, 1, -1, 1 << 70, "", "x", [], ["x"], {}, {"x": 1})


def flipped(data: bytes, chance: Dice) -> bytes:
    at = chance.randrange(len(data)) if data else 0
    return (
        data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :] if data else b""
    )


def cut(data: bytes, chance: Dice) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def without(data: bytes, chance: Dice) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.randint(1, 40) :]


def doubled(data: bytes, chance: Dice) -> bytes:
    at = chance.randrange(len(data) + 1)
    end = at + chance.randint(1, 40)
    return data[:end] + data[at:]


def with_more(data: bytes, chance: Dice) -> bytes:
    at = chance.choice((0, len(data), chance.randrange(len(data) + 1)))
    more = chance.choice((b"\x00", b"\n", b" ", b"{}", b"\xff", b"\xe2\x80\x94 x y\n", b"0" * 32))
    return data[:at] + more + data[at:]


def lines_changed(data: bytes, chance: Dice) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    how = chance.randrange(4)
    if how == 0:
        del lines[at]
    elif how == 1:
        lines.insert(other, lines[at])
    elif how == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines[at] = json_changed(lines[at], chance)
    return b"".join(lines)


def json_changed(data: bytes, chance: Dice) -> bytes:
    """Change one part of a JSON text; of what is none, one bit."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return flipped(data, chance)
    end = b"\n" if data.endswith(b"\n") else b""
    return msgspec.json.encode(value_changed(value, chance), order="sorted") + end


def value_changed(value: Any, chance: Dice) -> Any:
    """Return plain data of which one part, somewhere, is another, missing or doubled."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        return _mapping(value, chance)
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        inner = ([], [value[at], value[at]], [value_changed(value[at], chance)])
        return [*value[:at], *chance.choice(inner), *value[at + 1 :]]
    return _other(value, chance)


def _mapping(value: dict[str, Any], chance: Dice) -> dict[str, Any]:
    name, how = chance.choice(sorted(value)), chance.random()
    if how < 0.1:
        return {key: one for key, one in value.items() if key != name}
    if how < 0.15:
        return value | {"more": chance.choice(_VALUES)}
    return value | {name: value_changed(value[name], chance)}


def _other(value: Any, chance: Dice) -> Any:
    if isinstance(value, str) and value.startswith("{") and chance.random() < 0.9:
        return json_changed(value.encode(), chance).decode(errors="replace")
    if type(value) is int and chance.random() < 0.6:
        return value + chance.choice((1, -1, 60_000_001, -60_000_001, 3_600_000_000))
    if isinstance(value, str) and value and chance.random() < 0.5:
        return flipped(value.encode(), chance).decode(errors="replace")
    return chance.choice(_VALUES)


Change = Callable[[bytes, Dice], bytes]
OF_BYTES: tuple[Change, ...] = (
    flipped, flipped, cut, without, doubled, with_more, lines_changed, lines_changed, json_changed
)  # fmt: skip
