"""Dependent picklists: which values another field's value leaves to choose from.

``validFor`` of a value is a bitmap in base64: the highest bit of the first byte stands for the controlling field's
first value.  Salesforce enforces a dependency on its pages only; the API takes any value.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from salesforce_emulator.schema.objects import Field, SObject


def bitmap(places: Iterable[int]) -> str:
    """The bitmap with these places set."""
    wanted = set(places)
    size = max(wanted, default=0) // 8 + 1
    # Real ones come in whole groups of three bytes, which base64 writes without padding.
    packed = bytearray(-(-size // 3) * 3)
    for place in wanted:
        packed[place // 8] |= 0x80 >> place % 8
    return base64.b64encode(bytes(packed)).decode()


def has_place(packed: str, place: int) -> bool:
    """Whether a bitmap has this place set."""
    data = base64.b64decode(packed)
    return place // 8 < len(data) and bool(data[place // 8] & 0x80 >> place % 8)


def places(packed: str) -> list[int]:
    """The places that a bitmap has set."""
    data = base64.b64decode(packed)
    return [place for place in range(len(data) * 8) if data[place // 8] & 0x80 >> place % 8]


def choices(sobject: SObject, field: Field, controlling: object) -> list[str]:
    """The values of a dependent picklist that may be chosen.

    :param controlling: the value of the field that controls it, as the table holds it.
    """
    controller = sobject.get(str(field.describe["controllerName"]))
    if controller is None:
        return list(field.picklist_values)
    if controller.type == "boolean":
        place = 1 if controlling else 0
    else:
        known = [v["value"] for v in controller.describe["picklistValues"]]
        if controlling not in known:
            return []
        place = known.index(controlling)
    return [
        str(v["value"])
        for v in field.describe["picklistValues"]
        if v["active"] and v["validFor"] is not None and has_place(v["validFor"], place)
    ]
