"""DeepSeek's platform; what fills in the middle is a beta with a path of its own.

Read in api-docs.deepseek.com: `/chat/completions`, and `/beta/completions`, which takes a suffix.
"""

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.transport.backend import ABROAD, Backend, Way
from gateway.transport.credentials import bearer

DEEPSEEK = Backend(
    name="deepseek",
    ways=(
        Way(dialect=OPENAI_CHAT, path="/chat/completions"),
        Way(dialect=OPENAI_COMPLETIONS, path="/beta/completions"),
    ),
    credential=bearer.required,
    probe_path="",
    residency=ABROAD,
    is_cloud=True,
)
