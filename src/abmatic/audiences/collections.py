"""Collections: making, changing and deleting them, and who is in them. Everything is done set by set.

Members of a static or an import collection are put in and taken out by people, programs and imports; those of a dynamic
one follow its rule, and nobody else changes them (see `refreshing`).
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection, transaction
from psycopg import sql

from abmatic.audiences.beyond import collections_of
from abmatic.audiences.conditions import Condition, check
from abmatic.audiences.models import Collection
from abmatic.audiences.refreshing import refresh
from abmatic.audiences.selection import Selection

LONGEST_NAME = 120


class CollectionRefused(ValueError):
    """Why a collection can't be made or changed so, and what helps."""


def create(
    record: str, name: str, *, rule: Condition | None = None, kind: Collection.Kind = Collection.Kind.STATIC
) -> Collection:
    """Makes a static collection (or one for an import), or with a rule a dynamic one, whose members are found at once.

    Raises `CollectionRefused`.
    """
    if record not in Collection.Record.values:
        raise CollectionRefused(f"There are no collections of {record} records.")
    with transaction.atomic():
        made = Collection.objects.create(
            name=_judged_name(record, name),
            record=record,
            kind=kind if rule is None else Collection.Kind.DYNAMIC,
            rule=None if rule is None else _judged_rule(record, rule),
        )
        if rule is not None:
            refresh(made)
    return made


def rename(collection: Collection, name: str) -> None:
    """Gives it another name. Raises `CollectionRefused`."""
    collection.name = _judged_name(collection.record, name, but=collection)
    collection.save(update_fields=["name", "updated_at"])


def change_rule(collection: Collection, rule: Condition) -> None:
    """Gives a dynamic one another rule, and finds its members anew. Raises `CollectionRefused`."""
    if collection.kind != Collection.Kind.DYNAMIC:
        raise CollectionRefused(f"“{collection}” is no dynamic collection: it has no rule.")
    with transaction.atomic():
        collection.rule = _judged_rule(collection.record, rule, but=collection)
        collection.save(update_fields=["rule", "updated_at"])
        refresh(collection)


def delete(collection: Collection) -> None:
    """Deletes it. Its members stay what they are; rules that ask for it say that it is gone.

    Raises `CollectionRefused` for one that an import fills: the next would make it again.
    """
    if collection.source is not None:
        raise CollectionRefused(f"“{collection}” is filled by an import, and the next would make it again. Rename it.")
    with transaction.atomic():
        # Held first: an import that is putting members in ends its chunk before they are removed, and finds none after.
        found = Collection.objects.select_for_update().filter(pk=collection.pk).first()
        # Not by Django, which would read every member first.
        _execute(sql.SQL("DELETE FROM collection_member WHERE collection_id = {}").format(sql.Literal(collection.pk)))
        if found is not None:
            # By Django, which knows whose imports name it.
            found.delete()


def add(collection: Collection, selection: Selection) -> int:
    """Puts records in. Answers how many weren't in it. Raises `CollectionRefused`."""
    with _changing(collection, selection):
        return _change(
            collection,
            sql.SQL(
                "INSERT INTO collection_member (collection_id, record_id) SELECT {}, r.id {} ON CONFLICT DO NOTHING"
            ).format(sql.Literal(collection.pk), selection.source()),
            1,
        )


def remove(collection: Collection, selection: Selection) -> int:
    """Takes records out. Answers how many were in it. Raises `CollectionRefused`."""
    with _changing(collection, selection):
        return _change(
            collection,
            sql.SQL(
                "DELETE FROM collection_member AS m WHERE m.collection_id = {} AND m.record_id IN (SELECT r.id {})"
            ).format(sql.Literal(collection.pk), selection.source()),
            -1,
        )


def _changing(collection: Collection, selection: Selection) -> transaction.Atomic:
    if collection.kind == Collection.Kind.DYNAMIC:
        raise CollectionRefused(f"The members of “{collection}” follow its rule: change that instead.")
    if collection.record != selection.record:
        raise CollectionRefused(f"“{collection}” holds {collection.get_record_display().lower()}.")
    return transaction.atomic()


def _change(collection: Collection, statement: sql.Composed, sign: int) -> int:
    # Whoever changes the members holds the collection: its size is right however many do so at once.
    Collection.objects.select_for_update().get(pk=collection.pk)
    many = _execute(statement)
    _execute(
        sql.SQL("UPDATE collection SET size = size + {}, updated_at = now() WHERE id = {}").format(
            sql.Literal(sign * many), sql.Literal(collection.pk)
        )
    )
    collection.refresh_from_db(fields=["size"])
    return many


def _judged_name(record: str, name: str, but: Collection | None = None) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise CollectionRefused(f"Give the collection a name of 1 to {LONGEST_NAME} characters.")
    same = Collection.objects.filter(record=record, name__iexact=name)
    if (same.exclude(pk=but.pk) if but else same).exists():
        raise CollectionRefused(f"There is a collection “{name}” already: choose another name.")
    return name


def _judged_rule(record: str, rule: Mapping[str, object], but: Collection | None = None) -> dict[str, object]:
    if not rule:
        raise CollectionRefused("A dynamic collection needs at least one condition.")
    if why := check(record, rule, beyond=True):
        raise CollectionRefused(f"The rule can’t be used: {why}.")
    asked = set(collections_of(rule))
    known = {each.pk: each for each in Collection.objects.filter(pk__in=asked)}
    for pk in asked:
        if pk not in known or known[pk].record != record:
            raise CollectionRefused(f"The rule asks for collection {pk}, which is not there.")
        # Members that depend on members that depend on them would never be settled.
        if known[pk] == but or known[pk].kind == Collection.Kind.DYNAMIC:
            raise CollectionRefused(
                f"The rule asks for “{known[pk]}”, a dynamic collection: repeat its conditions instead, or ask for a "
                "static one."
            )
    return dict(rule)


def _execute(statement: sql.Composed) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)
