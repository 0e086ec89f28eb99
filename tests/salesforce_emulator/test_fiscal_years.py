"""Fiscal years that don't begin in January: as a data file lays them down, and as queries count by them."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.datafile import BadDataFile, DataFile
from salesforce_emulator.schema.fiscal import MONTHS
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.soql.dates import literal_days

NOW = datetime(2026, 2, 10, 12, tzinfo=ZoneInfo("UTC"))
FISCAL = "Name, FISCAL_YEAR(CloseDate) y, FISCAL_QUARTER(CloseDate) q, FISCAL_MONTH(CloseDate) m"


def _read(tmp_path: Path, organization: object) -> DataFile:
    file = tmp_path / "org.json"
    days = ("2025-03-31", "2025-04-01", "2026-01-31", "2026-03-31", "2026-04-01", "2026-07-01", "2027-03-31")
    deals = [{"Name": day, "StageName": "Prospecting", "CloseDate": day} for day in days]
    file.write_text(json.dumps({"organization": organization, "records": {"Opportunity": deals}}))
    return DataFile.read(file)


def _open(open_api: OpenApi, tmp_path: Path, **organization: Any) -> Api:
    data = _read(tmp_path, organization)
    return open_api(store=OrgStore(clock=lambda: NOW, loader=lambda conn: data.load(conn, stamp(NOW))))


def _in(api: Api, literal: str) -> list[str]:
    return [r["Name"] for r in api.rows(f"SELECT Name FROM Opportunity WHERE CloseDate = {literal} ORDER BY Name")]


def test_literals_count_from_the_month_the_year_begins_in(open_api: OpenApi, tmp_path: Path) -> None:
    api = _open(open_api, tmp_path, FiscalYearStartMonth=4)
    assert _in(api, "THIS_FISCAL_YEAR") == ["2025-04-01", "2026-01-31", "2026-03-31"]
    assert _in(api, "LAST_FISCAL_YEAR") == ["2025-03-31"]
    assert _in(api, "NEXT_FISCAL_YEAR") == ["2026-04-01", "2026-07-01", "2027-03-31"]
    assert _in(api, "THIS_FISCAL_QUARTER") == ["2026-01-31", "2026-03-31"]
    assert _in(api, "NEXT_N_FISCAL_QUARTERS:2") == ["2026-04-01", "2026-07-01"]
    assert _in(api, "N_FISCAL_YEARS_AGO:1") == ["2025-03-31"]
    assert _in(api, "THIS_YEAR") == ["2026-01-31", "2026-03-31", "2026-04-01", "2026-07-01"]


@pytest.mark.parametrize(("by_start", "year"), [(False, 2026), (True, 2025)])
def test_a_year_is_named_after_its_end_or_its_start(
    open_api: OpenApi, tmp_path: Path, by_start: bool, year: int
) -> None:
    api = _open(open_api, tmp_path, FiscalYearStartMonth=4, UsesStartDateAsFiscalYearName=by_start)
    grouped = f"GROUP BY Name, {', '.join(f'FISCAL_{p}(CloseDate)' for p in ('YEAR', 'QUARTER', 'MONTH'))}"
    found = {r["Name"]: (r["y"], r["q"], r["m"]) for r in api.rows(f"SELECT {FISCAL} FROM Opportunity {grouped}")}
    assert found == {
        "2025-03-31": (year - 1, 4, 12), "2025-04-01": (year, 1, 1), "2026-01-31": (year, 4, 10),
        "2026-03-31": (year, 4, 12), "2026-04-01": (year + 1, 1, 1), "2026-07-01": (year + 1, 2, 4),
        "2027-03-31": (year + 1, 4, 12),
    }  # fmt: skip
    deals = api.rows("SELECT Name, FiscalYear, FiscalQuarter, Fiscal FROM Opportunity")
    assert {d["Name"]: (d["FiscalYear"], d["FiscalQuarter"]) for d in deals} == {k: v[:2] for k, v in found.items()}
    assert all(d["Fiscal"] == f"{d['FiscalYear']} {d['FiscalQuarter']}" for d in deals)
    assert api.rows(f"SELECT count(Id) n FROM Opportunity WHERE FISCAL_YEAR(CloseDate) = {year}") == [{"n": 3}]
    assert api.rows("SELECT FiscalYearStartMonth, UsesStartDateAsFiscalYearName FROM Organization") == [
        {"FiscalYearStartMonth": 4, "UsesStartDateAsFiscalYearName": by_start}
    ]


def test_january_names_the_year_it_is_in(open_api: OpenApi, tmp_path: Path) -> None:
    api = _open(open_api, tmp_path)
    deals = api.rows("SELECT CloseDate, FiscalYear, FiscalQuarter FROM Opportunity")
    assert all(str(d["FiscalYear"]) == d["CloseDate"][:4] for d in deals)
    assert api.rows("SELECT UsesStartDateAsFiscalYearName FROM Organization") == [
        {"UsesStartDateAsFiscalYearName": False}
    ]


def test_every_day_is_in_one_quarter_of_one_year_whatever_the_month_it_begins_in() -> None:
    for start in MONTHS:
        for days in range(0, 800, 13):
            now = NOW + timedelta(days=days)
            first, after = literal_days("THIS_FISCAL_YEAR", now, start)
            assert (first.month, first.day) == (start, 1)
            assert after == date(first.year + 1, start, 1)
            begins, ends = literal_days("THIS_FISCAL_QUARTER", now, start)
            assert first <= begins <= now.date() < ends <= after
            assert (begins.month - start) % 3 == 0


@pytest.mark.parametrize("literal", ["THIS_FISCAL_MONTH", "LAST_FISCAL_WEEK", "LAST_N_FISCAL_DAYS:3"])
def test_only_quarters_and_years_are_fiscal(api: Api, literal: str) -> None:
    code, message = api.refused(f"SELECT Id FROM Opportunity WHERE CloseDate = {literal}")
    assert code == "MALFORMED_QUERY"
    assert "unexpected token" in message


@pytest.mark.parametrize(
    ("organization", "message"),
    [
        ({"FiscalYearStartMonth": 13}, "13; a month from 1 to 12"),
        ({"FiscalYearStartMonth": True}, "True; a month"),
        ({"UsesStartDateAsFiscalYearName": 1}, "1; true or false"),
        ({"Name": "Acme"}, "organization: unknown Name"),
        ([], "organization: an object is wanted"),
    ],
)
def test_what_no_fiscal_year_can_be(tmp_path: Path, organization: object, message: str) -> None:
    with pytest.raises(BadDataFile, match=message):
        _read(tmp_path, organization)
