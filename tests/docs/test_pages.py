"""What every page holds: links that lead somewhere, and commands that there are."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli import parsed
from gateway.domain.approval import Action

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_NO_ANCHOR = re.compile(r"[^\w\- ]")
_ENDS = frozenset({"|", "||", "&", "&&", "<", ">", ";"})

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def _prose(page: Path) -> str:
    return _BLOCK.sub("", page.read_text())


def _anchors(page: Path) -> set[str]:
    """The names of a page's headings, as the host of the pages makes them."""
    heads = (_LINK.sub("", head).lower() for head in _HEADING.findall(_prose(page)))
    return {_NO_ANCHOR.sub("", head.strip()).replace(" ", "-") for head in heads}


def _broken(page: Path) -> Iterator[str]:
    for link in _LINK.findall(_prose(page)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            yield link


def _commands(page: Path) -> Iterator[list[str]]:
    """The words of each command that a page shows and no test runs, up to a pipe or the like."""
    for kind, block in _BLOCK.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines() if kind == "console" else ():
            told = line.removeprefix("$ ").strip()
            if not re.match(r"(\.venv/bin/)?perimeter ", told):
                continue
            lexer = shlex.shlex(told, posix=True, punctuation_chars=True)
            lexer.wordchars += "$:+@,.~/*?=-{}#"
            words = list(lexer)
            yield words[1 : next((i for i, one in enumerate(words) if one in _ENDS), len(words))]


@pages
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert list(_broken(page)) == []


@pages
def test_every_command_that_a_page_shows_is_one_of_ours(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in _commands(page):
        try:
            parsed(words)
        except SystemExit:
            pytest.fail(f"{words}: {capsys.readouterr().err}")


def test_commands_are_found_and_a_wrong_one_is_none() -> None:
    assert sum(len(list(_commands(page))) for page in PAGES) > 40
    for wrong in (["zone", "open"], ["verify"], ["hold", "set", "--forever"]):
        with pytest.raises(SystemExit):
            parsed(wrong)


def test_readme_leads_to_every_page() -> None:
    linked = set(_LINK.findall(_prose(ROOT / "README.md")))
    pages = {str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")}
    assert pages - linked == set()


@pytest.mark.parametrize("name", ["approvals", "roles"])
def test_what_a_person_may_sign_stands_on_the_pages_that_say_who_does(name: str) -> None:
    page = (ROOT / "docs" / f"{name}.md").read_text()
    assert [action for action in Action if f"`{action.value}`" not in page] == []
