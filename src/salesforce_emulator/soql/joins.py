"""One FROM: a table, and a LEFT JOIN for each relationship path that the query follows."""

from __future__ import annotations

from collections.abc import Iterator

from salesforce_emulator.schema import Field, SObject


class Scope:
    """One FROM: a table and the joins that its paths need."""

    def __init__(self, sobject: SObject, alias: str, names: set[str], aliases: Iterator[int]) -> None:
        self.sobject = sobject
        self.alias = alias
        self.names = names
        self._aliases = aliases
        self._joins: dict[tuple[str, ...], str] = {}
        self._sql = [f'"{sobject.name}" AS {alias}']

    @property
    def from_sql(self) -> str:
        return " ".join(self._sql)

    def join(self, path: tuple[str, ...], reference: Field, of: str, target: SObject) -> str:
        """The alias of a parent's table. Of Name, which has none: the reference by which its fields are looked up."""
        if path not in self._joins:
            alias = f"t{next(self._aliases)}" if target.kept else reference.sql(of)
            self._joins[path] = alias
            if target.kept:
                self._sql.append(f'LEFT JOIN "{target.name}" AS {alias} ON {alias}."Id" = {reference.sql(of)}')
        return self._joins[path]

    def alias_of(self, path: tuple[str, ...]) -> str:
        return self._joins[path]

    def within(self, target: SObject, alias: str) -> Scope:
        """The scope of a parent that is joined already: its own parents are joined to the same FROM."""
        inner = Scope(target, alias, set(), self._aliases)
        inner._sql = self._sql
        return inner
