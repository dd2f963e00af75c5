"""How many tokens a reply used: what its engine told, where that can be, or else an estimate."""

from msgspec.structs import replace

from gateway.domain.money import Tokens

# WHY: of prose and code in most languages; nobody knows the vocabulary of every engine.
BYTES_PER_TOKEN = 4
TOKENS_MAX = 1_000_000_000


def believed(told: Tokens | None) -> Tokens | None:
    """Return what an engine told, None where no reply can have used that.

    WHY: whatever sums up records counts in 64 bits, and nothing that an engine tells may stop it,
    or make what somebody spent less than nothing.
    """
    if told is None:
        return None
    counts = (getattr(told, name) for name in Tokens.__struct_fields__)
    return told if all(0 <= count <= TOKENS_MAX for count in counts) else None


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
