"""USING SCOPE as SQL.

An object's describe result names the scopes that it supports.  Of those that depend on what this org doesn't have, a
team's records are none, and no scoping rule hides any.
"""

from __future__ import annotations

from salesforce_emulator.schema import SObject
from salesforce_emulator.soql import nodes
from salesforce_emulator.soql.errors import SoqlError, at, unexpected_token

_CONDITIONS = {
    "everything": "",
    "mine": "{t}.\"OwnerId\" = '{user}'",
    "delegated": "({t}.\"CreatedById\" = '{user}' AND {t}.\"OwnerId\" <> '{user}')",
    "team": "0",
    "scopingrule": "",
    "queue_owned": "substr({t}.\"OwnerId\", 1, 3) = '00G'",
    "user_owned": "substr({t}.\"OwnerId\", 1, 3) = '005'",
}
_ELSEWHERE = frozenset({"mine_and_my_groups", "my_territory", "my_team_territory"})
"""Words that exist, on objects or with features that this org lacks."""


def condition(text: str, word: nodes.Path, sobject: SObject, alias: str, user_id: str) -> str:
    """What a record must fulfil to be in a scope; empty where every record is.

    :raises SoqlError: there is no such scope, or not on this object.
    """
    name = word.text.lower()
    if name not in _CONDITIONS and name not in _ELSEWHERE:
        raise unexpected_token(text, word.pos, word.text)
    if name not in {str(s["name"]).lower() for s in sobject.describe["supportedScopes"]}:
        raise _unsupported(text, word, sobject)
    return _CONDITIONS[name].replace("{t}", alias).replace("{user}", user_id)


def _unsupported(text: str, word: nodes.Path, sobject: SObject) -> SoqlError:
    message = f"scope '{word.text}' is not supported on entity '{sobject.name}'"
    return at(text, word.pos, "MALFORMED_QUERY", message)
