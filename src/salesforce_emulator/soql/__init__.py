"""SOQL: parse, check against the schema, compile to SQLite's SQL, render the answer."""

from salesforce_emulator.soql.compile import compile_soql
from salesforce_emulator.soql.errors import SoqlError
from salesforce_emulator.soql.plan import Plan, QueryContext

__all__ = ["Plan", "QueryContext", "SoqlError", "compile_soql"]
