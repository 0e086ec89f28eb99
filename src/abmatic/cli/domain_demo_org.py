"""What the demo's org has beside its records: reports, as a sales team keeps them, for Import from CRM to choose from.

The emulator takes them from a data file when it makes the org; one that is there already stays as it is.
"""

from __future__ import annotations

import json
from pathlib import Path

_REPORTS = (
    {
        "sobject": "Account",
        "name": "Large Accounts by Industry",
        "columns": ["Account.Name", "Account.Industry", "Account.Type", "Account.NumberOfEmployees"],
        "filters": [{"column": "Account.NumberOfEmployees", "operator": "greaterOrEqual", "value": "500"}],
        "sort_by": [{"sortColumn": "Account.Industry", "sortOrder": "Asc"}],
    },
    {
        "sobject": "Account",
        "name": "Customers in the US",
        "columns": ["Account.Name", "Account.Type", "Account.BillingState", "Account.BillingCity"],
        "filters": [
            {"column": "Account.Type", "operator": "startsWith", "value": "Customer"},
            # However people have written it.
            {
                "column": "Account.BillingCountry",
                "operator": "equals",
                "value": "United States,United States of America,USA,US",
            },
        ],
    },
    {
        "sobject": "Contact",
        "name": "Contacts without E-mail",
        "columns": ["Contact.Name", "Contact.Title", "Contact.Account.Name"],
        "filters": [{"column": "Contact.Email", "operator": "equals", "value": ""}],
    },
    {
        "sobject": "Opportunity",
        "name": "Open Opportunities of 100,000 and more",
        "columns": ["Opportunity.Name", "Opportunity.StageName", "Opportunity.Amount", "Opportunity.CloseDate"],
        "filters": [
            {"column": "Opportunity.IsClosed", "operator": "equals", "value": "False"},
            {"column": "Opportunity.Amount", "operator": "greaterOrEqual", "value": "100000"},
        ],
        "sort_by": [{"sortColumn": "Opportunity.Amount", "sortOrder": "Desc"}],
    },
)


def write(file: Path) -> None:
    """Writes the emulator's data file."""
    file.write_text(json.dumps({"reports": _REPORTS}, indent=2), encoding="utf-8")
