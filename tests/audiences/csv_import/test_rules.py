"""The import's SQL agrees with a plain statement of the same rules, on any rows over any records."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.audiences import ask
from tests.audiences.csv_import import plain
from tests.audiences.csv_import.files import checked, imported, reasons, rows_of, written

from abmatic.audiences import custom_fields
from abmatic.audiences.fields import LocalField, custom
from abmatic.audiences.models import Account
from abmatic.changes.models import Change

pytestmark = pytest.mark.django_db(transaction=True)

# Few websites, so that rows meet each other and the records; spellings of one domain, and what is none.
websites = st.sampled_from(
    ["a.com", "www.A.com", "https://a.com/x", "b.com", " b.com ", "c.com", "münchen.de", "xn--mnchen-3ya.de", "n/a", "",
     "gmail.com", "10.0.0.1"]
)  # fmt: skip
names = st.sampled_from(["", " ", "Acme", "acme", "=1+1", "Zoë", "0", "two\nlines", '"', "a,b", "\\."])
amounts = st.sampled_from(
    ["", "0", "5", "1,234", "1.234", "1,234.5", "1.234,5", "12,34", "0.0000005", "-3", "+3", "1 000", "$5", "x",
     "1,2,3", "--1", "5.", "1'000"]
)  # fmt: skip
days = st.sampled_from(["", "2026-01-31", "31.1.2026", "1/2/2026", "31/1/2026", "1/31/2026", "2026-02-30", "soon"])
rows = st.lists(st.tuples(websites, names, amounts, days), min_size=1, max_size=8)
here = st.dictionaries(
    st.sampled_from(["a.com", "b.com", "xn--mnchen-3ya.de"]),
    st.fixed_dictionaries({
        "name": st.sampled_from([None, "Acme", "Old"]), "revenue": st.sampled_from([None, 0, 5, 1234]),
        "when": st.sampled_from([None, "2026-01-31", "2020-01-01"]),
    }),
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    here, rows, st.sampled_from(["skip", "overwrite", "fill"]), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_sql_and_plain_statement_agree(
    records: dict[str, dict[str, Any]],
    given_rows: list[tuple[str, ...]],
    duplicates: str,
    keyless: bool,
    comma: bool,
    day_first: bool,
) -> None:
    Account.objects.all().delete()
    Change.objects.all().delete()
    when = next((each.name for each in _custom()), None) or custom_fields.create("account", "When", "date").name
    start = {domain: {"website": domain, **record} for domain, record in records.items()}
    for domain, record in start.items():
        made = Account.objects.create(website=domain, domain=domain, name=record["name"], revenue=record["revenue"])
        _set(made.pk, when, record["when"])
    told = {**start}
    for record in told.values():
        record["when"] = plain.day(record["when"], day_first) if record["when"] else None
    texts = sorted({row[0].strip() for row in given_rows})
    domains = dict(zip(texts, (key for key, _ in ask.domains(texts)), strict=True))
    expected = plain.imported(
        told, given_rows, domains, duplicates=duplicates, keyless=keyless, comma=comma, day_first=day_first
    )
    content = written([["Website", "Name", "Annual revenue", "When"], *given_rows])
    how = {"duplicates": duplicates, "takes_keyless": keyless, "decimal_comma": comma, "day_first": day_first}
    columns = ["website", "name", "revenue", when]
    if not any(any(map(str.strip, row)) for row in given_rows):
        return
    looked = checked("account", content, columns, **how)
    file = imported("account", content, columns, **how)
    found = rows_of("account", f"id, domain, website, name, revenue, {when}")
    named = [(row[1], dict(zip(("website", "name", "revenue", "when"), row[2:], strict=True))) for row in found]
    assert {domain: record for domain, record in named if domain is not None} == expected.keyed
    assert [record for domain, record in named if domain is None] == expected.keyless
    assert _lines(file, content) == expected.rejected
    label = {"revenue": "revenue", "name": "name", "website": "website", when: "when", "": ""}
    domain_of = {row[0]: row[1] for row in found}
    log = [
        (domain_of[pk], label[name])
        for pk, name in Change.objects.values_list("record_id", "field")
        if domain_of[pk] is not None
    ]
    assert sorted(log) == sorted(expected.changed)
    assert looked.found is not None
    for word in ("created", "updated", "unchanged", "skipped", "rejected", "repeated"):
        assert looked.found[word] == file.counts[word], word


def _custom() -> tuple[LocalField, ...]:
    return custom("account")


def _set(pk: int, column: str, value: str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE account SET {column} = %s WHERE id = %s", [value, pk])


def _lines(file: Any, content: bytes) -> list[int]:
    """The rejected rows as the plain statement counts them: each row is a line, whatever is inside its quotes."""
    reader = csv.reader(io.StringIO(content.decode(), newline=""))
    begins, places, at = 1, {}, 1
    for _ in reader:
        places[begins] = at
        begins = reader.line_num + 1
        at += 1
    return [places[line] for line in reasons(file)]
