"""How each client is pointed at a gateway: its files, its environment and its command.

Nothing is taken from the environment of the test; every switch that keeps a client from talking to
somebody else is the one of docs/clients.md.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.surfaces.surface import find

HERE = Path(__file__).resolve().parent
PLACE = HERE.parents[1] / ".cache" / "clients"
NODE = PLACE / "node_modules" / ".bin"
PYTHON = PLACE / "python" / "bin"


class Errand(Struct, frozen=True):
    """One call of a client: a home that is thrown away, the gateway, and what to ask of whom.

    `headers` are those that the client is told to add.
    """

    home: Path
    url: str
    key: str
    model: str
    prompt: str = ""
    headers: dict[str, str] = {}

    @property
    def work(self) -> Path:
        return self.home / "work"

    @property
    def header(self) -> str:
        """The headers as they stand in a request."""
        return "\n".join(f"{name}: {text}" for name, text in self.headers.items())

    def leave(self, path: str, text: str) -> Path:
        """Write a file below the home."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


class Call(Struct, frozen=True):
    """A command, the environment that it needs besides a home, and what must be run before it."""

    command: list[str]
    environment: dict[str, str] = {}
    before: list[str] = []


class Client(Struct, frozen=True):
    """A client: how it is called, the path that it asks at, and how it works.

    `requests_max` are the requests of a turn that is refused, 0 for a client that tries again and
    again; `reads` says that it has a tool that reads files, `keyless` that it sends no key, `tells`
    that it can be told to add a header.
    """

    name: str
    call: Callable[[Errand], Call]
    path: str
    requests_max: int = 1
    reads: bool = True
    keyless: bool = False
    tells: bool = True

    def __str__(self) -> str:
        return self.name


CLAUDE_QUIET = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}


def claude_code(errand: Errand) -> Call:
    environment = {"ANTHROPIC_BASE_URL": errand.url, "ANTHROPIC_AUTH_TOKEN": errand.key}
    return _claude_code(errand, environment)


def claude_code_bedrock(errand: Errand) -> Call:
    environment = {
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "CLAUDE_CODE_SKIP_BEDROCK_AUTH": "1",
        "ANTHROPIC_BEDROCK_BASE_URL": errand.url,
        "AWS_REGION": "eu-central-1",
    }
    return _claude_code(errand, environment)


def claude_code_vertex(errand: Errand) -> Call:
    environment = {
        "CLAUDE_CODE_USE_VERTEX": "1",
        "CLAUDE_CODE_SKIP_VERTEX_AUTH": "1",
        "ANTHROPIC_VERTEX_BASE_URL": f"{errand.url}/v1",
        "CLOUD_ML_REGION": "europe-west4",
        "ANTHROPIC_VERTEX_PROJECT_ID": "any",
    }
    return _claude_code(errand, environment)


def _claude_code(errand: Errand, environment: dict[str, str]) -> Call:
    models = {"ANTHROPIC_MODEL": errand.model, "ANTHROPIC_SMALL_FAST_MODEL": errand.model}
    command = [str(NODE / "claude"), "-p", errand.prompt]
    told = {"ANTHROPIC_CUSTOM_HEADERS": errand.header} if errand.headers else {}
    return Call(command, {**environment, **models, **told, **CLAUDE_QUIET})


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
    pairs = ", ".join(f'"{name}" = "{text}"' for name, text in errand.headers.items())
    told = f"http_headers = {{ {pairs} }}\n"
    errand.leave(".codex/config.toml", CODEX.format(model=errand.model, url=errand.url) + told)
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
    return _opencode(errand, "perimeter", {"npm": "@ai-sdk/openai-compatible"})


def opencode_anthropic(errand: Errand) -> Call:
    return _opencode(errand, "anthropic", {})


def _opencode(errand: Errand, name: str, provider: dict[str, object]) -> Call:
    base = {"baseURL": f"{errand.url}/v1", "apiKey": errand.key, "headers": errand.headers}
    settings = {
        "autoupdate": False,
        "share": "disabled",
        "provider": {name: {**provider, "options": base, "models": {errand.model: {}}}},
    }
    errand.leave("work/opencode.json", msgspec.json.encode(settings).decode())
    command = [str(NODE / "opencode"), "run", "-m", f"{name}/{errand.model}", errand.prompt]
    return Call(command, OPENCODE_QUIET)


def qwen_code(errand: Errand) -> Call:
    settings = {
        "privacy": {"usageStatisticsEnabled": False},
        "model": {"generationConfig": {"customHeaders": errand.headers}},
    }
    errand.leave(".qwen/settings.json", msgspec.json.encode(settings).decode())
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
    requestOptions: {{headers: {headers}}}
    roles: [chat, edit]
"""


def continue_cn(errand: Errand) -> Call:
    return _continue(errand, "openai", f"{errand.url}/v1")


def continue_ollama(errand: Errand) -> Call:
    """Its provider for Ollama speaks OpenAI's dialect."""
    return _continue(errand, "ollama", errand.url)


def _continue(errand: Errand, provider: str, base: str) -> Call:
    headers = msgspec.json.encode(errand.headers).decode()
    settings = CONTINUE.format(
        provider=provider, model=errand.model, base=base, key=errand.key, headers=headers
    )
    file = errand.leave("config.yaml", settings)
    command = [str(NODE / "cn"), "--config", str(file), "-p", errand.prompt]
    return Call(command, {"CONTINUE_CLI_ENABLE_TELEMETRY": "0"})


def cline(errand: Errand) -> Call:
    errand.leave(".cline/data/settings/global-settings.json", '{"telemetryOptOut": true}')
    program = str(NODE / "cline")
    auth = [program, "auth", "openai-compatible", "-k", errand.key, "-b", f"{errand.url}/v1"]
    return Call([program, errand.prompt], before=[*auth, "-m", errand.model])


def gemini_cli(errand: Errand) -> Call:
    settings = (
        '{"security": {"auth": {"selectedType": "gemini-api-key"}},'
        ' "privacy": {"usageStatisticsEnabled": false}}'
    )
    errand.leave(".gemini/settings.json", settings)
    environment = {"GOOGLE_GEMINI_BASE_URL": errand.url, "GEMINI_API_KEY": errand.key}
    if errand.headers:
        environment["GEMINI_CLI_CUSTOM_HEADERS"] = errand.header
    words = ["--skip-trust", "--yolo", "-p", errand.prompt]
    return Call([str(NODE / "gemini"), "-m", errand.model, *words], environment)


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


def aider_anthropic(errand: Errand) -> Call:
    environment = {"ANTHROPIC_API_BASE": errand.url, "ANTHROPIC_API_KEY": errand.key}
    return _aider(errand, f"anthropic/{errand.model}", environment)


def _aider(errand: Errand, model: str, environment: dict[str, str]) -> Call:
    """It has no tools: a file that it is given stands in the prompt."""
    models = ["--model", model, "--weak-model", model]
    command = [str(PYTHON / "aider"), *AIDER_WORDS, *models, "--message", errand.prompt, "note.txt"]
    return Call(command, {**environment, "LITELLM_LOCAL_MODEL_COST_MAP": "True"})


CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
BEDROCK = "/model/code/invoke-with-response-stream"
VERTEX = "/v1/projects/p/locations/l/publishers/anthropic/models/code:streamRawPredict"
GEMINI = "/v1beta/models/code:streamGenerateContent"
CLAUDE_CODE = Client("claude-code", claude_code, MESSAGES)
CODEX_OWN = Client("codex", codex, RESPONSES)
CODEX_OSS = Client("codex-oss", codex_oss, RESPONSES, keyless=True, tells=False)
KNOWN = [
    CLAUDE_CODE,
    Client("claude-code-bedrock", claude_code_bedrock, BEDROCK, keyless=True),
    Client("claude-code-vertex", claude_code_vertex, VERTEX, keyless=True),
    CODEX_OWN,
    Client("codex-built-in", codex_built_in, RESPONSES, tells=False),
    CODEX_OSS,
    Client("opencode", opencode, CHAT, requests_max=2),
    Client("opencode-anthropic", opencode_anthropic, MESSAGES, requests_max=2),
    Client("qwen-code", qwen_code, CHAT),
    Client("gemini-cli", gemini_cli, GEMINI),
    Client("continue", continue_cn, CHAT),
    Client("continue-ollama", continue_ollama, CHAT),
    Client("cline", cline, CHAT, tells=False),
    Client("aider", aider, CHAT, reads=False, tells=False),
    Client("aider-anthropic", aider_anthropic, MESSAGES, reads=False, tells=False),
    # WHY: litellm tells aider of every error of an Ollama server that it may try again.
    Client("aider-ollama", aider_ollama, "/api/chat", requests_max=0, reads=False, tells=False),
]
# Those whose path is served.
CLIENTS = [client for client in KNOWN if find(client.path) is not None]
