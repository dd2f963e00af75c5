"""The page about clients says what the tests do with them."""

import re
from pathlib import Path

import msgspec
import pytest

from tests.clients.drivers import HERE, KNOWN, Client, Errand
from tests.clients.libraries import LIBRARIES, SCRIPTS

TOP = HERE.parents[1]
PAGE = (TOP / "docs" / "clients.md").read_text()
DRIVEN = {
    "tests/clients/test_clients.py": {str(one) for one in KNOWN},
    "tests/clients/test_libraries.py": {str(one) for one in LIBRARIES},
}
# Everything that was ever measured, or asked for by name.
ROWS = """
    Claude Code; Claude Code via Bedrock; Claude Code via Vertex; Codex; Codex, built-in
    provider; Codex --oss; opencode; opencode, anthropic provider; Qwen Code; Gemini CLI;
    Continue cn; Cline CLI; aider; aider, anthropic; openai for Python; openai for Node;
    anthropic for Python; anthropic for Node; AnthropicBedrock; AnthropicVertex; google-genai;
    boto3; ollama for Python; langchain-openai; langchain-anthropic; litellm; llm;
    llm-anthropic; openai-agents; pydantic-ai; smolagents; instructor; AI SDK openai-compatible;
    AI SDK openai; AI SDK anthropic; AI SDK google; AI SDK amazon-bedrock;
    Continue, Cline for editors; Copilot, a key of one's own; Cursor; goose, crush
"""


def rows() -> dict[str, tuple[str, str]]:
    """Return, by client, the test and who it is there."""
    table = PAGE.partition("| client | version | speaks | test | as |\n")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[1:]]
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)|`", r"\1", row[0]) for row in cells]
    return {name: (row[3].strip("`"), row[4]) for name, row in zip(plain, cells, strict=True)}


def test_every_client_has_a_row() -> None:
    assert list(rows()) == [" ".join(one.split()) for one in ROWS.split(";")]


@pytest.mark.parametrize("client", rows())
def test_a_row_names_a_test_that_is_there_or_says_why_there_is_none(client: str) -> None:
    path, who = rows()[client]
    if path == "none":
        assert who
        return
    assert (TOP / path).is_file()
    named = set(re.findall(r"`([^`]+)`", who))
    assert named <= DRIVEN.get(path, set())
    assert named or path not in DRIVEN


def test_every_driven_client_stands_in_a_row() -> None:
    named = {one for _, who in rows().values() for one in re.findall(r"`([^`]+)`", who)}
    assert set.union(*DRIVEN.values()) - named == set()


def test_every_library_stands_there_at_the_version_that_is_installed() -> None:
    node = msgspec.json.decode((SCRIPTS / "package.json").read_bytes())["dependencies"]
    assert [pin for pin in node.values() if pin not in PAGE] == []
    pins = "".join((SCRIPTS / f"{name}.txt").read_text() for name in ("current", "litellm", "llm"))
    told = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if "test_libraries" in line]
    wrong = []
    for name, version, *_ in (row for row in told if len(row) > 2):
        found = re.search(rf"^{re.escape(name.split()[0])}==(\S+)", pins, re.MULTILINE)
        if found and "Node" not in name and f"{name.split()[0]}=={version}" not in pins:
            wrong.append(name)
    assert wrong == []


@pytest.mark.parametrize("client", KNOWN, ids=str)
def test_every_variable_that_a_driven_client_is_given_stands_there(
    tmp_path: Path, client: Client
) -> None:
    call = client.call(Errand(tmp_path, "http://gateway:8080", "pmt_", "code", "prompt"))
    assert [name for name in call.environment if name not in PAGE] == []


def test_every_driven_version_stands_there() -> None:
    pins = msgspec.json.decode((HERE / "package.json").read_bytes())["dependencies"]
    aider = (HERE / "requirements.txt").read_text().partition("aider-chat==")[2].split()[0]
    assert [pin for pin in (*pins.values(), aider) if pin not in PAGE] == []
