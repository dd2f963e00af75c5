"""Blocks that the vendor does not document: nobody here knows what they would have it do."""

from gateway.dialects.anthropic_messages.shapes import blocks
from gateway.domain.request import Body

# Every type of a block that may stand in a request, and of what stands in the result of a tool.
KNOWN = frozenset(
    {
        "advisor_redacted_result",
        "advisor_result",
        "advisor_tool_result",
        "advisor_tool_result_error",
        "bash_code_execution_output",
        "bash_code_execution_result",
        "bash_code_execution_tool_result",
        "bash_code_execution_tool_result_error",
        "browser_state",
        "code_execution_output",
        "code_execution_result",
        "code_execution_tool_result",
        "code_execution_tool_result_error",
        "compaction",
        "document",
        "encrypted_code_execution_result",
        "fallback",
        "image",
        "mcp_tool_listing",
        "mcp_tool_result",
        "mcp_tool_use",
        "redacted_thinking",
        "search_result",
        "server_tool_use",
        "text",
        "text_editor_code_execution_create_result",
        "text_editor_code_execution_str_replace_result",
        "text_editor_code_execution_tool_result",
        "text_editor_code_execution_tool_result_error",
        "text_editor_code_execution_view_result",
        "thinking",
        "tool_reference",
        "tool_result",
        "tool_search_tool_result",
        "tool_search_tool_result_error",
        "tool_search_tool_search_result",
        "tool_use",
        "web_fetch_result",
        "web_fetch_tool_result",
        "web_fetch_tool_result_error",
        "web_search_result",
        "web_search_tool_result",
        "web_search_tool_result_error",
    }
)
_MESSAGE = frozenset({"role", "content"})


def strange(body: Body) -> bool:
    """Is there a block of another kind, or a message of more than a role and a content?"""
    messages = body["messages"]
    if any(not message.keys() <= _MESSAGE for message in messages):
        return True
    contents = [body.get("system"), *(message["content"] for message in messages)]
    return any(block["type"] not in KNOWN for block in blocks(contents))
