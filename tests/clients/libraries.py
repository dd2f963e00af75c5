"""Which libraries are driven, by which script below `libraries/`, and what each can do."""

import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.clients.drivers import PLACE, Call, Errand

SCRIPTS = Path(__file__).resolve().parent / "libraries"
NODE = "node"
NODE_PLACE = PLACE / "libraries"
TURNS = ("whole", "streamed", "called", "called_streamed")
EVERY = (*TURNS, "shaped")
BOTH_SHAPES = (*EVERY, "shaped_call")
DENIED = "AuthenticationError"
BAD = "BadRequestError"


class Library(Struct, frozen=True):
    """A library: where it is installed, its script, and how it speaks.

    `face` is the dialect that its script makes it speak, `surface` the name of ours. `tasks` are
    those of `libraries/errand.py`; `denied` and `refused` name the classes of its own exceptions
    for a wrong key and for a refusal by policy. `signs` says that it wants an access key.
    `task` is the name that it asks for, `abroad` that of what no restricted request may see: it may
    know models by their names alone.
    """

    name: str
    place: str
    script: str
    face: str
    surface: str
    tasks: tuple[str, ...] = EVERY
    denied: str = DENIED
    refused: str = BAD
    signs: bool = False
    task: str = "code"
    abroad: str = "code-abroad"

    def __str__(self) -> str:
        return f"{self.name}-{self.face}"

    def call(self, errands: list[Errand], rounds: list[tuple[str, ...]], outcomes: Path) -> Call:
        """Return the command that goes on each errand, for its round of tasks."""
        told = [
            {
                "url": errand.url,
                "key": errand.key,
                "model": errand.model,
                "face": self.face,
                "tasks": tasks,
                "say": errand.prompt.partition("\n")[0],
                "read": errand.prompt.partition("\n")[2],
            }
            for errand, tasks in zip(errands, rounds, strict=True)
        ]
        words = [msgspec.json.encode(told).decode(), str(outcomes)]
        home = {"LLM_USER_PATH": str(errands[0].home / "llm")}
        return Call([*self._program(), *words], {**QUIET, **home})

    def _program(self) -> list[str]:
        if self.place != NODE:
            python = str(PLACE / self.place / "bin" / "python")
            return [python, str(SCRIPTS / "run.py"), str(SCRIPTS / self.script)]
        # WHY: Node looks for a library beside the script that asks for it.
        for script in ("errand.mjs", "run.mjs", self.script):
            shutil.copy(SCRIPTS / script, NODE_PLACE)
        return [NODE, str(NODE_PLACE / "run.mjs"), self.script]


QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
}
CHAT, RESPONSES, MESSAGES = "chat_completions", "responses", "messages"
CALL_ERROR = "AI_APICallError"
CLAUDE, CLAUDE_ABROAD = "claude-opus-5-5", "claude-sonnet-5-5"
CONVERSED = "global.anthropic.claude-opus-5-5"


def ai_sdk(face: str, surface: str, *, signs: bool = False) -> Library:
    return Library(
        "ai-sdk", NODE, "with_ai_sdk.mjs", face, surface,
        denied=CALL_ERROR, refused=CALL_ERROR, signs=signs,
    )  # fmt: skip


def langchain(face: str, surface: str) -> Library:
    return Library("langchain", "current", "with_langchain.py", face, surface, BOTH_SHAPES)


def pydantic_ai(face: str, surface: str, tasks: tuple[str, ...]) -> Library:
    return Library(
        "pydantic-ai", "current", "with_pydantic_ai.py", face, surface, tasks,
        denied="ModelAuthenticationError", refused="ModelRequestRejectedError",
    )  # fmt: skip


def litellm(face: str, surface: str, task: str = "code") -> Library:
    return Library(
        "litellm", "litellm", "with_litellm.py", face, surface,
        signs=face == "converse", task=task, abroad=f"{task}-abroad",
    )  # fmt: skip


LIBRARIES = [
    Library("openai-python", "current", "with_openai.py", "chat", CHAT),
    Library("openai-python", "current", "with_openai_responses.py", "responses", RESPONSES),
    Library("anthropic-python", "current", "with_anthropic.py", "messages", MESSAGES),
    Library("openai-node", NODE, "with_openai_chat.mjs", "chat", CHAT),
    Library("openai-node", NODE, "with_openai_responses.mjs", "responses", RESPONSES),
    Library("anthropic-node", NODE, "with_anthropic.mjs", "messages", MESSAGES),
    ai_sdk("chat", CHAT),
    ai_sdk("responses", RESPONSES),
    ai_sdk("messages", MESSAGES),
    ai_sdk("gemini", "generate_content"),
    ai_sdk("converse", "converse", signs=True),
    langchain("chat", CHAT),
    langchain("messages", MESSAGES),
    Library("openai-agents", "current", "with_openai_agents.py", "responses", RESPONSES),
    Library("openai-agents", "current", "with_openai_agents.py", "chat", CHAT),
    pydantic_ai("chat", CHAT, BOTH_SHAPES),
    # WHY: it asks for a schema of those models of Anthropic alone that it knows by name.
    pydantic_ai("messages", MESSAGES, (*TURNS, "shaped_call")),
    Library("smolagents", "current", "with_smolagents.py", "chat", CHAT, TURNS),
    Library(
        "instructor", "litellm", "with_instructor.py", "chat", CHAT,
        ("shaped", "shaped_call", "shaped_call_streamed"),
        denied="InstructorRetryException", refused="InstructorRetryException",
    ),
    litellm("chat", CHAT),
    litellm("messages", MESSAGES),
    litellm("ollama", "ollama_chat"),
    litellm("converse", "converse", CONVERSED),
    Library("llm", "llm", "with_llm.py", "chat", CHAT, (*EVERY, "command")),
    Library(
        "llm", "llm", "with_llm.py", "messages", MESSAGES, (*EVERY, "command"),
        task=CLAUDE, abroad=CLAUDE_ABROAD,
    ),
]  # fmt: skip
