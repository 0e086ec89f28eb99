"""The traps other tools fell into, and where each is kept out of.

The numbers are those of the project's list of how Salesforce really behaves. A trap that concerns reading
names the tests here that spring it; the others belong to the sync, which decides what is asked for and what
the answers mean. This page only keeps the list honest: every test it names must exist.
"""

from __future__ import annotations

import importlib

import pytest

HERE: dict[str, list[str]] = {
    "4 splitting columns over several queries mixes versions of a row": [
        "test_query.test_a_query_too_long_for_a_url_is_not_sent",  # refused, never split; Bulk takes 100,000 characters
        "test_emulated_org.test_a_bulk_job_gives_every_record_once",
    ],
    "5 CSV with newlines, quotes, lone CR; the text NA read as null": [
        "test_streams.test_any_header_line_is_taken_off_wherever_the_wire_cuts",
        "test_streams.test_unquoted_names_and_a_lone_carriage_return_are_read",
        "test_traps.test_what_a_cell_holds_is_never_touched",
    ],
    "6 paging that never ends without a locator, polling that never ends on Aborted": [
        "test_bulk.test_a_missing_locator_ends_the_pages",
        "test_bulk.test_locators_that_go_round_in_a_circle_end",
        "test_bulk.test_polling_ends_on_aborted",
        "test_bulk.test_waiting_gives_up_after_its_limit_and_names_the_job",
        "test_query.test_pages_that_never_end_end",
    ],
    "8 what was sent and not answered is sent again (here: a bulk job)": [
        "test_bulk.test_a_creation_whose_outcome_is_unknown_is_looked_up_not_repeated",
    ],
    "11 several workers refreshing one rotating token; knocking after a refusal": [
        "test_tokens.test_twenty_threads_with_one_expired_token_refresh_it_once",
        "test_tokens.test_a_refused_grant_is_not_tried_again",
        "test_emulated_org.test_twenty_threads_with_one_expired_session_refresh_it_once",
    ],
    "12 a field that vanished read as null": [
        "test_describe.test_a_field_that_vanished_is_gone_from_the_describe",
        "test_emulated_org.test_a_field_missing_from_the_answer_is_missing_from_the_records",
        "test_query.test_a_missing_field_is_named",
    ],
    "13 0 and false taken for blank": ["test_traps.test_what_a_cell_holds_is_never_touched"],
    "15 dates shifted a day by time zones": ["test_traps.test_what_a_cell_holds_is_never_touched"],
    "17 bulk for one record costs a minute": [
        "test_query.test_a_count_is_one_call",
        "test_bulk.test_a_job_of_three_seconds_costs_hardly_more_than_three_seconds",
    ],
}

# 1 (ties), 2 and 3 (watermarks, start dates), 16 (a merge is no delete): the sync's windows and matching, over
# queries that show deleted records. 7, 9, 10, 14: writing.

CELLS = (
    b'"Id","Name","Active__c","Employees","Closed","Stamp"\n'
    b'"001","NA","false","0","2026-02-28","2026-02-28T23:30:00.000Z"\n'
    b'"002","null","true","0.0","2026-03-01","2026-03-01T00:30:00.000Z"\n'
    b'"003"," \rline\r\nbreaks\n\x00 ""quoted""","","","",""\n'
)


def test_what_a_cell_holds_is_never_touched() -> None:
    """Not NA, not 0, not false, not a date, not an empty cell: the bytes go on as they came."""
    from abmatic.salesforce.streams import read_page

    from .conftest import csv_page

    for piece in (1, 7, 1000):
        stream = read_page(csv_page(CELLS, records=3, piece=piece))
        assert b"".join(stream.chunks) == CELLS.split(b"\n", 1)[1]


@pytest.mark.parametrize("name", sorted({name for names in HERE.values() for name in names}))
def test_the_tests_named_here_exist(name: str) -> None:
    module, function = name.split(".")
    assert callable(getattr(importlib.import_module(f"{__package__}.{module}"), function))
