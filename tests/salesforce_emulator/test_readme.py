"""What the README shows works as it is shown."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
from tests.salesforce_emulator.client import DATA

import salesforce_emulator
from salesforce_emulator.testing import RunningOrg

README = Path(salesforce_emulator.__file__).with_name("README.md")


def query_and_try_again(org: RunningOrg, token: str) -> None:
    with httpx2.Client(base_url=org.url, headers={"Authorization": f"Bearer {token}"}) as client:
        asked = [client.get(f"{DATA}/query", params={"q": "SELECT Id FROM Account"}).status_code for _ in range(3)]
    assert asked == [503, 503, 200]


def test_the_example_of_a_test() -> None:
    found = re.search(r"## In a test\n\n```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    example, placed = re.subn(r"\.\.\.  # your client.*", "query_and_try_again(org, token)", found[1])
    assert placed == 1
    exec(example, {"query_and_try_again": query_and_try_again})
