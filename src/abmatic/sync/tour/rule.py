"""The validation rule that the demo's org has: what Salesforce says no to in the tour's fourth step.

It asks for a field that Abmatic doesn't map, as rules of real orgs do, so that the remedy is in Salesforce and the
record is tried again here. Accounts as they are made have no site; records that nobody changes are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping

LARGE = 10_000
# As Salesforce's Metadata API writes a rule.
VALIDATION_RULE: Mapping[str, str | bool] = {
    "object": "Account",
    "fullName": "Large_accounts_have_a_site",
    "active": True,
    "errorConditionFormula": f"AND(ISCHANGED(NumberOfEmployees), NumberOfEmployees >= {LARGE}, ISBLANK(Site))",
    "errorMessage": f"An account with {LARGE:,} employees or more needs an Account Site, such as Headquarters.",
    "errorDisplayField": "Site",
}
