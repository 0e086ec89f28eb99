"""A condition as part of a query of Django's."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Expression, Field
from django.db.models.sql.compiler import SQLCompiler
from psycopg import sql

from abmatic.audiences.conditions import Condition, compiled


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


class Stored(Expression):
    """A column of the table that Django's model doesn't name: that of a custom field."""

    def __init__(self, column: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self._column = column

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        """The column of the table that the query is of."""
        quote = connection.ops.quote_name
        return f"{quote(str(compiler.query.get_initial_alias()))}.{quote(self._column)}", ()
