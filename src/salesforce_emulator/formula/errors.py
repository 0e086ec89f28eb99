"""What can be wrong with a formula, said as the formula editor says it."""

from __future__ import annotations


class FormulaError(ValueError):
    """The formula can't be used; the message says why."""
