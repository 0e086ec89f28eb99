"""How texts are sorted, for Django's queries and for our own; both must be one expression, which indexes hold."""

from __future__ import annotations

from django.db import models
from django.db.models import functions
from django.db.models.functions import Left, Lower, NullIf
from django.db.models.lookups import GreaterThanOrEqual, LessThan
from psycopg import sql

# Sorting reads a prefix: a B-tree entry must stay under 2,700 bytes, and a name may be 131,072 characters long.
SORT_PREFIX = 120
# Passed over where a text begins with it: else "*** DO NOT USE ***" and "(old) …" would be what everybody sees first.
# Neither % nor a backslash, which are written differently in an index and in a query.
SORT_PASSES_OVER = " \u00a0\u3000!\"#$&'()*+,-./:;<=>?@[]^_`{|}~¡¿§«»‹›“”„‘’‚–—…·•（）［］「」『』【】《》〈〉"
# Sorts after everything that begins with a given text.
LAST_CHARACTER = "\U0010ffff"


def sort_key(field: str | models.Value) -> NullIf:
    """A text (in the field of that name, or given) as it is sorted; NULL if empty.

    That is by its beginning, without regard to case and to the signs before it.
    """
    signless = models.Func(field, models.Value(SORT_PASSES_OVER), function="ltrim", output_field=models.TextField())
    return NullIf(Lower(Left(signless, SORT_PREFIX)), models.Value(""))


def unindexed_sort_key(field: str) -> models.Case:
    """The same as `sort_key`, in no index, and told quickly of what begins with a Latin letter: nearly everything."""
    by_code = functions.Collate(field, "C")
    begins_with_letter = models.Q()
    for first, end in (("a", "{"), ("A", "[")):
        begins_with_letter |= models.Q(GreaterThanOrEqual(by_code, models.Value(first))) & models.Q(
            LessThan(by_code, models.Value(end))
        )
    return models.Case(
        models.When(begins_with_letter, then=Lower(Left(field, SORT_PREFIX))),
        default=sort_key(field),
        output_field=models.TextField(),
    )


def sort_key_of(column: sql.Composable) -> sql.Composed:
    """`sort_key` of a column or a value, as SQL."""
    return sql.SQL("nullif(lower(left(ltrim({}, {}), {})), '')").format(
        column, sql.Literal(SORT_PASSES_OVER), sql.Literal(SORT_PREFIX)
    )


def beginning(text: str) -> str:
    """A text as sort keys of texts that begin with it begin; empty where that says nothing."""
    return text.lstrip(SORT_PASSES_OVER).lower()
