"""Blocks that the vendor does not document: nobody here knows what they would have it do."""

from gateway.domain.request import Body

# Every kind of a block, whether in a turn, in the system or in the result of a tool.
KNOWN = frozenset(
    {
        "audio",
        "cachePoint",
        "citationsContent",
        "document",
        "guardContent",
        "image",
        "json",
        "reasoningContent",
        "searchResult",
        "text",
        "toolResult",
        "toolUse",
        "video",
    }
)


def strange(body: Body) -> bool:
    """Is there a block of another kind?"""
    said = [
        *(body.get("system") or ()),
        *(block for message in body["messages"] for block in message["content"]),
    ]
    results = [block["toolResult"] for block in said if block.get("toolResult") is not None]
    said += [block for result in results for block in result["content"]]
    return any(
        kind not in KNOWN for block in said for kind, value in block.items() if value is not None
    )
