"""The product that a user agent names."""

import re

from msgspec import Struct

PRODUCT_CHARS_READ = 65
VERSION_CHARS_READ = 128
_PRODUCT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}(?![^/ ])", re.ASCII)
# The makers of libraries write `OpenAI/Python 2.9.0`.
_VERSION = re.compile(
    r"[^/ ]{1,64}[/ ](?:(?:Python|JS) )?(v?[0-9]{1,6}(?:[.][0-9A-Za-z-]{1,16}){0,4})(?![^ ,;)])",
    re.ASCII,
)
# By what they call themselves, the clients that are known by name. INVARIANT: only a word of this
# list ever stands in clear: a user agent may hold anything, a name or a secret too.
CLIENTS = {
    "agents": "openai-agents",
    "ai": "ai-sdk",
    "ai-sdk": "ai-sdk",
    "aider": "aider",
    "anthropic": "anthropic-sdk",
    "anthropicbedrock": "anthropic-sdk",
    "anthropicvertex": "anthropic-sdk",
    "asyncanthropic": "anthropic-sdk",
    "asyncanthropicbedrock": "anthropic-sdk",
    "asyncanthropicvertex": "anthropic-sdk",
    "asyncazureopenai": "openai-sdk",
    "asyncopenai": "openai-sdk",
    "aws-cli": "aws-cli",
    "aws-sdk-js": "aws-sdk",
    "axios": "axios",
    "azureopenai": "openai-sdk",
    "boto3": "aws-sdk",
    "botocore": "aws-sdk",
    "bun": "bun",
    "claude-cli": "claude-code",
    "cline": "cline",
    "codex": "codex",
    "codex_cli_rs": "codex",
    "codex_exec": "codex",
    "crush": "crush",
    "curl": "curl",
    "geminicli": "gemini-cli",
    "go-http-client": "go",
    "google-genai-sdk": "google-genai",
    "goose": "goose",
    "kilo-code": "kilo-code",
    "litellm": "litellm",
    "node": "node",
    "ollama": "ollama",
    "ollama-js": "ollama",
    "ollama-python": "ollama",
    "openai": "openai-sdk",
    "opencode": "opencode",
    "python-httpx": "httpx",
    "python-requests": "requests",
    "qwencode": "qwen-code",
    "roocode": "roo-code",
    "undici": "node",
    "zed": "zed",
}


class Product(Struct, frozen=True):
    """A client by name and version, each empty where it is not known."""

    name: str = ""
    version: str = ""


def product_of(user_agent: str) -> str:
    """Return the name of the first product in lower case, without its version; else nothing.

    It is what the client says of itself, so nothing may be permitted by it.
    """
    found = _PRODUCT.match(user_agent[:PRODUCT_CHARS_READ].lower())
    return found.group() if found else ""


def known_product(user_agent: str) -> Product:
    """Return which of the known clients a user agent names, and its version; else nothing."""
    name = CLIENTS.get(product_of(user_agent), "")
    if not name:
        return Product()
    found = _VERSION.match(user_agent[:VERSION_CHARS_READ])
    return Product(name, found[1] if found else "")
