"""Salesforce Ids, for those who look records up by them without knowing Salesforce (see `abmatic.audiences.elsewhere`).

An Id of 15 characters and one of 18 name the same record: the last three only repeat the case of the others. So the
first 15 are looked up, by the index of each connection. An org and its sandbox share
Ids, which then are of two records.
"""

from __future__ import annotations

from typing import LiteralString

from abmatic.audiences.elsewhere import Elsewhere, offer

_KEY: LiteralString = "CASE WHEN {text} ~ '^[a-zA-Z0-9]{{15}}([a-zA-Z0-9]{{3}})?$' THEN left({text}, 15) END"


def _found(mirror: LiteralString) -> LiteralString:
    return (
        "SELECT DISTINCT s.local_id FROM connection AS o JOIN " + mirror + " AS s ON s.connection_id = o.id "
        'AND s.sf_id >= {key} COLLATE "C" AND s.sf_id < ({key} || \'~\') COLLATE "C" WHERE s.local_id IS NOT NULL'
    )


def _follows(mirror: LiteralString) -> LiteralString:
    return (
        "EXISTS (SELECT FROM " + mirror + " AS s WHERE s.local_id = {r}.id AND s.role = 1 AND NOT s.is_deleted "
        "AND s.account_sf_id IS NOT NULL)"
    )


def offer_ids() -> None:
    """Called when the program starts."""
    offer(
        Elsewhere(
            "Salesforce Id",
            _KEY,
            {"account": _found("mirror_account"), "opportunity": _found("mirror_opportunity")},
            {"contact": _follows("mirror_contact"), "opportunity": _follows("mirror_opportunity")},
        )
    )
