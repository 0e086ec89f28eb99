"""The commands of the API's page do what it says: each is carried out against a real server.

As curl would do it, and not by curl, which not every machine has.
"""

from __future__ import annotations

import json
import re
import shlex
import urllib.request
from typing import Any

import pytest
from tests.docs.pages import page

from abmatic.identity import api_keys

_RUN = re.compile(r"^```sh run\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every command that is to be run; lines that end with a backslash joined."""
    blocks = _RUN.findall(page("docs/api.md").text)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line]


def carried_out(command: str, **variables: str) -> Any:
    """What a curl command is answered. An option that isn't known here fails, and so does an answer from 400 on."""
    for name, value in variables.items():
        command = command.replace(f"${name}", value)
    program, *words = shlex.split(command)
    assert program == "curl"
    method, headers, body, url = "GET", {}, None, ""
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = words.pop(0).encode()
        elif word != "-sf":
            assert not url, word
            assert word.startswith("http://"), word
            url = word
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=60) as answer:
        return json.load(answer)


@pytest.mark.django_db(transaction=True)
def test_each_command_is_answered(live_server: Any) -> None:
    key = api_keys.create("Docs", "operator")[1]
    found = commands()
    assert len(found) >= 6
    said = {command: carried_out(command, ABMATIC=live_server.url, KEY=key) for command in found}
    made, many = (told for command, told in said.items() if "-X POST" in command)
    assert made["domain"] == "acme.com"
    assert [each["status"] for each in many["results"]] == ["updated", "created"]
