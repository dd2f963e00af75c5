"""Somebody who may ask and approve."""

from msgspec import Struct

from gateway.domain.approval import Action


class Person(Struct, frozen=True):
    """A name that no record repeats, the raw Ed25519 public key, and what it may sign."""

    name: str
    key: bytes
    may: frozenset[Action]
