"""Every command is documented, and every command, option and make target that is named exists."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from tests.docs.pages import ROOT, Page, page, pages

from abmatic.cli.main import COMMANDS, abmatic

# With a path or without. Before another "abmatic" it is the name of a user or a database.
_CALL = re.compile(r"(?<![\w./-])(?:\S*/)?abmatic(?! +abmatic)(?P<words>(?: +[a-z][a-z-]*)+)(?P<rest>[^#|`&;]*)")
_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*|-[a-z])\b")
_MAKE = re.compile(r"(?<![\w-])make +([a-z-]+)(?= |$)")
# Programs of others, whose arguments may be our name.
_OTHERS = ("docker build", "pg_", "psql", "useradd", "CREATE ", "openssl")


def commands() -> dict[str, click.Command]:
    """Every command and subcommand by its words."""
    context = click.Context(abmatic)
    found: dict[str, click.Command] = {}
    for entry in COMMANDS:
        command = abmatic.get_command(context, entry.name)
        assert command is not None
        found[entry.name] = command
        if isinstance(command, click.Group):
            found |= {f"{entry.name} {name}": sub for name, sub in command.commands.items()}
    return found


def calls(one: Page) -> Iterator[tuple[list[str], str]]:
    """The calls of a page: the words after the program's name, and what follows."""
    for piece in one.code:
        if not piece.lstrip().startswith(_OTHERS):
            for match in _CALL.finditer(piece):
                yield match["words"].split(), match["rest"]


def wrong(one: Page) -> list[str]:
    """The commands and options of a page that don't exist."""
    known = commands()
    found = []
    for words, rest in calls(one):
        command = known.get(words[0])
        if command is None:
            found.append(words[0])
            continue
        name = words[0]
        if isinstance(command, click.Group) and len(words) > 1:
            name = f"{words[0]} {words[1]}"
            command = known.get(name)
            if command is None:
                found.append(name)
                continue
        if words[0] == "emulator":  # has a parser of its own, tested with it
            continue
        options = {text for each in command.params for text in (*each.opts, *each.secondary_opts)} | {"--help"}
        found += [f"{name} {option}" for option in _OPTION.findall(rest) if option not in options]
    return found


def test_every_command_is_in_the_table() -> None:
    documented = page("docs/operating.md").text
    leaves = [name for name, command in commands().items() if not isinstance(command, click.Group)]
    assert len(leaves) > 20
    assert [name for name in leaves if f"| `abmatic {name}` |" not in documented] == []


@pytest.mark.parametrize("one", pages(), ids=str)
def test_commands_and_options_that_are_named_exist(one: Page) -> None:
    assert wrong(one) == []


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    class Bad(Page):
        text = "`abmatic upp` and `abmatic user remove`\n```sh\n.venv/bin/abmatic sync \\\n  --fully\n```\n"

    assert sorted(wrong(Bad(ROOT / "x.md"))) == ["sync --fully", "upp", "user remove"]


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {target for one in pages() for piece in one.code for target in _MAKE.findall(piece)}
    assert {"demo", "test", "run", "clean"} <= named
    assert named - targets == set()
