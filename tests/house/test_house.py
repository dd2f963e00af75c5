"""What a linter cannot know: sizes, names, words, and what the project says of itself."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway
from gateway.domain import errors

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "gateway").rglob("*.py"))
TEST_MODULES = sorted((ROOT / "tests").rglob("*.py"))
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
# It goes with every export as one file, so that whoever holds it needs nothing else; it follows the
# shards of a ledger too, so that no exporter can leave one out, and knows the form of every field.
ONE_FILE = ROOT / "gateway/export/verify_bundle.py"
ONE_FILE_LINES_MAX = 1_400
BAD_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "constants",
    "manager",
    "base",
    "core",
    "services",
    "types",
}
BAD_SUFFIXES = ("Manager", "Handler", "Helper", "Service", "Base", "Impl", "Data", "Info")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*MODULES, *TEST_MODULES], ids=_name)
def test_a_module_is_small(path: Path) -> None:
    lines_max = ONE_FILE_LINES_MAX if path == ONE_FILE else MODULE_LINES_MAX
    assert len(path.read_text().splitlines()) <= lines_max


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_function_is_small(path: Path) -> None:
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [_name(path) for path in MODULES if path.stem in BAD_NAMES] == []


def test_no_class_has_a_name_that_says_nothing() -> None:
    named = [
        f"{_name(path)}: {node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name.endswith(BAD_SUFFIXES)
    ]
    assert named == []


def test_every_room_states_its_rules() -> None:
    rooms = [path for path in (ROOT / "gateway").iterdir() if (path / "__init__.py").exists()]
    silent = [
        room.name
        for room in rooms
        if "Rule 1" not in (ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or "")
    ]
    assert silent == []


def test_a_route_is_made_in_one_place() -> None:
    makers = {
        _name(path) for path in MODULES if re.search(r"(?<!\w)Route\((?!Struct)", path.read_text())
    }
    assert makers == {"gateway/routing/plan.py"}


def test_the_public_face_of_the_package_is_its_version() -> None:
    assert gateway.__all__ == ["__version__"]


def _leaves(error: type[Exception]) -> Iterator[type[Exception]]:
    children = error.__subclasses__()
    if not children:
        yield error
    for child in children:
        yield from _leaves(child)


def test_every_error_stands_in_the_table_of_the_docs() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    known = [e.__name__ for e in _leaves(errors.GatewayError) if e.__module__ == errors.__name__]
    missing = [name for name in known if name not in page]
    assert missing == []


def test_every_glossary_word_is_a_type_or_a_module() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text()
    words = re.findall(r"^\| \*\*([A-Z][A-Za-z]+)\*\*", page, re.MULTILINE)
    source = "\n".join(path.read_text() for path in MODULES)
    assert words, "the glossary has no words"
    assert [word for word in words if not re.search(rf"class {word}\b", source)] == []


def test_the_project_names_no_machine_and_no_registry() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    machine = re.compile(
        "/" + "wor" + "k/|/" + "roo" + "t/|pypi" + r"\.org|files\.python" + "hosted"
    )
    found = []
    for name in filter(None, tracked):
        path = ROOT / name
        if not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="ignore")
        if machine.search(text):
            found.append(name)
    assert found == []
