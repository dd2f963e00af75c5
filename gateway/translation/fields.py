"""Strict looks into a body: the right type, or Malformed naming the field."""

from typing import Any

from gateway.domain.errors import Malformed

Object = dict[str, Any]


def text(holder: Object, name: str, path: str = "") -> str | None:
    """Return the string of that name, None when absent or null."""
    value = holder.get(name)
    if value is None or isinstance(value, str):
        return value
    raise Malformed(f"{path}{name} must be a string.")


def flag(holder: Object, name: str, path: str = "") -> bool | None:
    """Return the boolean of that name, None when absent or null."""
    value = holder.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise Malformed(f"{path}{name} must be true or false.")


def integer(holder: Object, name: str) -> int | None:
    """Return the integer of that name, None when absent or null; true is no integer."""
    value = holder.get(name)
    if value is None or type(value) is int:
        return value
    raise Malformed(f"{name} must be an integer.")


def positive(holder: Object, name: str) -> int | None:
    """Return the integer of that name, which must be 1 or more."""
    value = integer(holder, name)
    if value is not None and value < 1:
        raise Malformed(f"{name} must be 1 or more.")
    return value


def number(holder: Object, name: str) -> float | None:
    """Return the number of that name as a float, None when absent or null."""
    value = holder.get(name)
    if value is None:
        return None
    if type(value) is int or type(value) is float:
        return float(value)
    raise Malformed(f"{name} must be a number.")


def record(holder: Object, name: str, path: str = "") -> Object | None:
    """Return the object of that name, None when absent or null."""
    value = holder.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise Malformed(f"{path}{name} must be an object.")


def records(holder: Object, name: str, path: str = "") -> list[Object]:
    """Return the list of objects of that name, empty when absent or null."""
    value = holder.get(name)
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise Malformed(f"{path}{name} must be a list of objects.")


def required(value: str | None, path: str) -> str:
    """Return that string; Malformed when it is absent or empty."""
    if not value:
        raise Malformed(f"{path} is required.")
    return value


def named(holder: Object, name: str, path: str = "") -> str:
    """Return the string of that name; Malformed when it is absent or empty."""
    return required(text(holder, name, path), f"{path}{name}")
