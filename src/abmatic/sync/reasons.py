"""Why a record was skipped or a value not used: every reason a finding can have, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. ``kind``: the record was skipped, a value was not used, or it is worth knowing."""

    code: str
    label: str
    kind: Literal["skipped", "invalid", "note"]
    meaning: str
    remedy: str


_NO_KEY = (
    "The record is imported, but it has no primary key: it is recognised by its Salesforce Id alone, and can't be "
    "matched with a record that exists here."
)

REASONS: dict[str, Reason] = {
    reason.code: reason
    for reason in (
        Reason("no_website", "No website", "note", _NO_KEY, "Enter the company's website in Salesforce."),
        Reason("website_placeholder", "Website is a placeholder", "note", _NO_KEY,
               "Replace the placeholder by the company's website, or empty the field."),
        Reason("website_free_mail", "Website is a free-mail domain", "note", _NO_KEY,
               "Many companies share a free-mail domain. Enter the company's own website."),
        Reason("website_shared", "Website is a page on a shared site", "note", _NO_KEY,
               "A page on LinkedIn or Facebook belongs to no single domain. Enter the company's own website."),
        Reason("website_ip", "Website is an IP address", "note", _NO_KEY, "Enter the company's domain name."),
        Reason("website_invalid", "Website can't be read", "note", _NO_KEY,
               "The text is no web address. Correct it in Salesforce."),
        Reason("website_single_label", "Website is a single word", "note", _NO_KEY,
               "A web address has at least one dot. Correct it in Salesforce."),
        Reason("website_public_suffix", "Website is a public suffix", "note", _NO_KEY,
               "Names such as co.uk belong to everybody. Enter the company's own domain."),
        Reason("no_email", "No e-mail address", "note", _NO_KEY, "Enter an e-mail address in Salesforce."),
        Reason("email_invalid", "E-mail address is invalid", "note", _NO_KEY, "Correct the address in Salesforce."),
        Reason("duplicate", "Duplicate", "note",
               "Another record in Salesforce has the same primary key. It is the primary one and writes the fields; "
               "this one is linked as a duplicate, and what belongs to it counts for the same record here.",
               "Merge the records in Salesforce, or give them different websites or e-mail addresses."),
        Reason("awaits_record", "Waits for another record", "skipped",
               "The campaign or the person that the member joins is not here (yet). It is linked as soon as that is.",
               "Check that campaigns, contacts and leads are synchronised, and may be created here."),
        Reason("same_person", "In the campaign twice", "note",
               "The person is in the campaign as a lead and as a contact. Here that is one membership, with the status "
               "that is further along; the entry names the member whose status counts.",
               "Remove one of the two in Salesforce, if that bothers anybody there."),
        Reason("merged_in_salesforce", "Merged in Salesforce", "note",
               "The record was merged into another one, whose local record it now belongs to.", "Nothing to do."),
        Reason("converted", "Lead converted", "note",
               "The lead was converted in Salesforce. Its local contact is now linked to the contact it became.",
               "Nothing to do."),
        Reason("conflict", "Changed on both sides", "note",
               "The field was changed in Salesforce and here since they last agreed. The conflict policy "
               "decided: the entry says whose value stays.",
               "Check the value; change the conflict policy in the settings if the other side should win."),
        Reason("changed_after_save", "Changed by Salesforce after saving", "note",
               "Salesforce changes this value after each save: a flow, a trigger, a default or a setting of the org. "
               "It is not sent again while Salesforce has what came back, and the value here is the one that was sent.",
               "Enter the value here as Salesforce keeps it, or change the automation in Salesforce."),
        Reason("undo_changed_here", "Changed here since", "note",
               "An undo left the value: it is not the one that the undone run wrote.",
               "Change it by hand if it should be what it was before."),
        Reason("undo_changed_there", "Changed in Salesforce since", "note",
               "An undo left the value in Salesforce: it is not the one that the undone run wrote.",
               "Change it in Salesforce if it should be what it was before."),
        Reason("undo_gone", "Gone since", "note",
               "The undone run wrote into a record that is not there any more, or can't be read.", "Nothing to do."),
        Reason("undo_created_here", "Created by the undone run", "note",
               "The undone run made the record here. An undo deletes nothing.",
               "Leave it, or delete it in Salesforce and sync again: it is marked as deleted then."),
        Reason("undo_created_there", "Created in Salesforce by the undone run", "note",
               "The undone run made the record in Salesforce. An undo deletes nothing.",
               "Delete it in Salesforce if nobody uses it: it is not created again."),
        Reason("undo_in_use", "Other records belong to it", "note",
               "The undone run made the record in Salesforce, and by now others belong to it, or that can't be known. "
               "It was left, because they would be removed with it.",
               "Delete it in Salesforce if nobody needs those either: it is not created again."),
        Reason("undo_not_removed", "Not removed by Salesforce", "note",
               "The undone run made the record in Salesforce, and Salesforce refused to delete it.",
               "The value says why. Give the integration user Delete on the object, or delete it in Salesforce."),
        Reason("vanished_in_salesforce", "No longer in Salesforce", "note",
               "Salesforce has the record no longer, not even in its recycle bin: it was deleted for good, or the "
               "connected user may not see it any more. It counts as deleted; the local record stays.",
               "Nothing to do. If it should be seen, give the connected user access to it and sync everything again."),
        Reason("deleted_in_salesforce", "Deleted in Salesforce", "skipped",
               "The record lies in Salesforce's recycle bin and was never seen before.", "Nothing to do."),
        Reason("create_is_off", "“Create in Abmatic” is off", "skipped",
               "The record matches nothing here, and new records are not to be created.",
               "Tick “Create in Abmatic” for the object and sync again."),
        Reason("row_unusable", "Record can't be read", "skipped",
               "A row of Salesforce's answer was damaged or had no valid Id, twice.",
               "Sync again; if it stays, look at the record in Salesforce."),
        Reason("row_repeated", "Record came twice", "skipped",
               "Salesforce's answer held the record more than once. The newest was used.", "Nothing to do."),
        Reason("text_replaced", "Damaged characters", "invalid",
               "The text held bytes that are no characters; each was replaced by “\N{REPLACEMENT CHARACTER}”.",
               "Correct the text in Salesforce."),
        Reason("value_unreadable", "Value can't be read", "invalid",
               "The text in the field is no number, date or yes/no value. The other fields of the record are in place.",
               "Correct the value in Salesforce."),
        Reason("nul_removed", "Control character removed", "invalid",
               "The text held a NUL character, which can't be stored; it was left out.",
               "Correct the text in Salesforce."),
    )
}  # fmt: skip
