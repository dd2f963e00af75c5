"""The fields that the vendors of this dialect document, by what they are for."""

from gateway.domain.field_kind import fields

# WHY: egress is also what chooses by whom the work is done or reaches past the prompt into the
# engine: such a field is for the operator to set.
FIELDS = fields(
    content=(
        "messages",
        "tools",
    ),
    setting=(
        "format",
        "logprobs",
        "model",
        "options",
        "shift",
        "stream",
        "think",
        "top_logprobs",
        "truncate",
    ),
    egress=(
        "context",
        "images",
        "keep_alive",
        "prompt",
        "raw",
        "suffix",
        "system",
        "template",
    ),
)
KEEP_ALIVE = "keep_alive"
# How a model is loaded: options that are the operator's, for a change of them loads it again.
LOADING = frozenset(
    {
        "f16_kv",
        "logits_all",
        "low_vram",
        "main_gpu",
        "num_batch",
        "num_ctx",
        "num_gpu",
        "num_thread",
        "numa",
        "use_mlock",
        "use_mmap",
        "vocab_only",
    }
)
# Fields below the top.
NESTED = LOADING | frozenset(
    {
        "min_p",
        "num_keep",
        "repeat_last_n",
        "repeat_penalty",
        "strict",
        "typical_p",
    }
)
