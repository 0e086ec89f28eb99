"""The same text has the same key on any server: whatever locale its database has, and however often it is migrated."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from importlib import import_module, resources
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import sql


@pytest.fixture
def plain_database(db: None) -> Iterator[psycopg.Connection[Any]]:
    """A database whose own locale knows ASCII only, with the key functions and a few suffixes."""
    parameters = {**connection.get_connection_params(), "autocommit": True}
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(**parameters) as here:
        here.execute(
            sql.SQL(
                "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
            ).format(sql.Identifier(name))
        )
        try:
            with psycopg.connect(**{**parameters, "dbname": name}) as there:
                for file in ("casts_v1.sql", "keys_v1.sql"):
                    there.execute(resources.files("abmatic.audiences").joinpath("sql", file).read_bytes())
                there.execute("INSERT INTO public_suffix (suffix, is_exact) VALUES ('de', true), ('tr', true)")
                yield there
        finally:
            here.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_keys_do_not_depend_on_the_locale_of_the_database(plain_database: psycopg.Connection[Any]) -> None:
    (lowered,) = plain_database.execute("SELECT lower('MÜLLER')").fetchone() or ("",)
    assert lowered == "mÜller", "this database's own rules are no help"
    typed = ["MÜLLER.DE", "ΠΑΠΑΣ.DE", "İSTANBUL.TR", "BILGI.TR", "ŞIŞLI.TR", "ＡＣＭＥ.DE", "faẞ.de"]
    query = "SELECT domain_key(t), email_key('X@' || t) FROM unnest(%s::text[]) WITH ORDINALITY AS u (t, o) ORDER BY o"
    elsewhere = plain_database.execute(query, [typed]).fetchall()
    with connection.cursor() as cursor:
        cursor.execute(query, [typed])
        assert cursor.fetchall() == elsewhere
    assert elsewhere[0] == ("xn--mller-kva.de", "x@xn--mller-kva.de")
    assert None not in [key for keys in elsewhere for key in keys]


def test_the_functions_can_be_taken_away_and_made_again(plain_database: psycopg.Connection[Any]) -> None:
    migration = import_module("abmatic.audiences.migrations.0002_keys").Migration
    for operation in reversed(migration.operations):
        plain_database.execute(operation.reverse_sql)
    for operation in migration.operations:
        plain_database.execute(operation.sql)
