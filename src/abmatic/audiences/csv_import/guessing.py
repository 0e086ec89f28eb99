"""Which field a column is, guessed by its heading: the field's own names first, then what other programs call it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from abmatic.audiences.fields import LocalField

# Written as `_plain` leaves headings. From the exports of CRMs, LinkedIn, spreadsheets; English, then German, French
# and Spanish.
_SYNONYMS: dict[str, dict[str, tuple[str, ...]]] = {
    "account": {
        "name": (
            "account", "accountname", "company", "companyname", "organization", "organisation", "organizationname",
            "firm", "customer", "customername", "firma", "firmenname", "unternehmen", "kunde", "entreprise", "societe",
            "empresa",
        ),
        "website": (
            "url", "web", "webpage", "homepage", "domain", "companydomain", "companydomainname", "emaildomain",
            "accountwebsite", "companywebsite", "websiteurl", "companyurl", "webseite", "internet", "internetseite",
            "siteweb", "sitioweb",
        ),
        "industry": ("sector", "vertical", "branche", "secteur", "industria"),
        "employee_count": (
            "employeecount", "numberofemployees", "noofemployees", "companysize", "headcount", "staff", "mitarbeiter",
            "mitarbeiterzahl", "anzahlmitarbeiter", "effectif", "empleados",
        ),
        "revenue": (
            "annualrevenue", "yearlyrevenue", "turnover", "sales", "umsatz", "jahresumsatz", "chiffredaffaires",
            "ingresos",
        ),
        "country": (
            "billingcountry", "countryregion", "countryname", "hqcountry", "land", "pays", "pais",
        ),
        "city": ("billingcity", "town", "hqcity", "ort", "stadt", "ville", "ciudad"),
    },
    "contact": {
        "first_name": ("given", "givenname", "forename", "vorname", "prenom", "nombre"),
        "last_name": (
            "surname", "familyname", "lastnames", "nachname", "familienname", "nom", "nomdefamille", "apellido",
            "apellidos",
        ),
        "work_email": (
            "email", "emailaddress", "businessemail", "workemailaddress", "primaryemail", "contactemail",
            "emailadresse", "mail", "mailaddress", "mailadresse", "adresseemail", "correo", "correoelectronico",
        ),
        "job_title": ("title", "position", "role", "jobrole", "funktion", "stelle", "poste", "cargo"),
        "phone": (
            "phonenumber", "telephone", "tel", "mobile", "mobilephone", "workphone", "businessphone", "telefon",
            "telefonnummer", "mobil", "telefono",
        ),
        "company": (
            "companyname", "account", "accountname", "organization", "organisation", "employer", "firma", "unternehmen",
            "entreprise", "societe", "empresa",
        ),
        "account_by_crm_id": ("accountid", "accountsalesforceid", "salesforceaccountid"),
        "account_by_domain": ("accountdomain", "accountwebsite", "companydomain", "companywebsite"),
    },
    "opportunity": {
        "name": ("opportunity", "opportunityname", "deal", "dealname", "chance", "opportunite"),
        "amount": ("value", "dealvalue", "dealamount", "opportunityamount", "betrag", "montant", "importe"),
        "stage": ("stagename", "salesstage", "dealstage", "phase", "etape", "etapa"),
        "close_date": (
            "closingdate", "closes", "expectedclosedate", "dealclosedate", "abschlussdatum", "datedecloture",
        ),
        "account_by_crm_id": ("accountid", "accountsalesforceid", "salesforceaccountid"),
        "account_by_domain": (
            "accountdomain", "accountwebsite", "companydomain", "companywebsite", "website", "domain",
        ),
        "account_by_name": (
            "account", "accountname", "company", "companyname", "customer", "customername", "organization",
            "organisation", "firma", "kunde", "unternehmen", "entreprise", "societe", "empresa",
        ),
        "crm_id": ("opportunityid", "salesforceid", "sfid"),
    },
}  # fmt: skip
# One column names the account: what tells it best.
_ACCOUNT_WAYS = ("account_by_crm_id", "account_by_domain", "account_by_name")


def guessed(record: str, headings: Sequence[str], known: Sequence[LocalField]) -> list[str | None]:
    """For each heading the field it most likely names, each field once: exact names before synonyms."""
    plain = [_plain(heading) for heading in headings]
    found: list[str | None] = [None] * len(headings)
    synonyms = _SYNONYMS.get(record, {})
    for names in ({each.name: (_plain(each.label), _plain(each.name)) for each in known}, synonyms):
        for field in known:
            if field.name in found:
                continue
            free = {each: at for at, each in reversed([*enumerate(plain)]) if found[at] is None and each}
            # The likeliest word first: a file may have both "Mail" and "E-mail".
            place = next((free[each] for each in names.get(field.name, ()) if each in free), None)
            if place is not None:
                found[place] = field.name
    best = next((way for way in _ACCOUNT_WAYS if way in found), None)
    return [None if name in _ACCOUNT_WAYS and name != best else name for name in found]


def _plain(text: str) -> str:
    """Letters and digits alone: "E-Mail Address" and "email_address" are one, and so are "Société" and "societe"."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[\W_]+", "", "".join(sign for sign in folded if not unicodedata.combining(sign)))
