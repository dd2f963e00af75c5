"""The fields that the vendor documents, by what becomes of them."""

# What a request says and how it is to be answered.
MAY_LEAVE = frozenset(
    {
        "format",
        "logprobs",
        "messages",
        "model",
        "options",
        "shift",
        "stream",
        "think",
        "tools",
        "top_logprobs",
        "truncate",
    }
)
# WHY: how long a server keeps a model is for its operator to say; `raw` and the rest pass by the
# messages.
STAYS = frozenset(
    {"context", "images", "keep_alive", "prompt", "raw", "suffix", "system", "template"}
)
KNOWN_FIELDS = MAY_LEAVE | STAYS
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
