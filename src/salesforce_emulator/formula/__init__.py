"""Salesforce's formula language: read, checked against an object's fields, evaluated on a record."""

from salesforce_emulator.formula.compile import Formula, compile_formula
from salesforce_emulator.formula.errors import FormulaError
from salesforce_emulator.formula.values import FieldPath, Record, Value, from_stored

__all__ = ["FieldPath", "Formula", "FormulaError", "Record", "Value", "compile_formula", "from_stored"]
