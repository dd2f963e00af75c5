"""The fields that the vendors of this dialect document, by what they are for."""

from gateway.domain.field_kind import fields

# WHY: egress is also what chooses by whom the work is done or reaches past the prompt into the
# engine: such a field is for the operator to set.
FIELDS = fields(
    content=(
        "messages",
        "system",
        "tools",
    ),
    setting=(
        "cache_control",
        "context_management",
        "max_tokens",
        "model",
        "output_config",
        "output_format",
        "stop_sequences",
        "stream",
        "temperature",
        "thinking",
        "tool_choice",
        "top_k",
        "top_p",
    ),
    identifying=(
        "diagnostics",
        "metadata",
        "user_profile_id",
        "workspace_id",
    ),
    egress=(
        "anthropic_beta",
        "anthropic_version",
        "betas",
        "container",
        "fallbacks",
        "inference_geo",
        "mcp_servers",
        "service_tier",
        "speed",
    ),
)
# Fields below the top.
NESTED = frozenset(
    {
        "allowed_callers",
        "caller",
        "citations",
        "context",
        "defer_loading",
        "display",
        "eager_input_streaming",
        "input_examples",
        "strict",
        "title",
        "toolset_name",
        "transformations",
    }
)
