"""SQL of the fields that Salesforce computes: names of persons, formulas, roll-ups.

They are evaluated when read, so they can't disagree with what they are made of, and a roll-up moves no
SystemModstamp, as in a real org.  ``{t}`` stands for the alias of the object's table.
"""

from __future__ import annotations

from salesforce_emulator.schema import fiscal
from salesforce_emulator.schema.activities import PRIORITIES, STATUSES, Choice
from salesforce_emulator.schema.currencies import EVER

_PERSON_NAME = """(coalesce({t}."FirstName" || ' ', '') || {t}."LastName")"""
_PHOTO = """('/services/images/photo/' || {t}."Id")"""
_CLOSES = '{t}."CloseDate"'
_NEXT_RATE = (
    f"""(SELECT coalesce(min(nr."StartDate"), '{EVER[1]}') FROM "DatedConversionRate" AS nr"""
    ' WHERE nr."IsoCode" = {t}."IsoCode" AND nr."StartDate" > {t}."StartDate")'
)


def _members(condition: str) -> str:
    return (
        '(SELECT count(*) FROM "CampaignMember" AS cm WHERE cm."CampaignId" = {t}."Id"'
        f' AND cm."IsDeleted" = 0 AND {condition})'
    )


def _opportunities(value: str, condition: str = "") -> str:
    return (
        f'(SELECT {value} FROM "Opportunity" AS co WHERE co."CampaignId" = {{t}}."Id"'
        f' AND co."IsDeleted" = 0{condition})'
    )


_RESPONDED = (
    '(SELECT cs."HasResponded" FROM "CampaignMemberStatus" AS cs WHERE cs."CampaignId" = cm."CampaignId"'
    ' AND cs."Label" = cm."Status" AND cs."IsDeleted" = 0) = 1'
)
_CONVERTED = 'cm."LeadId" IS NOT NULL AND (SELECT l."IsConverted" FROM "Lead" AS l WHERE l."Id" = cm."LeadId") = 1'


def _person(contact: str, lead: str) -> str:
    """A campaign member's field, read from the contact, or from the lead while there is no contact."""
    return (
        f'(CASE WHEN {{t}}."ContactId" IS NOT NULL THEN (SELECT {contact} FROM "Contact" AS p'
        f' WHERE p."Id" = {{t}}."ContactId") ELSE (SELECT {lead} FROM "Lead" AS p'
        f' WHERE p."Id" = {{t}}."LeadId") END)'
    )


def _same(name: str) -> str:
    return _person(f'p."{name}"', f'p."{name}"')


def _address(part: str) -> str:
    return _person(f'p."Mailing{part}"', f'p."{part}"')


def _one_of(name: str, choices: tuple[Choice, ...]) -> str:
    """Whether a task's picklist has one of the values that mark it."""
    marked = ", ".join(f"'{c.name}'" for c in choices if c.marked)
    return f'coalesce({{t}}."{name}" IN ({marked}), 0)'


EXPRESSIONS: dict[str, dict[str, str]] = {
    "Account": {"PhotoUrl": _PHOTO},
    "Contact": {
        "Name": _PERSON_NAME,
        "PhotoUrl": _PHOTO,
        "IsEmailBounced": '({t}."EmailBouncedReason" IS NOT NULL)',
    },
    "DatedConversionRate": {"NextStartDate": _NEXT_RATE},
    "Lead": {"Name": _PERSON_NAME, "PhotoUrl": _PHOTO},
    "User": {"Name": _PERSON_NAME},
    "Opportunity": {
        "ExpectedRevenue": '({t}."Amount" * {t}."Probability" / 100.0)',
        "FiscalQuarter": fiscal.of(fiscal.QUARTER, _CLOSES),
        "FiscalYear": fiscal.of(fiscal.YEAR, _CLOSES),
        "Fiscal": fiscal.of(f"({fiscal.YEAR} || ' ' || {fiscal.QUARTER})", _CLOSES),
        "HasOpportunityLineItem": "0",
        "HasOpenActivity": "0",
        "HasOverdueTask": "0",
        "ContactId": (
            '(SELECT ocr."ContactId" FROM "OpportunityContactRole" AS ocr WHERE'
            ' ocr."OpportunityId" = {t}."Id" AND ocr."IsPrimary" = 1 AND ocr."IsDeleted" = 0 LIMIT 1)'
        ),
    },
    "Task": {
        "IsClosed": _one_of("Status", STATUSES),
        "IsHighPriority": _one_of("Priority", PRIORITIES),
    },
    "Campaign": {
        "NumberOfLeads": _members('cm."LeadId" IS NOT NULL AND cm."ContactId" IS NULL'),
        "NumberOfContacts": _members('cm."ContactId" IS NOT NULL'),
        "NumberOfConvertedLeads": _members(_CONVERTED),
        "NumberOfResponses": _members(_RESPONDED),
        "NumberOfOpportunities": _opportunities("count(*)"),
        "NumberOfWonOpportunities": _opportunities("count(*)", ' AND co."IsWon" = 1'),
        "AmountAllOpportunities": _opportunities('coalesce(sum(co."Amount"), 0.0)'),
        "AmountWonOpportunities": _opportunities('coalesce(sum(co."Amount"), 0.0)', ' AND co."IsWon" = 1'),
    },
    "CampaignMember": {
        "HasResponded": (
            '(SELECT coalesce(max(cs."HasResponded"), 0) FROM "CampaignMemberStatus" AS cs WHERE'
            ' cs."CampaignId" = {t}."CampaignId" AND cs."Label" = {t}."Status" AND cs."IsDeleted" = 0)'
        ),
        "Name": _person(
            "coalesce(p.\"FirstName\" || ' ', '') || p.\"LastName\"",
            "coalesce(p.\"FirstName\" || ' ', '') || p.\"LastName\"",
        ),
        **{
            name: _same(name)
            for name in (
                "Salutation",
                "FirstName",
                "LastName",
                "Title",
                "Email",
                "Phone",
                "Fax",
                "MobilePhone",
                "LeadSource",
                "Description",
            )
        },
        **{part: _address(part) for part in ("Street", "City", "State", "PostalCode", "Country")},
        "CompanyOrAccount": _person(
            '(SELECT a."Name" FROM "Account" AS a WHERE a."Id" = p."AccountId")', 'p."Company"'
        ),
        "AccountId": _person('p."AccountId"', "NULL"),
        "Type": "(CASE WHEN {t}.\"ContactId\" IS NOT NULL THEN 'Contact' ELSE 'Lead' END)",
        "LeadOrContactId": 'coalesce({t}."ContactId", {t}."LeadId")',
        "LeadOrContactOwnerId": _same("OwnerId"),
    },
}
