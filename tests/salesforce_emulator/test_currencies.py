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


@pytest.fixture
def dated(open_api: OpenApi) -> Api:
    """Two deals of 900 euros, one of which closes in May, and an account, in an org whose rates are of days."""
    custom = Customization(currencies=RATES.currencies, features=frozenset({"advanced_currency_management"}))
    store = OrgStore(custom=custom)
    with store.session() as session:
        for name, closes in (("April", "2026-04-30"), ("May", "2026-05-01")):
            deal = {"Name": name, "StageName": "Prospecting", "CloseDate": closes, "Amount": 900}
            session.insert("Opportunity", {**deal, "CurrencyIsoCode": "EUR"})
        session.insert("Account", {"Name": "Acme", "AnnualRevenue": 900, "CurrencyIsoCode": "EUR"})
        session.update("User", BASE.integration, {"DefaultCurrencyIsoCode": "JPY"})
    return open_api(store=store)


def euros(org: Api) -> list[tuple[object, ...]]:
    soql = "SELECT StartDate, NextStartDate, ConversionRate FROM DatedConversionRate WHERE IsoCode = 'EUR'"
    return [tuple(row.values()) for row in org.rows(f"{soql} ORDER BY StartDate")]


def test_a_rate_holds_until_the_next_one_starts(dated: Api) -> None:
    assert euros(dated) == [("0001-01-01", "9999-12-31", 0.8)], "those that there were hold for ever"
    june = dated.create("DatedConversionRate", IsoCode="EUR", StartDate="2026-06-01", ConversionRate=0.5)
    may = dated.create("DatedConversionRate", IsoCode="EUR", StartDate="2026-05-01", ConversionRate=0.9)
    assert june.startswith("04w")
    assert euros(dated) == [
        ("0001-01-01", "2026-05-01", 0.8), ("2026-05-01", "2026-06-01", 0.9), ("2026-06-01", "9999-12-31", 0.5),
    ]  # fmt: skip
    (now,) = dated.rows(
        "SELECT ConversionRate FROM DatedConversionRate "
        "WHERE IsoCode = 'EUR' AND StartDate <= 2026-05-31 AND NextStartDate > 2026-05-31"
    )
    assert now["ConversionRate"] == 0.9
    (static,) = dated.rows("SELECT ConversionRate FROM CurrencyType WHERE IsoCode = 'EUR'")
    assert static["ConversionRate"] == 0.8
    assert dated.patch(f"sobjects/DatedConversionRate/{june}", json={"ConversionRate": 0.6}).status_code == 204
    assert dated.delete(f"sobjects/DatedConversionRate/{may}").status_code == 204
    assert euros(dated) == [("0001-01-01", "2026-06-01", 0.8), ("2026-06-01", "9999-12-31", 0.6)]


@pytest.mark.parametrize(
    "values",
    [{"IsoCode": "JPY"}, {"StartDate": "2027-01-01"}, {"NextStartDate": "2027-01-01"}],
)
def test_the_days_of_a_rate_can_not_be_changed(dated: Api, values: dict[str, str]) -> None:
    rate = dated.create("DatedConversionRate", IsoCode="EUR", StartDate="2026-06-01", ConversionRate=0.5)
    (problem,) = dated.patch(f"sobjects/DatedConversionRate/{rate}", json=values).json()
    assert problem["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_rate_of_no_currency_of_the_org_is_refused(dated: Api) -> None:
    values = {"IsoCode": "GBP", "StartDate": "2026-06-01", "ConversionRate": 0.7}
    (problem,) = dated.post("sobjects/DatedConversionRate", json=values).json()
    assert problem["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_the_rates_of_days_are_described(dated: Api) -> None:
    described = dated.get("sobjects/DatedConversionRate/describe").json()
    assert (described["createable"], described["updateable"], described["deletable"]) == (True, True, True)
    fields = {field["name"]: field for field in described["fields"]}
    assert set(fields) == {
        "Id", "IsoCode", "StartDate", "NextStartDate", "ConversionRate", "CreatedDate", "CreatedById",
        "LastModifiedDate", "LastModifiedById", "SystemModstamp",
    }  # fmt: skip
    assert [name for name, field in fields.items() if field["updateable"]] == ["ConversionRate"]
    assert (fields["ConversionRate"]["precision"], fields["ConversionRate"]["scale"]) == (18, 6)


def test_amounts_of_deals_go_by_the_day_on_which_they_close(dated: Api) -> None:
    dated.create("DatedConversionRate", IsoCode="EUR", StartDate="2026-05-01", ConversionRate=0.5)
    dated.create("DatedConversionRate", IsoCode="JPY", StartDate="2026-05-01", ConversionRate=100)
    rows = dated.rows("SELECT Name, convertCurrency(Amount) mine FROM Opportunity ORDER BY Amount")
    assert [(row["Name"], row["mine"]) for row in rows] == [("April", 900 / 0.8 * 150), ("May", 900 / 0.5 * 100)]
    (found,) = dated.rows("SELECT SUM(Amount) total FROM Opportunity")
    assert found["total"] == 900 / 0.8 + 900 / 0.5
    assert [row["Name"] for row in dated.rows("SELECT Name FROM Opportunity WHERE Amount > USD1500")] == ["May"]
    (account,) = dated.rows("SELECT convertCurrency(AnnualRevenue) mine FROM Account")
    assert account["mine"] == 900 / 0.8 * 150


def test_there_are_none_without_advanced_currency_management(org: Api) -> None:
    assert org.refused("SELECT Id FROM DatedConversionRate")[0] == "INVALID_TYPE"
    assert org.get("sobjects/DatedConversionRate/describe").status_code == 404


def test_an_org_of_one_currency_has_no_rates_of_days() -> None:
    with pytest.raises(ValueError, match="one currency only; name several"):
        OrgStore(custom=Customization(features=frozenset({"advanced_currency_management"})))


def test_the_command_names_them() -> None:
    assert parser().parse_args(["--currency", "EUR=0.8"]).currencies == [("EUR", 0.8)]
    for wrong in ("EUR", "EURO=1", "EUR=-1"):
        with pytest.raises(SystemExit):
            parser().parse_args(["--currency", wrong])
