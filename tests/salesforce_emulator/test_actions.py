"""Invocable actions of an org that has none."""

from __future__ import annotations

from tests.salesforce_emulator.client import DATA, Api


def test_the_kinds_lead_to_lists_without_actions(api: Api) -> None:
    kinds = api.get("actions").json()
    assert kinds == {"standard": f"{DATA}/actions/standard", "custom": f"{DATA}/actions/custom"}
    assert api.get("").json()["actions"] == f"{DATA}/actions"
    custom = api.get(kinds["custom"]).json()
    assert set(custom) == {"quickAction", "apex", "emailAlert", "flow", "sendNotification"}
    for path in (kinds["standard"], *custom.values()):
        assert api.get(path).json() == {"actions": []}


def test_what_is_no_action(api: Api) -> None:
    for path in ("actions/others", "actions/custom/other", "actions/custom/flow/Welcome", "actions/standard/other"):
        answer = api.get(path)
        assert answer.status_code == 404, path
        assert answer.json() == [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
