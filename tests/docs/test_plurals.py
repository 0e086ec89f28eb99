"""No page, command or outcome says "1 records": a number beside what it counts is written by `counted`."""

from __future__ import annotations

import re

import pytest
from tests.docs.pages import ROOT

from abmatic.audiences.counted import counted

_NOUNS = (
    "accounts|calls|campaigns|changes|columns|connections|contacts|days|employees|fields|files|hours|issues|jobs|keys|"
    "leads|links|members|migrations|minutes|objects|opportunities|people|records|rows|runs|secrets|settings|values|writes"
)
# A number in a text of Python: with separators, or by one of the names that numbers have.
_IN_TEXT = re.compile(
    r"\{(?!_?[A-Z][A-Z_]*:)(?:[^{}]*:,|len\([^{}]*\)|[a-z_.]*\b(?:n|number|many|count|total|waiting|concurrency))\}"
    rf" (?:API |stored )?(?:{_NOUNS})\b"
)
_IN_TEMPLATE = re.compile(rf"\|number \}}\}} (?:API )?(?:{_NOUNS}|\{{\{{ \w+\.label\|lower)\b")
# Never 1: how many rows are looked at, and the calls that an org may make a day.
_LARGE = {"|number }} rows", "|number }} API calls", "{connection.api_allowed or 0:,} calls", "{usage.allowed:,} calls"}


@pytest.mark.parametrize(
    ("suffix", "pattern"), [("py", _IN_TEXT), ("html", _IN_TEMPLATE)], ids=["in Python", "in templates"]
)
def test_what_is_counted_is_counted_right(suffix: str, pattern: re.Pattern[str]) -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for room in ("cli", "web", "sync")
        for file in sorted((ROOT / "src" / "abmatic" / room).rglob(f"*.{suffix}"))
        for match in pattern.finditer(file.read_text(encoding="utf-8"))
        if match[0] not in _LARGE
    ]
    assert found == []


def test_the_patterns_find_what_is_wrong() -> None:
    assert _IN_TEXT.search('f"about {calls:,} API calls"')
    assert _IN_TEXT.search('f"{len(rows)} rows"')
    assert _IN_TEMPLATE.search("{{ found|number }} records")
    assert _IN_TEMPLATE.search("{{ found|number }} {{ spec.label|lower }}")


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 records"), (1, "1 record"), (2, "2 records"), (12_000, "12,000 records")]
)
def test_one_is_one(number: int, said: str) -> None:
    assert counted(number, "record") == said
    assert counted(number, "record was", "records were").startswith(said)
