"""llm, by its own library and its own command, with the plugin for Anthropic."""

import os
import subprocess
import sys
from pathlib import Path

from errand import ERRAND, MAX_TOKENS, WORD_SCHEMA, drive, read_file, word_of

LLM = Path(sys.executable).with_name("llm")
HOME = Path(os.environ["LLM_USER_PATH"])
OPENAI = """
- model_id: {model}
  model_name: {model}
  api_base: {url}/v1
  api_key_name: gateway
  can_stream: true
  supports_tools: true
  supports_schema: true
"""


def ready() -> str:
    """Write what llm keeps of its user, and return the name of the model."""
    HOME.mkdir(parents=True, exist_ok=True)
    (HOME / "keys.json").write_text(f'{{"gateway": "{ERRAND.key}", "anthropic": "{ERRAND.key}"}}')
    if ERRAND.face == "messages":
        os.environ["ANTHROPIC_BASE_URL"] = ERRAND.url
        return f"anthropic/{ERRAND.model}"
    told = OPENAI.format(model=ERRAND.model, url=ERRAND.url)
    (HOME / "extra-openai-models.yaml").write_text(told)
    return ERRAND.model


NAME = ready()


class Failed(Exception):
    """The command ended with an error."""


def run(prompt: str) -> str:
    words = [str(LLM), "-m", NAME, "--no-log", "-o", "max_tokens", str(MAX_TOKENS), prompt]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr)
    return done.stdout.strip()


def model():
    import llm

    return llm.get_model(NAME)


# WHY: by itself it asks Anthropic for the longest reply that a model of that name can make.
SHORT = {"max_tokens": MAX_TOKENS}


def chained(**more) -> list[str]:
    """Return the pieces of a turn with a call.

    WHY: the plugin for Anthropic shows a blank of its own behind each call.
    """
    pieces = list(model().chain(ERRAND.read, tools=[read_file], options=SHORT, **more))
    return pieces[1:] if pieces[0] == " " else pieces


drive(
    whole=lambda: model().prompt(ERRAND.say, stream=False, **SHORT).text(),
    streamed=lambda: list(model().prompt(ERRAND.say, **SHORT)),
    called=lambda: chained(stream=False),
    called_streamed=chained,
    shaped=lambda: word_of(model().prompt(ERRAND.say, schema=WORD_SCHEMA, **SHORT).text()),
    command=lambda: run(ERRAND.say),
)
