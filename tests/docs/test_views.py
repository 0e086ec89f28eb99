"""docs/views.md and the views of the database are the same, and its read-only role may read them and nothing else."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from tests.docs.pages import page
from tests.web import org

from abmatic.audiences import custom_fields

pytestmark = pytest.mark.django_db

Columns = dict[str, list[tuple[str, str]]]


def documented() -> Columns:
    """View, then its columns with their types, in their order."""
    found = {}
    for part in page("docs/views.md").text.split("\n## ")[1:]:
        name, _, text = part.partition("\n")
        rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)
        if rows:
            found[name] = [(column, kind.strip()) for column, kind in rows]
    return found


def there() -> Columns:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname, format_type(a.atttypid, NULL) FROM pg_class AS c "
            "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 "
            "WHERE c.relnamespace = 'abmatic_views'::regnamespace ORDER BY c.relname, a.attnum"
        )
        found: Columns = {}
        for view, column, kind in cursor.fetchall():
            found.setdefault(view, []).append((column, kind))
        return found


def test_the_page_describes_every_view_column_by_column() -> None:
    assert len(there()) == 7
    assert documented() == there()


def statements() -> list[str]:
    (block,) = re.findall(r"```sql\n(CREATE ROLE.*?)```", page("docs/views.md").text, re.DOTALL)
    return [statement.strip() for statement in block.split(";") if statement.strip()]


def as_superuser() -> psycopg.Connection[tuple[Any, ...]]:
    """The test's database, by the embedded server's superuser; on another server by whoever the tests are."""
    entry = connection.get_connection_params()
    user = "postgres" if settings.ENVIRONMENT.embedded else entry["user"]
    names = ("host", "port", "password", "dbname")
    return psycopg.connect(**{name: entry[name] for name in names if entry.get(name)}, user=user)


@pytest.mark.django_db(transaction=True)
def test_the_role_reads_the_views_and_nothing_else() -> None:
    connected = org.connect()
    run = org.run(connected)
    account = org.account("Acme", cause=run.cause, domain="acme.com")
    org.link(connected, account, "001000000000001AAA")
    role = f"reader_{secrets.token_hex(4)}"
    made = [statement.replace("abmatic_reader", role) for statement in statements()]
    assert len(made) == 6
    owner = connection.get_connection_params()["user"]
    with as_superuser() as session:
        for statement in made:
            session.execute(statement.replace("FOR ROLE abmatic ", f"FOR ROLE {owner} ").encode())
        session.execute(f"SET LOCAL ROLE {role}".encode())
        session.execute("SET LOCAL search_path = abmatic_views, public")
        assert session.execute("SELECT name, created_by_run FROM accounts").fetchall() == [("Acme", run.pk)]
        links = session.execute("SELECT salesforce_id, url FROM salesforce_links WHERE record_id = %s", (account.pk,))
        assert links.fetchall() == [("001000000000001AAA", f"{connected.instance_url}/001000000000001AAA")]
        for view in documented():
            session.execute(f"SELECT * FROM {view}".encode())
        for table in ("sealed_secret", "app_user", "connection", "account", "issue"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), session.transaction():
                session.execute(f"SELECT FROM {table}".encode())
        session.rollback()


def test_the_example_works() -> None:
    (example,) = re.findall(r"```sql\n(SELECT.*?)```", page("docs/views.md").text, re.DOTALL)
    account = org.account("Acme", domain="acme.com")
    org.contact(account=account)
    with connection.cursor() as cursor:
        cursor.execute(example.replace("%", "%%"))
        assert cursor.fetchall() == [("Acme", 1)]


def test_a_custom_field_that_is_made_later_is_in_it() -> None:
    made = custom_fields.create("account", "Seats", "number")
    account, without = org.account("Acme"), org.account("Other")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE account SET {made.name} = 12 WHERE id = %s", [account.pk])
        cursor.execute("SELECT id, custom FROM abmatic_views.accounts ORDER BY id")
        found = dict(cursor.fetchall())
    assert json.loads(found[account.pk]) == {made.name: 12}
    assert json.loads(found[without.pk]) == {}
