"""Ids for the records that the ledger writes of its own accord."""

import os

_CHANCE_BYTES = 10


def record_id(now_us: int) -> str:
    """Return a UUIDv7 of that time as text."""
    chance = int.from_bytes(os.urandom(_CHANCE_BYTES))
    number = (now_us // 1000) << 80 | chance
    number = number & ~(0xF << 76) | 7 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
