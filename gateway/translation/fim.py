"""Filling in the middle: the prompt that a family of models was trained on, and its control tokens.

Each template, and where it was read:

* `qwen`: Qwen2.5-Coder and Qwen3-Coder. README and `examples/Qwen2.5-Coder-fim.py` of
  QwenLM/Qwen3-Coder, as deepwiki.com tells them, which end a reply at `<|fim_pad|>`,
  `<|repo_name|>` and `<|file_sep|>` too; the same in continuedev/continue,
  `core/autocomplete/templating/AutocompleteTemplate.ts`.
* `deepseek`: DeepSeek-Coder. Continue's template, which cites the model card of
  deepseek-ai/deepseek-coder-1.3b-base; the same in Ollama's template of `deepseek-coder-v2`. The
  bars are U+FF5C and the low lines U+2581. vLLM 0.32 builds the same for DeepSeek V4 by itself.
* `codestral`: Mistral's Codestral. mistralai/mistral-common, `test_encode_fim`: the suffix comes
  first, then the prefix, and no token for the middle.
* `starcoder`: BigCode's StarCoder. Continue's template, which cites arXiv 2402.19173, section 5.1;
  the README of CodeQwen1.5 (QwenLM) says the same of that model.
"""

import re

from msgspec import Struct

from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.request import Body

NATIVE = "native"
NONE = "none"


class Family(Struct, frozen=True):
    """One template: what stands before, between and after; `controls` are all its tokens."""

    before: str
    between: str
    after: str
    controls: tuple[str, ...]
    suffix_first: bool = False


FAMILIES: dict[str, Family] = {
    "qwen": Family(
        "<|fim_prefix|>",
        "<|fim_suffix|>",
        "<|fim_middle|>",
        ("<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|endoftext|>"),
    ),
    "deepseek": Family("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", ()),  # noqa: RUF001
    "codestral": Family("[SUFFIX]", "[PREFIX]", "", ("[MIDDLE]",), suffix_first=True),
    "starcoder": Family(
        "<fim_prefix>",
        "<fim_suffix>",
        "<fim_middle>",
        ("<fim_pad>", "<file_sep>", "<|endoftext|>"),
    ),
}
# By what stands in a model's name, the first that matches; in any order of its words.
_NAMES = (
    (("codeqwen",), "starcoder"),
    (("qwen", "coder"), "qwen"),
    (("deepseek", "coder"), "deepseek"),
    (("codestral",), "codestral"),
    (("starcoder",), "starcoder"),
)

_STEPS_OUT = "prompt or suffix has a control token of the model in it."


def family_of(model: str) -> str:
    """Return the family that a model's name tells; empty where it tells none."""
    name = model.lower()
    return next((family for words, family in _NAMES if all(word in name for word in words)), "")


def filled_in(family: str, prefix: str, suffix: str) -> str:
    """Return the prompt of that family; CannotExpress where it has none, or the text steps out.

    INVARIANT: the control tokens of the prompt are those of the template and no other: what the
    texts say of them is refused, since an engine reads a token wherever it stands.
    """
    found = FAMILIES.get(family)
    if found is None:
        raise CannotExpress("The engine cannot fill in the middle with this model.")
    first, second = (suffix, prefix) if found.suffix_first else (prefix, suffix)
    prompt = f"{found.before}{first}{found.between}{second}{found.after}"
    placed = [token for token in (found.before, found.between, found.after) if token]
    if _tokens(prompt, found) != placed:
        raise CannotExpress(_STEPS_OUT)
    return prompt


def left_to_the_engine(*texts: str) -> None:
    """Raise CannotExpress where a text has a control token of any family in it.

    WHY: who fills in by itself puts the texts into its template as they are.
    """
    if any(_tokens(text, family) for text in texts for family in FAMILIES.values()):
        raise CannotExpress(_STEPS_OUT)


def only_native(body: Body, offering: Offering) -> Body:
    """A quirk: refuse a suffix unless the catalogue says that the host itself fills in.

    WHY: a host that does not know the field goes on with the prompt and drops the suffix silently.
    """
    if body.get("suffix") and offering.fim != NATIVE:
        raise CannotExpress("The engine that may see this request is not said to take a suffix.")
    return body


def _tokens(prompt: str, family: Family) -> list[str]:
    known = (family.before, family.between, family.after, *family.controls)
    return re.findall("|".join(re.escape(token) for token in known if token), prompt)
