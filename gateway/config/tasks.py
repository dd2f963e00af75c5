"""Reading `tasks.yaml`: a name for one model, or for a list in order of preference."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from gateway.config.decode import decode
from gateway.config.files import escape
from gateway.config.fleet_files import TASKS_MAX, TaskEntries, TasksFile
from gateway.config.nearest import nearest
from gateway.domain.document import Document
from gateway.domain.errors import Problem

T = TypeVar("T")
RESERVED = frozenset({"answer_to", "budgets", "models", "pipelines", "strategies", "tasks"})


class Names(Struct, frozen=True):
    """Every name that a task may use, as written in the catalogue.

    `aliases` lead to models, `wires` (`backend:wire_model`) to offerings as (model, backend).
    """

    models: frozenset[str]
    aliases: dict[str, str]
    wires: dict[str, tuple[str, str]]
    backends: frozenset[str]

    def meaning(self, name: str) -> tuple[str, str] | None:
        """Return model and backend ("" for any) that a name stands for; None if it has none."""
        model = self.aliases.get(name, name)
        if model in self.models:
            return model, ""
        return self.wires.get(name)

    @property
    def all(self) -> tuple[str, ...]:
        """Every name."""
        return (*self.models, *self.aliases, *self.wires)


def names_in(document: Document, backends: frozenset[str]) -> Names:
    """Collect names from a catalogue that may itself be wrong in other places.

    WHY: a model with a wrong price still has a name; tasks that use it are not wrong as well.
    """
    models = _map(document.value).get("models")
    aliases: dict[str, str] = {}
    wires: dict[str, tuple[str, str]] = {}
    for model, entry in _map(models).items():
        aliases |= dict.fromkeys(_list(_map(entry).get("aliases"), str), model)
        for offering in _list(_map(entry).get("offerings"), dict):
            backend, wire_model = offering.get("backend"), offering.get("wire_model")
            if isinstance(backend, str) and isinstance(wire_model, str):
                wires[f"{backend}:{wire_model}"] = (model, backend)
    return Names(frozenset(_map(models)), aliases, wires, backends)


def read_tasks(
    document: Document, names: Names, problems: list[Problem]
) -> dict[str, tuple[str, ...]]:
    """Return the tasks whose form is right, by name; every problem is added."""
    value = _map(document.value)
    problems += [_reserved(document, name) for name in value if name in RESERVED]
    own = {name: entries for name, entries in value.items() if name not in RESERVED}
    if len(own) > TASKS_MAX:
        problems.append(document.problem("", f"must have at most {TASKS_MAX} tasks"))
        return {}
    tasks = _decoded(replace(document, value=own), problems)
    for task, entries in tasks.items():
        problems += _name_complaints(task, names, document)
        for at, entry in _placed(task, entries):
            if names.meaning(entry) is None:
                problems.append(_unknown(at, entry, names, tasks, document))
        problems += _repeats(task, entries, names, document)
    return {task: _as_list(entries) for task, entries in tasks.items()}


def _decoded(document: Document, problems: list[Problem]) -> TasksFile:
    whole = decode(document, TasksFile, problems)
    if whole is not None:
        return whole
    found: TasksFile = {}
    for name, entries in document.value.items():
        found |= decode(replace(document, value={name: entries}), TasksFile, []) or {}
    return found


def _as_list(entries: TaskEntries) -> tuple[str, ...]:
    return (entries,) if isinstance(entries, str) else entries


def _placed(task: str, entries: TaskEntries) -> Iterator[tuple[str, str]]:
    """Yield pointer and name of each entry."""
    at = f"/{escape(task)}"
    if isinstance(entries, str):
        yield at, entries
    else:
        yield from ((f"{at}/{number}", entry) for number, entry in enumerate(entries))


def _reserved(document: Document, name: str) -> Problem:
    hint = "a task stands at the top of this file: plan: claude-opus" if name == "tasks" else ""
    return document.problem(f"/{name}", f"unknown key `{name}`", hint)


def _name_complaints(task: str, names: Names, document: Document) -> Iterator[Problem]:
    at = f"/{escape(task)}"
    if task in names.models:
        yield document.problem(at, "is the name of a model")
    if task in names.aliases:
        yield document.problem(at, "is the name of an alias of a model")


def _unknown(at: str, entry: str, names: Names, tasks: TasksFile, document: Document) -> Problem:
    if entry in tasks:
        return document.problem(at, "names a task; a task lists models", "write its models out")
    head, colon, _ = entry.partition(":")
    if colon and head in names.backends:
        listed = [wire for wire in names.wires if wire.startswith(f"{head}:")]
        what = f"the catalogue lists no such offering at `{head}`"
        return document.problem(at, what, _nearest(entry, listed or names.all))
    what = "is no model, no alias and no backend:model of the catalogue"
    return document.problem(at, what, _nearest(entry, names.all))


def _nearest(entry: str, known: Iterable[str]) -> str:
    near = nearest(entry, known, likeness_min=0.0)
    return f"the nearest is `{near}`" if near else ""


def _repeats(
    task: str, entries: TaskEntries, names: Names, document: Document
) -> Iterator[Problem]:
    seen: dict[tuple[str, str], str] = {}
    for at, entry in _placed(task, entries):
        meaning = names.meaning(entry)
        if meaning is not None and meaning in seen:
            yield document.problem(at, f"is the same as `{seen[meaning]}` before it")
        if meaning is not None:
            seen.setdefault(meaning, entry)


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object, kind: type[T]) -> list[T]:
    return (
        [member for member in value if isinstance(member, kind)] if isinstance(value, list) else []
    )
