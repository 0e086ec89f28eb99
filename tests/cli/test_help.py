"""What `--help` says is whole and true, and wrong use is answered with a reason, a remedy and an exit code."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner
from tests.cli.orgs import sample_org
from tests.cli.processes import Installation
from tests.docs.test_commands import commands

from abmatic.cli.main import abmatic
from abmatic.sync.objects import configurable

WITH_OBJECTS = {
    "sync": {spec.name for spec in configurable()},
    "pull": {"accounts", "contacts", "leads", "opportunities"},
    "push": {"accounts", "contacts", "opportunities"},
    "records": {"accounts", "contacts", "opportunities", "campaigns"},
}


def helped(*words: str) -> str:
    answer = CliRunner().invoke(abmatic, [*words, "--help"], prog_name="abmatic")
    assert answer.exit_code == 0
    return answer.output


@pytest.mark.parametrize("command", sorted(WITH_OBJECTS))
def test_every_object_is_named(command: str) -> None:
    said = helped(command)
    assert [name for name in WITH_OBJECTS[command] if name not in said] == []


def test_no_line_of_a_list_of_commands_is_cut_off() -> None:
    groups = [name for name, command in commands().items() if isinstance(command, click.Group)]
    assert {name for name in groups if "...\n" in helped(*name.split()).partition("Commands:")[2]} == set()


@pytest.mark.parametrize("command", ["sync", "pull", "push", "undo", "records", "import", "connect"])
def test_examples_are_commands_that_there_are(command: str) -> None:
    lines = [line.strip() for line in helped(command).splitlines() if line.strip().startswith(f"abmatic {command}")]
    assert lines
    options = {each for param in commands()[command].params for each in param.opts}
    for line in lines:
        assert {word for word in line.split() if word.startswith("--")} <= options, line


@pytest.mark.server
def test_wrong_use_is_answered_with_reason_and_remedy(installation: Installation) -> None:
    with sample_org(installation) as org:
        for command in (["sync"], ["push", "accounts", "--record", "1"], ["pull", "accounts", "--report", "x"]):
            said = org.run(*command, "--preview", code=3)
            assert "No Salesforce org is connected. Connect one" in said, command
        org.connect()
        assert "'Acounts' is not an object that is synchronised; these are: Account" in org.run(
            "sync", "Acounts", "--preview", code=2
        )
        assert "Lead" in org.run("pull", "Campaign", "--soql", "SELECT Id FROM Campaign", "--preview", code=1)
        said = org.run("push", "accounts", "--record", "987654", "--preview", code=1)
        assert "There is no account 987654. `abmatic records accounts --search TEXT` finds records by name" in said
        assert "There is no collection 9 of account records; there is: none" in org.run(
            "push", "accounts", "--collection", "9", "--preview", code=1
        )
        for command in (["undo", "999"], ["runs", "999"], ["export", "records", "999"]):
            assert "There is no run 999. `abmatic runs` lists them" in org.run(*command, code=1), command
        assert "There is no connection “Nobody”; there is “Sample Org”" in org.run(
            "sync", "--preview", "--connection", "Nobody", code=1
        )
        preview = org.run("sync", "Lead", "--preview")
        assert "1 API calls" not in preview
        calls = json.loads(org.run("sync", "Lead", "--preview", "--json"))["previews"][0]["calls_of_run"]
        assert f"about {calls} API call{'' if calls == 1 else 's'};" in preview
