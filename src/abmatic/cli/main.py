"""The table of commands, and what happens to an error that a command lets through.

A command's module is imported only when that command is called (or its own help asked for), so that `abmatic --help`
is quick and needs neither settings nor a database. A new command is one row in `COMMANDS`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from django.core.exceptions import ImproperlyConfigured

from abmatic import __version__
from abmatic.cli.failures import INTERRUPTED, NotReady
from abmatic.postgres.errors import PostgresError


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: its name, where it is (module:attribute), and its line in the list."""

    name: str
    target: str
    summary: str


COMMANDS = (
    Entry("up", "abmatic.cli.up:up", "Run everything: database, web server and worker"),
    Entry("stop", "abmatic.cli.stop:stop", "Stop what `abmatic up` runs"),
    Entry("web", "abmatic.cli.web:web", "Run the web server alone"),
    Entry("worker", "abmatic.cli.worker:worker", "Run a worker alone"),
    Entry("migrate", "abmatic.cli.migrate:migrate", "Bring the database up to this release"),
    Entry("doctor", "abmatic.cli.doctor:doctor", "Check the installation, with a remedy for what is wrong"),
    Entry("connect", "abmatic.cli.domain_connect:connect", "Connect a Salesforce org, or reconnect one"),
    Entry("sync", "abmatic.cli.domain_sync:sync", "Sync with Salesforce"),
    Entry("pull", "abmatic.cli.domain_pull:pull", "Import chosen records from Salesforce into a collection"),
    Entry("push", "abmatic.cli.domain_push:push", "Push chosen records to Salesforce now"),
    Entry("replace", "abmatic.cli.domain_replace:replace", "Let a connected org take another's place"),
    Entry("undo", "abmatic.cli.domain_undo:undo", "Put back what a run wrote, where it is still what it wrote"),
    Entry("runs", "abmatic.cli.domain_runs:runs", "List the runs, or show what one found"),
    Entry("issues", "abmatic.cli.domain_issues:issues", "List what could not be written to Salesforce, or retry it"),
    Entry("changes", "abmatic.cli.domain_changes:changes", "Show what changed in the records here, and by what"),
    Entry(
        "records",
        "abmatic.cli.domain_records:records",
        "Print accounts, contacts, opportunities or campaigns as JSON lines",
    ),
    Entry("campaigns", "abmatic.cli.domain_campaigns:campaigns", "Link campaigns with those in Salesforce"),
    Entry("export", "abmatic.cli.domain_export:export", "Write runs, changes or open issues as CSV"),
    Entry("import", "abmatic.cli.domain_import:import_file", "Import accounts or contacts from a CSV file"),
    Entry("link", "abmatic.cli.domain_link:link", "Make addresses for e-mails that say who follows them"),
    Entry("person", "abmatic.cli.domain_person:person", "Tell or erase what the website knows of somebody"),
    Entry("settings", "abmatic.cli.domain_settings:settings", "Write the settings to a file, and read them from one"),
    Entry("user", "abmatic.cli.domain_users:user", "Look after the people who sign in"),
    Entry("api-keys", "abmatic.cli.domain_api_keys:api_keys", "Make, list and revoke keys for the REST API"),
    Entry("keys", "abmatic.cli.domain_keys:keys", "Make and change the keys that seal what is secret"),
    Entry("demo", "abmatic.cli.domain_demo:demo", "Run everything with an emulated Salesforce org, data imported"),
    Entry("database", "abmatic.cli.database:database", "Look after the embedded database"),
    Entry("emulator", "abmatic.cli.emulator:emulator", "Run a Salesforce emulator to try things with"),
)


class Commands(click.Group):
    """A group whose commands are loaded when they're needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command's module."""
        entry = next((entry for entry in COMMANDS if entry.name == cmd_name), None)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in --help, without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.summary) for entry in COMMANDS])

    def invoke(self, ctx: click.Context) -> Any:
        """Turns the errors that a person can do something about into messages."""
        try:
            return super().invoke(ctx)
        except (PostgresError, ImproperlyConfigured) as error:
            raise NotReady(str(error)) from error
        except KeyboardInterrupt:
            # click would say "Aborted!" and end with 1, as if the work had failed.
            raise click.exceptions.Exit(INTERRUPTED) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="abmatic")
def abmatic() -> None:
    """Abmatic keeps a Salesforce org and your own picture of accounts in agreement.

    Settings come from the environment (ABMATIC_*, DATABASE_URL). Exit codes: 0 done, 1 failed, 2 wrong usage,
    3 not ready (database, migrations, a setting, a taken port), 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the `abmatic` script."""
    try:
        abmatic.main(args=arguments, prog_name="abmatic")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
