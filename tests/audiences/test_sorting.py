"""The key that is told quickly is the one that indexes hold, whatever a text begins with."""

from __future__ import annotations

import pytest
from django.db import connection as database
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from abmatic.audiences.conditions import compiled
from abmatic.audiences.models import Account
from abmatic.audiences.sorting import SORT_PASSES_OVER, sort_key, unindexed_sort_key

pytestmark = pytest.mark.django_db

_SIGNS = st.sampled_from(
    [*SORT_PASSES_OVER, "[", "`", "{", "@", "\\", "%", "z", "Z", "a", "A", "é", "Ä", "ß", "İ", "Ω", "我", "0"]
)
_TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=140)


@given(st.lists(st.one_of(_TEXTS, st.builds(str.__add__, _SIGNS, _TEXTS)), min_size=1, max_size=20))
def test_both_keys_are_one(texts: list[str]) -> None:
    Account.objects.all().delete()
    Account.objects.bulk_create([Account(name=text) for text in texts])
    rows = Account.objects.annotate(key=sort_key("name"), quick=unindexed_sort_key("name"))
    assert [row.quick for row in rows] == [row.key for row in rows]


@pytest.mark.parametrize("text", ["smith", "com\nac", "x\ny", "%", "_", "\\", "ßx"])
def test_a_search_of_several_fields_finds_what_is_in_one_of_them(text: str) -> None:
    found = [
        Account.objects.create(name=name, domain=domain)
        for name, domain in (
            ("Smith & Co", None),
            ("Acme", "smith.com"),
            ("x\ny", None),
            ("100 %_\\", None),
            ("ßX", ""),
        )
    ]
    wanted = [each.pk for each in found if text in each.name.lower() or text in (each.domain or "").lower()]
    statement = sql.SQL("SELECT id FROM account AS a WHERE {} ORDER BY id").format(
        compiled("account", {"search": text}, sql.Identifier("a"), beyond=True)
    )
    with database.cursor() as cursor:
        cursor.execute(statement)
        assert [row[0] for row in cursor.fetchall()] == wanted
