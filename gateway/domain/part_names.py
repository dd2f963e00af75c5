"""The names of message parts that may be told where no text of a client may stand."""

UNKNOWN_PART = "unknown_block"
# Words of the vendors' documentation. What a client calls a part is its own text, and a loss
# stands in records and headers.
PART_NAMES = frozenset(
    {
        "audio_url",
        "bash_code_execution_tool_result",
        "browser_state",
        "code_execution_result",
        "code_execution_tool_result",
        "compaction",
        "document",
        "executable_code",
        "file",
        "image",
        "image_url",
        "input_audio",
        "input_file",
        "input_image",
        "mcp_tool_result",
        "mcp_tool_use",
        "refusal",
        "search_result",
        "server_tool_use",
        "text_editor_code_execution_tool_result",
        "tool_reference",
        "tool_search_tool_result",
        "video",
        "video_url",
        "web_fetch_tool_result",
        "web_search_tool_result",
    }
)


def part_name(kind: object) -> str:
    """Return the kind where it is one of PART_NAMES, else UNKNOWN_PART."""
    return kind if isinstance(kind, str) and kind in PART_NAMES else UNKNOWN_PART
