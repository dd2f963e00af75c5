"""The fields that the vendor documents, by what becomes of them."""

# What a request says and how it is to be answered.
MAY_LEAVE = frozenset(
    {
        "cache_control",
        "context_management",
        "max_tokens",
        "messages",
        "model",
        "output_config",
        "output_format",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)
# WHY: these tell who asks, choose where or by whom the work is done, or let the provider act.
STAYS = frozenset(
    {
        "anthropic_beta",
        "anthropic_version",
        "betas",
        "container",
        "diagnostics",
        "fallbacks",
        "inference_geo",
        "mcp_servers",
        "metadata",
        "service_tier",
        "speed",
        "user_profile_id",
        "workspace_id",
    }
)
KNOWN_FIELDS = MAY_LEAVE | STAYS
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
