"""The fields that the vendors of this dialect document, by what they are for."""

from gateway.domain.field_kind import fields

# WHY: egress is also what chooses by whom the work is done or reaches past the prompt into the
# engine: such a field is for the operator to set.
FIELDS = fields(
    content=(
        "input",
        "instructions",
        "tools",
    ),
    setting=(
        "background",
        "context_management",
        "include",
        "max_output_tokens",
        "max_tool_calls",
        "model",
        "parallel_tool_calls",
        "reasoning",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "top_logprobs",
        "top_p",
        "truncation",
    ),
    identifying=(
        "access_programs",
        "client_metadata",
        "metadata",
        "prompt_cache_key",
        "safety_identifier",
        "user",
    ),
    egress=(
        "image",
        "moderation",
        "prompt_cache_options",
        "prompt_cache_retention",
        "service_tier",
    ),
)
