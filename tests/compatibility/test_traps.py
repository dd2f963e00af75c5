"""The traps of translation that peers fell into, each with the tests that hold it.

A trap without a test is no promise: a row that names a test which is not there fails.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
D = "dialects/test_"
TRAPS: dict[str, tuple[str, ...]] = {
    # System and roles.
    "each system text keeps a block and its mark": (
        f"{D}marks::test_every_system_text_keeps_a_block_of_its_own",
    ),
    "a system message among the turns is promoted, and the body is not changed": (
        f"{D}anthropic_read::test_a_later_system_message_loses_its_place_by_name",
        f"{D}openai_read::test_a_system_message_in_the_middle_moves_to_the_front_by_name",
        f"{D}marks::test_what_stays_opaque_is_not_the_parsed_body_itself",
    ),
    "results of parallel calls are one turn of the user": (
        f"{D}anthropic_write::test_answers_to_parallel_calls_are_one_turn_and_come_first",
        f"{D}bedrock_write::test_parallel_results_of_openai_are_one_turn_and_stand_first",
        f"{D}gemini_write::test_answers_stand_first_and_neighbours_of_one_role_are_one",
    ),
    "blank texts and empty turns are left out": (
        f"{D}anthropic_write::test_blank_words_and_empty_turns_are_left_out",
        f"{D}bedrock_write::test_blank_turns_go_and_their_neighbours_are_joined",
        f"{D}gemini_write::test_blank_turns_are_none_and_a_conversation_of_them_cannot_be_had",
    ),
    # Required and forbidden.
    "max_tokens is injected where it is demanded, and named": (
        f"{D}anthropic_write::test_the_least_conversation_is_a_whole_request",
    ),
    "temperature has its bound": (
        f"{D}anthropic_write::test_sampling_is_said_as_far_as_the_vendor_has_words",
        f"{D}gemini_config::test_sampling_is_said_within_what_the_vendor_takes",
    ),
    "thinking excludes sampling": (
        f"{D}anthropic_write::test_no_thinking_keeps_the_sampling",
        f"{D}bedrock_settings::test_what_claude_refuses_together_with_thinking_is_lost",
    ),
    "a forced tool excludes thinking": (
        f"{D}anthropic_write::test_a_forced_tool_wins_over_thinking",
        f"{D}bedrock_settings::test_a_forced_tool_wins_over_thinking",
    ),
    "a budget of thinking is 1024 or more, and below the limit": (
        "translation/test_efforts::test_a_budget_is_never_too_small_and_leaves_room_for_the_reply",
        f"{D}bedrock_settings::test_a_budget_stays_below_the_limit",
    ),
    "parallel calls are forbidden in each vendor's words, or lost by name": (
        f"{D}anthropic_write::test_tools_and_their_choice_are_said",
        f"{D}bedrock_write::test_one_call_at_a_time_is_a_named_loss",
    ),
    "a choice of no tool, where there is no word for it": (
        f"{D}bedrock_write::test_a_choice_of_no_tool_leaves_them_out_where_it_can",
    ),
    "a history with calls has tools": (
        f"{D}bedrock_write::test_history_with_calls_has_tools_even_when_none_are_left",
    ),
    "the form of an answer goes where the model takes it": (
        f"{D}anthropic_write::test_an_older_model_is_not_held_to_a_schema",
        f"{D}gemini_config::test_the_form_of_an_answer_is_asked_for_where_the_model_takes_it",
        f"{D}bedrock_settings::"
        "test_a_form_of_the_answer_is_said_only_where_the_catalogue_says_json",
    ),
    "a schema is one that the vendor takes": (
        f"{D}gemini_schema::test_an_old_model_gets_the_subset_that_it_takes",
        f"{D}anthropic_write::test_a_schema_is_made_an_object",
        f"{D}bedrock_write::test_a_schema_has_a_type_and_no_properties_of_null",
    ),
    # Tools.
    "names are mapped, and mapped back": (
        "translation/test_names::"
        "test_every_name_becomes_one_that_is_allowed_and_an_allowed_one_stays",
        f"{D}bedrock_write::test_whatever_a_tool_is_called_its_name_comes_back",
        f"{D}gemini_write::test_names_that_google_forbids_are_mapped_and_mapped_back",
    ),
    "a definition wins over a name of the history": (
        "translation/test_names::test_a_tool_that_is_defined_wins_over_one_that_was_only_called",
    ),
    "arguments are an object, or an empty one": (
        "translation/test_parts::test_replayed_arguments_are_an_object_or_a_loss",
        f"{D}openai_writer::test_a_call_without_arguments_gets_an_empty_object",
        f"{D}anthropic_answer::test_a_call_without_arguments_says_an_empty_object",
    ),
    "ids are respelled alike in call and result": (
        f"{D}anthropic_write::"
        "test_an_id_that_the_vendor_refuses_is_spelled_alike_in_call_and_answer",
        f"{D}anthropic_answer::test_ids_that_clients_refuse_are_respelled",
    ),
    "a call without an id gets one": (
        f"{D}gemini_reply::"
        "test_a_call_without_an_id_has_the_same_one_whenever_it_is_read_and_another_in_each_reply",
        f"{D}openai_responses_reader::test_a_call_without_an_id_gets_one",
    ),
    "a result finds the name of its call": (
        f"{D}openai_read::test_results_of_parallel_calls_are_one_turn_and_know_their_tool",
        f"{D}gemini_read::test_answers_find_their_calls_by_id_or_by_name_in_order",
    ),
    "a result is not said to be good where nobody says so": (
        f"{D}bedrock_write::test_a_failed_result_says_so_where_the_model_takes_it",
    ),
    "pictures in results": (
        f"{D}carried::test_a_picture_of_a_tool_moves_where_a_result_holds_words_alone",
        f"{D}carried::test_a_picture_of_a_tool_stays_where_a_result_holds_it",
    ),
    "tools with free text, and kinds that nobody knows": (
        f"{D}openai_responses_read::test_a_custom_call_is_one_with_a_single_argument",
        f"{D}openai_responses_read::test_functions_are_tools_and_others_are_lost_by_their_kind",
        f"{D}openai_responses_ask::test_a_tool_that_the_client_runs_stays",
    ),
    # Thinking.
    "signed reasoning is replayed unchanged and first": (
        f"{D}anthropic_ask::test_a_passed_body_keeps_every_field_and_its_order",
        f"{D}anthropic_write::"
        "test_signed_reasoning_is_replayed_and_unsigned_reasoning_lost_by_name",
        "translation/test_own_thinking::test_what_a_claude_signed_is_never_touched",
    ),
    "reasoning that no Claude signed goes to none": (
        f"{D}carried::test_reasoning_that_no_claude_signed_goes_to_none",
        "translation/test_own_thinking::test_what_nobody_signed_is_lost_by_name",
        "shell/test_anthropic_terms::"
        "test_a_claude_gets_the_reasoning_that_a_claude_signed_and_no_other",
    ),
    "without the reasoning, a call is answered without thinking": (
        f"{D}carried::test_a_call_without_its_signed_reasoning_is_answered_without_thinking",
        "translation/test_own_thinking::"
        "test_a_call_without_its_reasoning_goes_without_thinking_where_that_has_a_bound",
    ),
    "no mark stands on reasoning": (f"{D}marks::test_no_mark_stands_on_reasoning",),
    "an effort reaches each vendor in its words": (
        f"{D}carried::test_every_effort_reaches_everybody_or_the_nearest_does_by_name",
        f"{D}bedrock_settings::test_each_family_is_told_to_think_in_its_own_words",
    ),
    "reasoning has two names at engines": (
        f"{D}openai_reader::test_reasoning_has_two_names_and_counts_once",
        f"{D}openai_vllm::test_real_reasoning_is_thinking_and_no_text",
    ),
    "a host that knows no reasoning gets none": (
        f"{D}openai_hosted::test_reasoning_of_earlier_turns_is_a_loss_and_not_an_error",
    ),
    "Gemini's signature on the first call": (
        f"{D}gemini_write::test_the_third_family_gets_a_signature_on_the_first_call_of_each_turn",
        f"{D}carried::test_the_signature_of_a_call_goes_with_it_through_openai_chat",
        f"{D}gemini_write::test_only_a_signature_that_the_vendor_can_read_is_sent",
    ),
    "state that is kept elsewhere is refused": (
        "flow/test_responses::test_state_that_is_kept_elsewhere_is_refused_and_recorded",
    ),
    # Streams.
    "one open block, contiguous indexes, one beginning": (
        f"{D}anthropic_answer::test_whatever_the_order_the_grammar_holds_and_nothing_is_lost",
        f"{D}anthropic_answer::test_a_stream_begins_once",
        f"{D}translated_streams::test_any_reply_keeps_the_grammar_and_is_whole_in_every_dialect",
    ),
    "an empty list of calls is no switch": (
        f"{D}openai_reader::test_an_empty_list_of_calls_is_no_call",
    ),
    "a reply that calls a tool says so": (
        f"{D}anthropic_answer::test_a_reply_says_that_a_tool_must_run_if_and_only_if_it_calls_one",
        f"{D}openai_reader::test_a_reply_that_calls_a_tool_stops_for_it",
        f"{D}bedrock_answer::test_a_reply_that_calls_stops_to_call_whatever_the_engine_said",
    ),
    "everything in one chunk": (f"{D}openai_reader::test_everything_in_one_chunk_is_taken_apart",),
    "interleaved calls become sequential": (
        f"{D}anthropic_answer::test_interleaved_calls_become_one_block_after_the_other",
        f"{D}openai_reader::test_interleaved_fragments_find_their_call",
    ),
    "usage is asked for, and hidden from who did not": (
        "flow/test_streams::test_usage_that_the_client_did_not_ask_for_is_heard_and_removed",
        f"{D}openai_write::test_a_stream_asks_for_usage",
    ),
    "input that is known late is told at the end": (
        f"{D}anthropic_answer::test_usage_after_the_stop_counts_and_the_last_one_wins",
        f"{D}anthropic_answer::test_input_that_is_known_late_is_told_at_the_end",
    ),
    "usage comes after the stop at Bedrock": (
        f"{D}bedrock_reply::test_nothing_has_ended_before_the_usage_is_told",
        f"{D}bedrock_tap::test_a_wrong_checksum_passes_nothing",
        f"{D}bedrock_reply::test_an_exception_inside_a_stream_breaks_it",
        f"{D}bedrock_reply::test_an_error_under_status_200_is_an_error",
    ),
    "a Gemini stream with any line ending, and its stop in a later chunk": (
        f"{D}gemini_reply::"
        "test_a_stream_is_read_the_same_wherever_it_is_cut_and_however_its_lines_end",
        f"{D}gemini_reply::test_a_reason_that_is_not_given_yet_ends_nothing",
    ),
    "failover before the first content": (
        "flow/test_streams::test_a_stream_that_ends_before_any_content_is_tried_elsewhere",
        "flow/test_streams::test_an_error_inside_the_stream_before_any_content_is_tried_elsewhere",
    ),
    "a broken stream never ends well": (
        "flow/test_streams::test_an_error_after_the_first_content_ends_with_the_dialects_own_error",
        f"{D}anthropic_answer::test_a_broken_reply_never_ends_well",
    ),
    "an engine's comments and pings pass, and say nothing": (
        f"{D}anthropic_tap::test_comments_and_unknown_events_pass",
        f"{D}completions::test_a_comment_in_a_stream_passes_and_is_no_content",
    ),
    # Reasons, media, caches.
    "a refusal is no normal end, an unknown reason no good one": (
        f"{D}anthropic_answer::test_a_reason_that_nobody_knows_is_never_a_good_end",
        f"{D}gemini_reply::test_every_reason_to_stop_has_a_word_of_ours",
        f"{D}bedrock_reply::test_every_reason_to_stop_is_told",
        f"{D}openai_responses_reader::test_an_incomplete_reply_says_why",
    ),
    "nobody fetches": (
        "flow/test_references::test_without_the_word_nothing_is_sent_and_nothing_is_repeated",
        "flow/test_references::test_vllm_fetches_nothing_whatever_policy_says",
    ),
    "documents have names that Bedrock takes, and words beside them": (
        f"{D}bedrock_marks::test_documents_have_names_that_bedrock_takes_each_once",
        f"{D}bedrock_write::test_documents_have_names_and_words_beside_them",
    ),
    "marks of a cache: four, as elements at Bedrock, or lost by name": (
        f"{D}marks::test_of_more_marks_than_the_vendor_takes_the_last_stand",
        f"{D}marks::test_four_marks_stand_where_they_stood_with_their_time",
        f"{D}bedrock_marks::test_a_mark_is_an_element_behind_what_it_marks",
        f"{D}marks::test_who_knows_no_marks_names_their_loss",
    ),
    "cached tokens are counted once": (
        f"{D}openai_writer::test_usage_counts_the_cache_into_the_prompt",
        f"{D}openai_responses_writer::test_usage_counts_what_came_from_the_cache_as_input",
        f"{D}completions::test_what_came_from_a_cache_is_counted_once",
    ),
    # Other.
    "betas are told by a list, or lost by name": (
        "shell/test_betas::test_what_is_not_on_a_list_is_lost_by_name_at_every_way",
    ),
    "a count is a prompt that leaves": (
        "flow/test_borders::test_a_count_goes_where_the_prompt_may_go_and_where_somebody_counts",
    ),
    "an Ollama server keeps its window": (
        f"{D}ollama_generate::test_an_ollama_server_keeps_its_window_and_cuts_nothing",
        f"{D}ollama_ask::test_all_sampling_can_be_said",
    ),
    "a text is filled in as its family wants it": (
        "translation/test_fim::test_each_family_has_the_prompt_that_it_was_trained_on",
    ),
    "errors are in the client's own form, and an engine that answers HTML is none": (
        "flow/test_exchange::test_an_unknown_model_is_refused_in_the_clients_own_form_and_recorded",
        "flow/test_streams::test_html_in_place_of_a_stream_is_tried_elsewhere",
    ),
    "an engine that cannot be told is passed over": (
        "flow/test_unable::test_the_next_candidate_is_asked_and_only_what_is_sent_is_an_attempt",
    ),
}


@cache
def found_in(module: str) -> frozenset[str]:
    tree = ast.parse((TESTS / f"{module}.py").read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(one.name for one in tree.body if isinstance(one, kinds))


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_is_held_by_tests_that_are_there(trap: str) -> None:
    assert TRAPS[trap]
    for name in TRAPS[trap]:
        module, _, test = name.partition("::")
        assert test.startswith("test_")
        assert test in found_in(module)
