"""The names of what another dialect cannot carry, or an engine must not see.

INVARIANT: a name is a word of ours or of the vendor, never a word of the client: losses stand in
records and headers.
"""

from gateway.translation import losses

NAME = "openai_responses"
# Fields whose name may be told; any other is `unknown_field`.
FIELDS = frozenset(
    {
        "access_programs",
        "allowed_callers",
        "annotations",
        "async",
        "cache_control",
        "caller",
        "client_metadata",
        "context_management",
        "defer_loading",
        "detail",
        "encrypted_content",
        "filename",
        "frequency_penalty",
        "image",
        "include",
        "logprobs",
        "max_tool_calls",
        "metadata",
        "moderation",
        "namespace",
        "output_schema",
        "phase",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "strict",
        "summary",
        "top_k",
        "top_logprobs",
        "truncation",
        "user",
        "verbosity",
    }
)
# Types of items and parts whose name may be told; any other is `unknown_item`.
ITEMS = frozenset(
    {
        "additional_tools",
        "apply_patch_call",
        "apply_patch_call_output",
        "code_interpreter_call",
        "compaction",
        "compaction_trigger",
        "computer_call",
        "computer_call_output",
        "file_search_call",
        "image_generation_call",
        "input_audio",
        "input_file",
        "input_image",
        "local_shell_call",
        "local_shell_call_output",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_list_tools",
        "program",
        "program_output",
        "shell_call",
        "shell_call_output",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
    }
)


class Losses(losses.Losses):
    """Losses that may be told in the words of this dialect."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(FIELDS)

    def item(self, kind: object) -> None:
        """Add an item or a part by its type."""
        self.note(kind if isinstance(kind, str) and kind in ITEMS else "unknown_item")
