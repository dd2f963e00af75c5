"""Which fields of a request may go to an engine outside the premises.

Content and settings may. What identifies whoever asks, and what makes a provider do more than
answer, stays here; so does every field that nobody knows.
"""

MAY_LEAVE = frozenset(
    {
        "background",
        "context_management",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "model",
        "parallel_tool_calls",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
    }
)
_STAYS = frozenset(
    {
        "access_programs",
        "client_metadata",
        "image",
        "metadata",
        "moderation",
        "prompt_cache_key",
        "safety_identifier",
        "user",
    }
)
KNOWN_FIELDS = MAY_LEAVE | _STAYS
