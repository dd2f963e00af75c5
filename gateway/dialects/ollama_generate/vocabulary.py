"""The fields that the vendor documents, by what they are for."""

from gateway.domain.field_kind import fields

# WHY: egress is also what reaches past the prompt into the engine: such a field is for the operator
# to set.
FIELDS = fields(
    content=("images", "prompt", "suffix", "system"),
    setting=(
        "format",
        "height",
        "logprobs",
        "model",
        "options",
        "raw",
        "shift",
        "steps",
        "stream",
        "think",
        "top_logprobs",
        "truncate",
        "width",
    ),
    egress=("context", "keep_alive", "template"),
)
# Options, which stand below the top.
OPTIONS = frozenset(
    {
        "min_p",
        "num_ctx",
        "num_keep",
        "repeat_last_n",
        "repeat_penalty",
        "typical_p",
    }
)
