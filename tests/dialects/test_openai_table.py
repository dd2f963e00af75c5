from gateway.dialects import DIALECTS
from gateway.dialects.openai_chat import OPENAI_CHAT


def test_the_table_knows_every_dialect_by_its_own_name() -> None:
    assert DIALECTS["openai_chat"] is OPENAI_CHAT
    assert [dialect.name for dialect in DIALECTS.values()] == list(DIALECTS)


def test_a_stream_of_chat_completions_is_server_sent_events() -> None:
    assert OPENAI_CHAT.stream_type == "text/event-stream"
