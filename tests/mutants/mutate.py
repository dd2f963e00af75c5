"""Small changes of a module's functions, each of which some test must notice.

Only bodies of functions are changed: what a module or a class says of itself when it is imported
is not. Text is changed too, but no docstring and no message of an exception.
"""

import ast
from collections.abc import Callable, Container, Iterator
from copy import copy, deepcopy

from msgspec import Struct

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
COMBINED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
SAID = ("decorator_list", "args", "returns", "annotation", "type_params")
CALLED = {"min": "max", "max": "min", "all": "any", "any": "all"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Changed = tuple[str, ast.AST]


class Mutant(Struct, frozen=True):
    """One change: the function, the line, and what was changed; `number` counts in the module."""

    module: str
    function: str
    line: int
    what: str
    number: int

    def __str__(self) -> str:
        """Return where it is and what it is."""
        return f"{self.module}:{self.line} {self.function}: {self.what}"


def _changes(node: ast.AST) -> Iterator[Changed]:
    """Yield what may stand instead of one node."""
    for kind, change in CHANGES:
        if isinstance(node, kind):
            yield from change(node)


def _compared(node: ast.Compare) -> Iterator[Changed]:
    for place, operator in enumerate(node.ops):
        other = copy(node)
        other.ops = list(node.ops)
        other.ops[place] = COMPARED[type(operator)]()
        yield f"{type(operator).__name__} -> {type(other.ops[place]).__name__}", other


def _joined(node: ast.BoolOp) -> Iterator[Changed]:
    other = copy(node)
    other.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield f"{type(node.op).__name__} -> {type(other.op).__name__}", other


def _combined(node: ast.BinOp) -> Iterator[Changed]:
    if type(node.op) in COMBINED:
        other = copy(node)
        other.op = COMBINED[type(node.op)]()
        yield f"{type(node.op).__name__} -> {type(other.op).__name__}", other


def _denied(node: ast.UnaryOp) -> Iterator[Changed]:
    if isinstance(node.op, ast.Not):
        yield "not taken away", copy(node.operand)


def _named(node: ast.Constant) -> Iterator[Changed]:
    if isinstance(node.value, bool):
        yield f"{node.value} -> {not node.value}", ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield f"{node.value} -> {node.value + 1}", ast.Constant(node.value + 1)
    elif isinstance(node.value, str):
        yield f"{node.value[:20]!r} -> another text", ast.Constant(f"XX{node.value}")


def _asked(node: ast.If | ast.IfExp) -> Iterator[Changed]:
    other = copy(node)
    other.test = ast.UnaryOp(ast.Not(), other.test)
    yield "condition turned", other


def _called(node: ast.Call) -> Iterator[Changed]:
    if isinstance(node.func, ast.Name) and node.func.id in CALLED:
        other = copy(node)
        other.func = ast.Name(CALLED[node.func.id], ast.Load())
        yield f"{node.func.id} -> {CALLED[node.func.id]}", other


def _returned(node: ast.Return) -> Iterator[Changed]:
    value = node.value
    if value is not None and not isinstance(value, ast.Constant):
        yield "returns None", ast.Return(ast.Constant(None))


CHANGES: tuple[
    tuple[type[ast.AST] | tuple[type[ast.AST], ...], Callable[..., Iterator[Changed]]], ...
] = (
    (ast.Compare, _compared),
    (ast.BoolOp, _joined),
    (ast.BinOp, _combined),
    (ast.UnaryOp, _denied),
    (ast.Constant, _named),
    ((ast.If, ast.IfExp), _asked),
    (ast.Call, _called),
    (ast.Return, _returned),
)


def count(source: str) -> int:
    """Return how many mutants a module has."""
    functions = _functions(ast.parse(source), "")
    return sum(1 for _, one in functions for node, *_ in _inside(one) for _ in _changes(node))


def mutants(
    module: str, source: str, wanted: Container[int]
) -> Iterator[tuple[Mutant, ast.Module]]:
    """Yield those mutants of a module, each with the whole module as it then is."""
    tree = ast.parse(source)
    number = -1
    for name, function in _functions(tree, ""):
        for node, parent, field, place in _inside(function):
            for what, other in _changes(node):
                number += 1
                if number in wanted:
                    line = getattr(node, "lineno", function.lineno)
                    mutant = Mutant(module, name, line, what, number)
                    yield mutant, _replaced(tree, parent, (field, place), node, other)


def _functions(node: ast.AST, within: str) -> Iterator[tuple[str, Function]]:
    """Yield the functions of a module and of its classes, by qualified name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield f"{within}{child.name}", child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{within}{child.name}.")


Spot = tuple[ast.AST, ast.AST, str, int | None]


def _inside(node: ast.AST) -> Iterator[Spot]:
    """Yield each node of a function's body with its parent, the field there and its place."""
    for field, value in ast.iter_fields(node):
        if field in SAID and isinstance(node, Function | ast.AnnAssign):
            continue
        if isinstance(node, ast.Raise) and field == "exc":
            continue
        for place, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST) and not _is_docstring(child):
                yield child, node, field, place if isinstance(value, list) else None
                yield from _inside(child)


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _replaced(
    tree: ast.Module, parent: ast.AST, at: tuple[str, int | None], old: ast.AST, new: ast.AST
) -> ast.Module:
    """Return a copy of the module with one node replaced."""
    field, place = at
    _put(parent, field, place, ast.copy_location(new, old))
    copied = deepcopy(tree)
    _put(parent, field, place, old)
    return ast.fix_missing_locations(copied)


def _put(parent: ast.AST, field: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[place] = node
