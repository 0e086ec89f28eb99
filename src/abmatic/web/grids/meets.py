"""A condition as part of a query of Django's."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, BooleanField, Expression, Field
from django.db.models.sql.compiler import SQLCompiler
from psycopg import sql

from abmatic.audiences.conditions import Condition, compiled
from abmatic.audiences.list_indexes import Table


class Meets(Expression):
    """Whether a record meets a condition; its values are literals that the driver has quoted."""

    def __init__(self, record: str, condition: Condition) -> None:
        super().__init__(output_field=BooleanField())
        self._record = record
        self._condition = condition

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        """The condition on the table that the query is of."""
        connection.ensure_connection()
        alias = sql.Identifier(str(compiler.query.get_initial_alias()))
        text = compiled(self._record, self._condition, alias, beyond=True).as_string(connection.connection)
        # Django takes a percent sign for the beginning of a parameter.
        return text.replace("%", "%%"), ()


class Found(Expression):
    """The ids of the records that meet a condition, for ``pk__in``: found by the table's indexes, in no order.

    OFFSET 0 keeps it a question of its own. Else the planner, who believes that what is asked twice is twice as rare,
    would rather walk the whole table in the order of the list.
    """

    def __init__(self, record: str, condition: Condition, table: Table) -> None:
        super().__init__(output_field=BigIntegerField())
        self._record, self._condition, self._table = record, condition, table

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        """A SELECT in parentheses."""
        connection.ensure_connection()
        alias = sql.Identifier("found")
        test = compiled(self._record, self._condition, alias, beyond=True, table=self._table)
        text = sql.SQL("(SELECT found.id FROM {} AS found WHERE {} OFFSET 0)").format(
            sql.Identifier(self._record), test
        )  # fmt: skip
        return text.as_string(connection.connection).replace("%", "%%"), ()


class Stored(Expression):
    """A column of the table that Django's model doesn't name: that of a custom field."""

    def __init__(self, column: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self._column = column

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        """The column of the table that the query is of."""
        quote = connection.ops.quote_name
        return f"{quote(str(compiler.query.get_initial_alias()))}.{quote(self._column)}", ()
