"""What a client may say where texts are embedded, gone on with or counted, feature by feature."""

from tests.compatibility.features import PNG, Body, Feature

_TOOL = {
    "type": "function",
    "name": "S-tool",
    "parameters": {"type": "object", "properties": {"S-key": {"type": "string"}}},
}
OPENAI_EMBEDDINGS = {
    "text": Feature({}, ("S-hello",)),
    "texts": Feature({"input": ["S-one", "S-two"]}, ("S-one", "S-two")),
    "ids of tokens": Feature({"input": [70071, 70072]}, ("70071",)),
    "dimensions": Feature({"dimensions": 321}, ("321",)),
    "base64": Feature({"encoding_format": "base64"}),
    "who asks": Feature({"user": "S-user"}),
}
OLLAMA_EMBED = {
    "text": Feature({}, ("S-hello",)),
    "texts": Feature({"input": ["S-one", "S-two"]}, ("S-one", "S-two")),
    "dimensions": Feature({"dimensions": 321}, ("321",)),
    "may be cut": Feature({"truncate": True}),
    "context": Feature({"options": {"num_ctx": 4096}}),
    "keep alive": Feature({"keep_alive": "1h"}),
}
OPENAI_COMPLETIONS = {
    "text": Feature({}, ("S-hello",)),
    "suffix": Feature({"suffix": "S-after"}, ("S-hello", "S-after")),
    "ids of tokens": Feature({"prompt": [70071, 70072]}, ("70071",)),
    "echo": Feature({"echo": True}),
    "replies": Feature({"n": 2, "best_of": 3}),
    "logprobs": Feature({"logprobs": 2}),
    "temperature": Feature({"temperature": 0.625}, ("0.625",)),
    "stop": Feature({"stop": ["S-stop"]}, ("S-stop",)),
    "seed": Feature({"seed": 70071}, ("70071",)),
    "length": Feature({"max_tokens": 321}, ("321",)),
    "who asks": Feature({"user": "S-user"}),
}
OLLAMA_GENERATE = {
    "question": Feature({}, ("S-hello",)),
    "system": Feature({"system": "S-sys"}, ("S-sys",)),
    "text": Feature({"raw": True}, ("S-hello",)),
    "suffix": Feature({"suffix": "S-after"}, ("S-hello", "S-after")),
    "image": Feature({"images": [PNG]}, (PNG,)),
    "structured output": Feature({"raw": True, "format": _TOOL["parameters"]}, ("S-key",)),
    "thinking": Feature({"raw": True, "think": True}),
    "temperature": Feature({"raw": True, "options": {"temperature": 0.625}}, ("0.625",)),
    "stop": Feature({"raw": True, "options": {"stop": ["S-stop"]}}, ("S-stop",)),
    "length": Feature({"raw": True, "options": {"num_predict": 321}}, ("321",)),
    "keep alive": Feature({"raw": True, "keep_alive": "1h"}),
}
OPENAI_INPUT_TOKENS = {
    "text": Feature({}, ("S-hello",)),
    "system": Feature({"instructions": "S-sys"}, ("S-sys",)),
    "tools": Feature({"tools": [_TOOL]}, ("S-tool", "S-key")),
    "effort": Feature({"reasoning": {"effort": "low"}}),
}

OLDER_LEAST: dict[str, Body] = {
    "openai_embeddings": {"model": "code", "input": "S-hello"},
    "ollama_embed": {"model": "code", "input": "S-hello"},
    "openai_completions": {"model": "code", "prompt": "S-hello"},
    "ollama_generate": {"model": "code", "prompt": "S-hello"},
    "openai_input_tokens": {"model": "code", "input": "S-hello"},
}
OLDER: dict[str, dict[str, Feature]] = {
    "openai_embeddings": OPENAI_EMBEDDINGS,
    "ollama_embed": OLLAMA_EMBED,
    "openai_completions": OPENAI_COMPLETIONS,
    "ollama_generate": OLLAMA_GENERATE,
    "openai_input_tokens": OPENAI_INPUT_TOKENS,
}
