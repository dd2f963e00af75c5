"""How each client is pointed at a gateway: its files, its environment and its command.

Nothing is taken from the environment of the test; every switch that keeps a client from talking to
somebody else is the one of docs/clients.md.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

HERE = Path(__file__).resolve().parent
PLACE = HERE.parents[1] / ".cache" / "clients"
NODE = PLACE / "node_modules" / ".bin"
PYTHON = PLACE / "python" / "bin"


class Errand(Struct, frozen=True):
    """One call of a client: a home that is thrown away, the gateway, and what to ask of whom."""

    home: Path
    url: str
    key: str
    model: str
    prompt: str = ""

    @property
    def work(self) -> Path:
        return self.home / "work"

    def leave(self, path: str, text: str) -> Path:
        """Write a file below the home."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


class Call(Struct, frozen=True):
    """A command, and the environment that it needs besides a home."""

    command: list[str]
    environment: dict[str, str] = {}


class Client(Struct, frozen=True):
    """A client: how it is called, the surface that it speaks to, and how it works.

    `requests_max` are the requests of a turn that is refused, 0 for a client that tries again and
    again; `reads` says that it has a tool that reads files.
    """

    name: str
    call: Callable[[Errand], Call]
    surface: str
    requests_max: int = 1
    reads: bool = True

    def __str__(self) -> str:
        return self.name


def claude_code(errand: Errand) -> Call:
    environment = {
        "ANTHROPIC_BASE_URL": errand.url,
        "ANTHROPIC_AUTH_TOKEN": errand.key,
        "ANTHROPIC_MODEL": errand.model,
        "ANTHROPIC_SMALL_FAST_MODEL": errand.model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    return Call([str(NODE / "claude"), "-p", errand.prompt], environment)


CODEX = """
model = "{model}"
model_provider = "perimeter"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.perimeter]
name = "Perimeter"
base_url = "{url}/v1"
env_key = "PERIMETER_KEY"
wire_api = "responses"
"""
CODEX_BUILT_IN = """
model = "{model}"
openai_base_url = "{url}/v1"
check_for_update_on_startup = false
[analytics]
enabled = false
"""
CODEX_EXEC = (
    "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox",
)  # fmt: skip


def codex(errand: Errand) -> Call:
    errand.leave(".codex/config.toml", CODEX.format(model=errand.model, url=errand.url))
    command = [str(NODE / "codex"), *CODEX_EXEC, errand.prompt]
    return Call(command, {"PERIMETER_KEY": errand.key})


def codex_built_in(errand: Errand) -> Call:
    errand.leave(".codex/config.toml", CODEX_BUILT_IN.format(model=errand.model, url=errand.url))
    command = [str(NODE / "codex"), *CODEX_EXEC, errand.prompt]
    return Call(command, {"CODEX_API_KEY": errand.key})


def codex_oss(errand: Errand) -> Call:
    """It sends no key at all."""
    errand.leave(".codex/config.toml", CODEX_BUILT_IN.format(model=errand.model, url=errand.url))
    local = ["--oss", "--local-provider", "ollama", "-m", errand.model]
    command = [str(NODE / "codex"), *CODEX_EXEC, *local, errand.prompt]
    return Call(command, {"CODEX_OSS_BASE_URL": f"{errand.url}/v1"})


OPENCODE_QUIET = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
}


def opencode(errand: Errand) -> Call:
    options = {"baseURL": f"{errand.url}/v1", "apiKey": errand.key}
    return _opencode(errand, "perimeter", {"npm": "@ai-sdk/openai-compatible", "options": options})


def opencode_anthropic(errand: Errand) -> Call:
    options = {"baseURL": f"{errand.url}/v1", "apiKey": errand.key}
    return _opencode(errand, "anthropic", {"options": options})


def _opencode(errand: Errand, name: str, provider: dict[str, object]) -> Call:
    settings = {
        "autoupdate": False,
        "share": "disabled",
        "provider": {name: {**provider, "models": {errand.model: {}}}},
    }
    errand.leave("work/opencode.json", msgspec.json.encode(settings).decode())
    command = [str(NODE / "opencode"), "run", "-m", f"{name}/{errand.model}", errand.prompt]
    return Call(command, OPENCODE_QUIET)


def qwen_code(errand: Errand) -> Call:
    errand.leave(".qwen/settings.json", '{"privacy": {"usageStatisticsEnabled": false}}')
    environment = {
        "OPENAI_BASE_URL": f"{errand.url}/v1",
        "OPENAI_API_KEY": errand.key,
        "OPENAI_MODEL": errand.model,
    }
    command = [str(NODE / "qwen"), "--auth-type", "openai", "--yolo", "-p", errand.prompt]
    return Call(command, environment)


CONTINUE = """
name: perimeter
version: 1.0.0
schema: v1
models:
  - name: code
    provider: {provider}
    model: {model}
    apiBase: {base}
    apiKey: {key}
    requestOptions: {{headers: {{authorization: Bearer {key}}}}}
    roles: [chat, edit]
"""


def continue_cn(errand: Errand) -> Call:
    return _continue(errand, "openai", f"{errand.url}/v1")


def continue_ollama(errand: Errand) -> Call:
    """Its provider for Ollama speaks OpenAI's dialect."""
    return _continue(errand, "ollama", errand.url)


def _continue(errand: Errand, provider: str, base: str) -> Call:
    settings = CONTINUE.format(provider=provider, model=errand.model, base=base, key=errand.key)
    file = errand.leave("config.yaml", settings)
    command = [str(NODE / "cn"), "--config", str(file), "-p", errand.prompt]
    return Call(command, {"CONTINUE_CLI_ENABLE_TELEMETRY": "0"})


AIDER_WORDS = (
    "--no-git", "--yes-always", "--no-check-update", "--analytics-disable", "--no-pretty",
    "--no-show-model-warnings",
)  # fmt: skip


def aider(errand: Errand) -> Call:
    environment = {"OPENAI_API_BASE": f"{errand.url}/v1", "OPENAI_API_KEY": errand.key}
    return _aider(errand, f"openai/{errand.model}", environment)


def aider_ollama(errand: Errand) -> Call:
    environment = {"OLLAMA_API_BASE": errand.url, "OLLAMA_API_KEY": errand.key}
    return _aider(errand, f"ollama_chat/{errand.model}", environment)


def _aider(errand: Errand, model: str, environment: dict[str, str]) -> Call:
    """It has no tools: a file that it is given stands in the prompt."""
    models = ["--model", model, "--weak-model", model]
    command = [str(PYTHON / "aider"), *AIDER_WORDS, *models, "--message", errand.prompt, "note.txt"]
    return Call(command, {**environment, "LITELLM_LOCAL_MODEL_COST_MAP": "True"})


CLAUDE_CODE = Client("claude-code", claude_code, "messages")
CODEX_OWN = Client("codex", codex, "responses")
CODEX_OSS = Client("codex-oss", codex_oss, "responses")
CLIENTS = [
    CLAUDE_CODE,
    CODEX_OWN,
    Client("codex-built-in", codex_built_in, "responses"),
    Client("opencode", opencode, "chat_completions", requests_max=2),
    Client("opencode-anthropic", opencode_anthropic, "messages", requests_max=2),
    Client("qwen-code", qwen_code, "chat_completions"),
    Client("continue", continue_cn, "chat_completions"),
    Client("continue-ollama", continue_ollama, "chat_completions"),
    Client("aider", aider, "chat_completions", reads=False),
    # WHY: litellm tells aider of every error of an Ollama server that it may try again.
    Client("aider-ollama", aider_ollama, "ollama_chat", requests_max=0, reads=False),
]
