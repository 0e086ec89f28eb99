"""Who acts on the pages, and what he may see of the org: the rep chosen in the bar."""

from __future__ import annotations

from flask import abort, g, session

from salesforce_emulator.oauth.users import OrgUser, Users
from salesforce_emulator.runtime import emulator
from salesforce_emulator.schema import BASE, Schema, SObject

_KEPT = "salesforce_emulator_acting"


def acting() -> OrgUser:
    """Who the pages' edits are made by."""
    known: OrgUser | None = g.get(_KEPT)
    if known is not None:
        return known
    users = Users(emulator().store)
    found = users.by_id(session.get("acting", "")) or users.by_id(BASE.reps[0]) or users.by_id(BASE.administrator)
    if found is None:
        abort(404)
    setattr(g, _KEPT, found)
    return found


def schema() -> Schema:
    """The objects and fields that he sees."""
    return emulator().store.visible(acting().id)


def readable(sobject: SObject) -> str:
    """A condition on the records of ``t`` that he may read, to follow another; "" for all of them."""
    if sobject.name not in emulator().store.seen_by_owner_alone(acting().id) or "OwnerId" not in sobject.columns:
        return ""
    return f""" AND t."OwnerId" = '{acting().id}'"""
