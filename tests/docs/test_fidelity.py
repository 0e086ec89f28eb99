"""The table of the emulator's fidelity: each row says its evidence, and names tests that are there."""

from __future__ import annotations

import re

import pytest
from tests.docs.pages import ROOT

TABLE = (ROOT / "docs" / "salesforce-fidelity.md").read_text(encoding="utf-8")
TESTS = {path.stem for path in (ROOT / "tests" / "salesforce_emulator").rglob("test_*.py")}
EVIDENCE = re.compile(
    r"recorded|quoted|documented|believed|ours|not yet|known from practice|fits all|numbers|–", re.IGNORECASE
)


def rows() -> list[tuple[str, str, str]]:
    """Capability, evidence and tests of every row of the tables that have these columns."""
    found, counts = [], False
    for line in TABLE.splitlines():
        if not line.startswith("|"):
            counts = False
        elif line == "| capability | evidence | test |":
            counts = True
        elif counts and not line.startswith("|---"):
            capability, evidence, tests = (cell.strip() for cell in line.strip("|").split(" | "))
            found.append((capability, evidence, tests))
    return found


@pytest.mark.parametrize(("capability", "evidence", "tests"), rows())
def test_each_row_names_its_evidence_and_tests_that_are_there(capability: str, evidence: str, tests: str) -> None:
    assert EVIDENCE.search(evidence), f"{capability}: {evidence}"
    named = re.findall(r"`(test_\w+)`", tests)
    assert named or tests == "–", f"{capability}: {tests}"
    assert [name for name in named if name not in TESTS] == [], capability


def test_the_table_is_read() -> None:
    assert len(rows()) > 100
