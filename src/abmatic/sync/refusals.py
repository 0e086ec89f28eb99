"""Why a record isn't in Salesforce: codes in words, for a person who doesn't know them.

Source: "REST API Developer Guide" and "SOAP API Developer Guide", status codes. Those that begin with ACCOUNT_,
ALREADY_ and UNREAD_ are our own (see push.waiting and push.namesakes).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of the codes: what it means, and what helps."""

    code: str
    label: str
    meaning: str
    remedy: str


REFUSALS: dict[str, Refusal] = {
    refusal.code: refusal
    for refusal in (
        Refusal("REQUIRED_FIELD_MISSING", "A required field is empty",
                "Salesforce takes no record without it, so it was not sent.",
                "Fill the field here, map another one to it, or make it optional in Salesforce."),
        Refusal("ACCOUNT_NOT_CREATED", "Its account is not in Salesforce, and this connection creates none",
                "The record waits for its account, because a reference is written when a record is made. “Create in "
                "Salesforce” is off for Accounts.",
                "Switch it on in the settings, or enter the account in Salesforce with the same website; or give the "
                "record another account here. It is then written by the next sync."),
        Refusal("ACCOUNT_FORBIDDEN", "Its account is not in Salesforce, and the connected user may not create it",
                "The record waits for its account, because a reference is written when a record is made.",
                "Give the user’s permission set Create on Accounts, or enter the account in Salesforce with the same "
                "website. Both are then written by the next sync."),
        Refusal("ACCOUNT_FILTERED", "Its account is left out by the push filter",
                "The record waits for its account to be in Salesforce, and the push filter of Accounts keeps it from "
                "there.",
                "Change the filter or the account so that they fit, push the account by hand past the filter, or give "
                "the record another account. It is then written by the next sync."),
        Refusal("ACCOUNT_HELD", "Its account could not be written",
                "The record waits for its account to be in Salesforce, and the account has an issue of its own.",
                "Mend the account’s issue: the account is written then, and the record after it."),
        Refusal("ACCOUNT_DELETED", "Its account was deleted in Salesforce",
                "The record waits for its account, which is not created again once it was deleted there.",
                "Restore the account in Salesforce, or give the record another account here. It is then written by the "
                "next sync."),
        Refusal("UNREAD_ELSEWHERE", "The person came to Salesforce as something else meanwhile",
                "Salesforce has a lead (or a contact) with this e-mail address that was not read yet. Nobody is "
                "created beside it.",
                "Sync Leads (or Contacts): the person here becomes one with that record. With a frequency in the "
                "settings that happens by itself."),
        Refusal("ALREADY_IN_SALESFORCE", "Salesforce has an opportunity of this name already",
                "The account has an opportunity of the same name there that is not in Abmatic. A second one would "
                "count the deal twice, so none is created.",
                "If it is the same deal, link the two: the opportunity’s page offers it. If it is another, give it "
                "another name."),
        Refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION", "A validation rule says no",
                "Your Salesforce administrator has set up a rule that the values break; its message says which.",
                "Change the value here so that it keeps the rule, or ask for the integration user to be exempt."),
        Refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Not one of the picklist's values",
                "The field takes only the values of its list. The other fields of the record were written.",
                "Choose one of the list's values here, or add the value to the picklist in Salesforce."),
        Refusal("STRING_TOO_LONG", "The text is too long",
                "The field in Salesforce holds fewer characters. The other fields of the record were written.",
                "Shorten the text here, or lengthen the field in Salesforce."),
        Refusal("DUPLICATE_VALUE", "Another record has this value already",
                "The field must be unique in Salesforce.", "Correct the value on the side where it is wrong."),
        Refusal("DUPLICATES_DETECTED", "A duplicate rule says no",
                "Salesforce thinks that the record exists already under another name or address.",
                "Find the other record in Salesforce and give both the same website or e-mail address, or merge them."),
        Refusal("INVALID_EMAIL_ADDRESS", "Not an e-mail address", "Salesforce doesn't take the text as one.",
                "Correct the address here."),
        Refusal("NUMBER_OUTSIDE_VALID_RANGE", "The number is too large",
                "The field in Salesforce holds fewer digits.",
                "Correct the number here, or widen the field in Salesforce."),
        Refusal("INVALID_FIELD_FOR_INSERT_UPDATE", "The field may not be written",
                "The integration user may not edit a mapped field, or it is computed by Salesforce.",
                "Give the user edit access to the field, or set its mapping to “Don't sync” to Salesforce."),
        Refusal("INSUFFICIENT_ACCESS_OR_READONLY", "No permission for the record",
                "The integration user may not edit it: sharing, the owner or a lock forbids it.",
                "Give the user Edit on the object, or “Modify All”."),
        Refusal("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "No permission for a related record",
                "The integration user may not see or use a record that this one refers to, such as its account.",
                "Give the user access to the related record."),
        Refusal("INVALID_CROSS_REFERENCE_KEY", "A related record is missing",
                "A record that this one refers to doesn't exist any more, or is of another kind.", "Sync again."),
        Refusal("CANNOT_UPDATE_CONVERTED_LEAD", "The lead was converted",
                "Salesforce changes no lead after its conversion.",
                "Nothing to do: the contact it became is synchronised."),
        Refusal("ENTITY_IS_DELETED", "Deleted in Salesforce",
                "The record went to the recycle bin before it could be written.",
                "Nothing to do: the next sync notices."),
        Refusal("ENTITY_IS_LOCKED", "Locked in Salesforce",
                "The record waits for an approval, and nobody else may edit it meanwhile.",
                "Wait for the approval, then have it sent again."),
        Refusal("CANNOT_EXECUTE_FLOW_TRIGGER", "A flow failed",
                "Automation in Salesforce that runs on every save stopped with an error.",
                "Show the message to your Salesforce administrator."),
        Refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "A trigger failed",
                "Code in Salesforce that runs on every save stopped with an error.",
                "Show the message to your Salesforce administrator."),
    )
}  # fmt: skip


def refusal(code: str) -> Refusal:
    """The code in words; of one that isn't known, what can be said of any."""
    return REFUSALS.get(code) or Refusal(
        code, code, "Salesforce refused the record.", "Salesforce's message says why; correct it here or there."
    )
