"""A condition as part of a query of Django's."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Expression, Field, QuerySet, Subquery
from django.db.models.sql.compiler import SQLCompiler
from psycopg import sql

from abmatic.audiences.conditions import Condition, compiled
from abmatic.audiences.list_indexes import Table


class Meets(Expression):
    """Whether a record meets a condition; its values are literals that the driver has quoted.

    With ``table`` in the way in which its indexes find the records.
    """

    def __init__(self, record: str, condition: Condition, table: Table | None = None) -> None:
        super().__init__(output_field=BooleanField())
        self._record, self._condition, self._table = record, condition, table

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        """The condition on the table that the query is of."""
        connection.ensure_connection()
        alias = sql.Identifier(_alias(compiler))
        test = compiled(self._record, self._condition, alias, beyond=True, table=self._table)
        # Django takes a percent sign for the beginning of a parameter.
        return test.as_string(connection.connection).replace("%", "%%"), ()


class FirstThatMeet(Subquery):
    """Of the first rows of a list, in its order, those that meet what the list calls ``met``: at most ``most``.

    Each row is read once, and none after the last one that is wanted. ``rows`` has ``pk`` and ``met``, and is limited.
    """

    template = "(SELECT walked.pk FROM (%(subquery)s) AS walked WHERE walked.met LIMIT %(most)s)"

    def __init__(self, rows: QuerySet[Any, dict[str, Any]], most: int) -> None:
        super().__init__(rows, most=most)


class Stored(Expression):
    """A column of the table that Django's model doesn't name: that of a custom field."""

    def __init__(self, column: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self._column = column

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        """The column of the table that the query is of."""
        quote = connection.ops.quote_name
        return f"{quote(_alias(compiler))}.{quote(self._column)}", ()


def _alias(compiler: SQLCompiler) -> str:
    """What the query calls its table. Inside another query Django writes U0, unquoted, and Postgres reads u0."""
    return str(compiler.query.get_initial_alias()).lower()
