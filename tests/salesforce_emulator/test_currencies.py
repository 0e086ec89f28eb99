"""An org of several currencies: records have one, and amounts are converted where a query says so."""

from __future__ import annotations

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.__main__ import parser
from salesforce_emulator.schema import BASE, Customization

RATES = Customization(currencies={"USD": 1.0, "EUR": 0.8, "JPY": 150.0})


@pytest.fixture
def org(open_api: OpenApi) -> Api:
    """Three deals; who asks reckons in euros."""
    store = OrgStore(custom=RATES)
    with store.session() as session:
        for name, amount, code in (("Small", 1000, "USD"), ("Large", 900, "EUR"), ("Tiny", 7000, "JPY")):
            deal = {"Name": name, "StageName": "Prospecting", "CloseDate": "2026-12-31", "Amount": amount}
            session.insert("Opportunity", {**deal, "CurrencyIsoCode": code})
        session.update("User", BASE.integration, {"DefaultCurrencyIsoCode": "EUR"})
    return open_api(store=store)


def test_records_have_a_currency(org: Api) -> None:
    for sobject in ("Account", "Contact", "Lead", "Opportunity", "Campaign"):
        fields = {f["name"]: f for f in org.get(f"sobjects/{sobject}/describe").json()["fields"]}
        assert [v["value"] for v in fields["CurrencyIsoCode"]["picklistValues"]] == ["USD", "EUR", "JPY"]
    account = org.create("Account", Name="A")
    assert org.get(f"sobjects/Account/{account}").json()["CurrencyIsoCode"] == "EUR", "the user's, unless told"
    answer = org.patch(f"sobjects/Account/{account}", json={"CurrencyIsoCode": "GBP"}).json()
    assert answer[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    change = {"action": "add_object", "name": "Thing__c"}
    assert org.post("/__emulator/schema", json=change).status_code == 200
    thing = org.create("Thing__c", CurrencyIsoCode="JPY")
    assert org.get(f"sobjects/Thing__c/{thing}").json()["CurrencyIsoCode"] == "JPY"


def test_rates_are_records(org: Api) -> None:
    rates = org.rows("SELECT IsoCode, ConversionRate, DecimalPlaces, IsCorporate FROM CurrencyType ORDER BY IsoCode")
    assert [tuple(r.values()) for r in rates] == [
        ("EUR", 0.8, 2, False),
        ("JPY", 150.0, 0, False),
        ("USD", 1.0, 2, True),
    ]
    assert org.post("sobjects/CurrencyType", json={"IsoCode": "GBP", "ConversionRate": 1}).status_code == 400


def test_amounts_are_converted_to_the_users_currency(org: Api) -> None:
    rows = org.rows("SELECT Name, Amount, convertCurrency(Amount) mine FROM Opportunity ORDER BY Name")
    assert [(r["Name"], r["Amount"], r["mine"]) for r in rows] == [
        ("Large", 900.0, 900.0),
        ("Small", 1000.0, 800.0),
        ("Tiny", 7000.0, 37.333333),
    ]
    (rate,) = org.rows("SELECT Id FROM CurrencyType WHERE IsoCode = 'JPY'")
    org.patch(f"sobjects/CurrencyType/{rate['Id']}", json={"ConversionRate": 140})
    assert org.rows("SELECT convertCurrency(Amount) FROM Opportunity WHERE Name = 'Tiny'") == [{"Amount": 40.0}]


def test_amounts_are_compared_and_ordered_by_their_worth(org: Api) -> None:
    def names(rest: str) -> list[str]:
        return [r["Name"] for r in org.rows(f"SELECT Name FROM Opportunity {rest}")]

    assert names("ORDER BY Amount") == ["Tiny", "Small", "Large"]
    assert names("WHERE Amount > USD1000 ORDER BY Name") == ["Large"]
    assert names("WHERE Amount >= eur800 ORDER BY Name") == ["Large", "Small"]
    assert names("WHERE Amount IN (USD1125, JPY7000) ORDER BY Name") == ["Large", "Tiny"]
    assert names("WHERE Amount > 1000 ORDER BY Name") == ["Tiny"], "without a code the bare numbers are compared"


def test_sums_are_in_the_corporate_currency(org: Api) -> None:
    (found,) = org.rows("SELECT SUM(Amount) total, MAX(Amount) most FROM Opportunity")
    assert (round(found["total"], 2), found["most"]) == (2171.67, 1125.0)
    (found,) = org.rows("SELECT StageName, COUNT(Id) n FROM Opportunity GROUP BY StageName HAVING SUM(Amount) > 2000")
    assert found["n"] == 3


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id FROM Opportunity WHERE convertCurrency(Amount) > 5",
        "SELECT convertCurrency(Name) FROM Opportunity",
        "SELECT Id FROM Opportunity ORDER BY convertCurrency(Amount)",
        "SELECT SUM(convertCurrency(Amount)) FROM Opportunity",
        "SELECT Id FROM Opportunity WHERE Name = USD5",
    ],
)
def test_what_can_not_be_converted_is_refused(org: Api, soql: str) -> None:
    assert org.refused(soql)[0] in ("MALFORMED_QUERY", "INVALID_FIELD")


def test_not_in_an_org_of_one_currency(api: Api) -> None:
    assert api.refused("SELECT convertCurrency(AnnualRevenue) FROM Account")[0] == "INVALID_FIELD"
    assert api.refused("SELECT Id FROM Account WHERE AnnualRevenue > USD5")[0] == "INVALID_FIELD"
    assert api.refused("SELECT CurrencyIsoCode FROM Account")[0] == "INVALID_FIELD"


def test_the_command_names_them() -> None:
    assert parser().parse_args(["--currency", "EUR=0.8"]).currencies == [("EUR", 0.8)]
    for wrong in ("EUR", "EURO=1", "EUR=-1"):
        with pytest.raises(SystemExit):
            parser().parse_args(["--currency", wrong])
