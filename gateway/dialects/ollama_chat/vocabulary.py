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
# Fields below the top.
NESTED = frozenset(
    {
        "min_p",
        "num_ctx",
        "num_keep",
        "repeat_last_n",
        "repeat_penalty",
        "strict",
        "typical_p",
    }
)
