"""How many tokens a reply used where nobody told, or told before it had ended."""

from msgspec.structs import replace

from gateway.domain.money import Tokens

# WHY: of prose and code in most languages; nobody knows the vocabulary of every engine.
BYTES_PER_TOKEN = 4


def estimated(told: Tokens | None, prompt_bytes: int, said_bytes: int) -> Tokens:
    """Return what was told; where that is less than what was sent and heard, what that makes.

    WHY: of a reply that is cut, an engine has told nothing, or what the prompt was: never what it
    said and is paid for.
    """
    known = told or Tokens()
    prompt = known.input_tokens + known.cache_read_tokens + known.cache_write_tokens
    return replace(
        known,
        input_tokens=known.input_tokens if prompt else _tokens(prompt_bytes),
        output_tokens=max(known.output_tokens, _tokens(said_bytes)),
    )


def _tokens(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)
