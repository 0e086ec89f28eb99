"""What is read through a reference that may lead to several objects.

``Who``, ``What`` and a lead's ``Owner`` are read as the object Name.  A join with all the objects together would
read millions of rows for one, so there is none: each of Name's fields is looked up by the id that the reference
holds, in the table that the id's prefix names.  ``{t}`` stands for the SQL of that reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salesforce_emulator.schema.objects import Field, SObject

NAME = "Name"


def name_expressions(objects: Iterable[SObject]) -> dict[str, str]:
    """The SQL of Name's fields, by field, over whatever objects a polymorphic reference of these may lead to."""
    known = {o.name: o for o in objects}
    targets = {kind for o in known.values() for f in o.fields if is_polymorphic(f) for kind in f.reference_to}
    met = [known[kind] for kind in sorted(targets & known.keys())]
    types = {o.prefix: _looked_up(o, "Type") if o.name == "Group" else f"'{o.name}'" for o in met}
    expressions = {"Id": "{t}", "Type": _by_prefix(types)}
    for name in (f.name for f in known[NAME].fields if f.name not in expressions):
        source = "Alias" if name == "NameOrAlias" else name
        expressions[name] = _by_prefix({o.prefix: _looked_up(o, source) for o in met if _has(o, source)})
    expressions["NameOrAlias"] = f"coalesce({expressions['Alias']}, {expressions['Name']})"
    expressions["IsActive"] = f"coalesce({expressions['IsActive']}, 0)"
    return expressions


def is_polymorphic(reference: Field) -> bool:
    """Whether a reference may lead to more than one object."""
    return len(reference.reference_to) > 1


def _has(sobject: SObject, name: str) -> bool:
    return (sobject.name_field if name == NAME else sobject.get(name)) is not None


def _looked_up(sobject: SObject, name: str) -> str:
    field = sobject.name_field if name == NAME else sobject[name]
    assert field is not None
    return f'(SELECT {field.sql("n")} FROM "{sobject.name}" AS n WHERE n."Id" = {{t}})'


def _by_prefix(values: dict[str, str]) -> str:
    if not values:
        return "NULL"
    cases = " ".join(f"WHEN '{prefix}' THEN {value}" for prefix, value in values.items())
    return f"(CASE substr({{t}}, 1, 3) {cases} END)"
