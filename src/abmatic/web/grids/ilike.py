"""Case-insensitive containment that Postgres can estimate.

Django's ``icontains`` compares UPPER(column), about which the planner knows nothing: it takes any text for frequent
and walks a sorted index to the end in search of it. For ILIKE on the bare column it has statistics, and turns to
reading the table once when the text is rare. It is also cheaper to evaluate.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup, TextField
from django.db.models.sql.compiler import SQLCompiler


@TextField.register_lookup
class IlikeContains(Lookup):
    """``column ILIKE '%text%'``; wildcards in the text stand for themselves."""

    lookup_name = "ilike_contains"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        """The condition, with the text as a parameter."""
        column, parameters = self.process_lhs(compiler, connection)
        text = str(self.rhs).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"{column} ILIKE %s", (*parameters, f"%{text}%")
