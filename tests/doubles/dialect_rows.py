"""The table of dialects that are walked against each other: a new one is one more row."""

from tests.doubles.dialect_row import BOUND, CALL_ID, PDF, PNG, USAGE, Row
from tests.doubles.row_anthropic_messages import MESSAGES
from tests.doubles.row_bedrock_converse import CONVERSE
from tests.doubles.row_gemini import GEMINI_ROW
from tests.doubles.row_ollama_chat import OLLAMA
from tests.doubles.row_openai_chat import CHAT
from tests.doubles.row_openai_responses import RESPONSES

__all__ = ["BOUND", "CALL_ID", "PDF", "PNG", "ROWS", "USAGE", "Row"]

ROWS = {row.dialect.name: row for row in (CHAT, RESPONSES, MESSAGES, OLLAMA, CONVERSE, GEMINI_ROW)}
