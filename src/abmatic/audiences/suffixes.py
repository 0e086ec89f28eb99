"""Loads the Public Suffix List and the hosts that stand for no company into their tables.

The list comes with the tldextract package (offline), private section included: ``a.github.io`` and ``b.github.io``
are two companies. Runs after every migration and does nothing when the tables hold this list already.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import idna
from django.db import connection, transaction


def load() -> bool:
    """Brings both tables up to date. Returns whether anything had to be written."""
    suffixes = sorted(_suffixes().items())
    hosts = sorted(_unkeyed_hosts())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT suffix, is_exact, is_wildcard, is_exception FROM public_suffix ORDER BY suffix")
        have_suffixes = [(row[0], tuple(row[1:])) for row in cursor.fetchall()]
        cursor.execute("SELECT host, problem FROM unkeyed_host ORDER BY host")
        if have_suffixes == suffixes and cursor.fetchall() == hosts:
            return False
        cursor.execute("DELETE FROM public_suffix")
        cursor.executemany(
            "INSERT INTO public_suffix (suffix, is_exact, is_wildcard, is_exception) VALUES (%s, %s, %s, %s)",
            [(suffix, *flags) for suffix, flags in suffixes],
        )
        cursor.execute("DELETE FROM unkeyed_host")
        cursor.executemany("INSERT INTO unkeyed_host VALUES (%s, %s)", hosts)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE public_suffix, unkeyed_host")
    return True


def _suffixes() -> dict[str, tuple[bool, bool, bool]]:
    """Every suffix with its flags (exact, wildcard, exception), in A-labels, and the tails of each without flags.

    With the tails in it, a name that the table doesn't hold is the tail of no longer rule: one look instead of many.
    """
    rules: dict[str, tuple[bool, bool, bool]] = {}
    for line in resources.files("tldextract").joinpath(".tld_set_snapshot").read_text(encoding="utf-8").splitlines():
        rule = line.strip()
        if not rule or rule.startswith("//"):
            continue
        name = _ascii(rule.removeprefix("!").removeprefix("*."))
        exact, wildcard, exception = rules.get(name, (False, False, False))
        rules[name] = (
            exact or rule[0] not in "!*",
            wildcard or rule.startswith("*."),
            exception or rule.startswith("!"),
        )
    for name in list(rules):
        while "." in name:
            name = name.split(".", 1)[1]
            rules.setdefault(name, (False, False, False))
    return rules


def _ascii(name: str) -> str:
    return name if name.isascii() else idna.encode(name, uts46=True).decode()


def _unkeyed_hosts() -> Iterator[tuple[str, str]]:
    text = resources.files("abmatic.audiences").joinpath("sql/unkeyed_hosts.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            problem, *hosts = line.split()
            yield from ((host, problem) for host in hosts)
