"""Of how many parts a request is made, whatever its dialect."""

from collections.abc import Iterator
from typing import Any

from gateway.domain.decision import Sizes
from gateway.domain.enclosed import held_in
from gateway.domain.request import Body

# INVARIANT: what is counted is bounded; a body that is odd or deep is counted as far as it goes.
PARTS_MAX = 1_000_000
DEPTH_MAX = 8
_LISTS = ("system", "instructions", "messages", "input", "contents", "prompt")
_TURNS = ("systemInstruction", "system_instruction")
_INNER = ("content", "parts", "toolResult", "functionResponse", "output")
_DECLARED = ("functionDeclarations", "function_declarations")
_IMAGES = frozenset({"image", "image_url", "input_image", "image_file"})
_FILES = frozenset(
    {"document", "file", "input_file", "input_audio", "audio", "video", "video_url", "audio_url"}
)
_DATA = ("inlineData", "inline_data", "fileData", "file_data")
_MIME = ("mimeType", "mime_type")


def sizes_of(body: Body) -> Sizes:
    """Return how many parts, images, other files and tools a body holds; nothing is an error."""
    count = _Count()
    for said in (body, *held_in(body)):
        found = [said[name] for name in _LISTS if isinstance(said.get(name), list | str)]
        found += [said[name] for name in _TURNS if isinstance(said.get(name), dict)]
        for one in found:
            count.take(one, DEPTH_MAX)
        images = said.get("images")
        count.images += len(images) if isinstance(images, list) else 0
        count.tools += sum(map(_declared, _tools(said)))
    return Sizes(count.parts, count.images, count.files, count.tools)


class _Count:
    """What was counted so far."""

    def __init__(self) -> None:
        self.parts = 0
        self.images = 0
        self.files = 0
        self.tools = 0

    def take(self, value: object, depth: int) -> None:
        """Count a text, a part, a turn, or a list of them."""
        if self.parts >= PARTS_MAX:
            return
        if isinstance(value, str):
            self.parts += 1
        elif isinstance(value, list) and depth:
            for item in value:
                if isinstance(item, dict | list | str):
                    self.take(item, depth - 1)
        elif isinstance(value, dict) and depth:
            self._take(value, depth)

    def _take(self, value: dict[str, Any], depth: int) -> None:
        images = value.get("images")
        self.images += len(images) if isinstance(images, list) else 0
        inner = [value[name] for name in _INNER if isinstance(value.get(name), list | str | dict)]
        kind = _kind(value)
        self.images += kind == "image"
        self.files += kind == "file"
        if kind or not inner:
            self.parts += 1
            return
        for one in inner:
            self.take(one, depth - 1)


def _kind(part: dict[str, Any]) -> str:
    """Return whether a part is an image or another file; empty where it is neither."""
    told = part.get("type")
    named = {told} if isinstance(told, str) else part.keys()
    if not _IMAGES.isdisjoint(named):
        return "image"
    if not _FILES.isdisjoint(named):
        return "file"
    data = next((part[name] for name in _DATA if isinstance(part.get(name), dict)), None)
    if data is None:
        return ""
    mime = next((data[name] for name in _MIME if isinstance(data.get(name), str)), "")
    return "image" if mime.startswith("image/") else "file"


def _tools(said: Body) -> Iterator[object]:
    config = said.get("toolConfig")
    for holder, name in ((said, "tools"), (said, "functions"), (config, "tools")):
        listed = holder.get(name) if isinstance(holder, dict) else None
        yield from listed if isinstance(listed, list) else ()


def _declared(tool: object) -> int:
    """Return how many tools an entry declares: Google's hold several, a mark of a cache is none."""
    if not isinstance(tool, dict) or tool.keys() == {"cachePoint"}:
        return 0
    listed = next((tool[name] for name in _DECLARED if isinstance(tool.get(name), list)), None)
    return 1 if listed is None else len(listed)
