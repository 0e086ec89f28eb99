"""The account that a row of contacts names: found, made, left empty, a reason to reject; several are never guessed."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from psycopg import sql
from tests.audiences.csv_import.files import changes, checked, chosen, given, imported, reasons, written
from tests.web import org

from abmatic.audiences.csv_import import executing, references, rejected, verbs
from abmatic.audiences.csv_import.applying import Applying
from abmatic.audiences.csv_import.models import RejectedRow
from abmatic.audiences.csv_import.references import By
from abmatic.audiences.csv_import.refusals import MappingRefused
from abmatic.audiences.models import Account, Contact
from abmatic.postgres import sessions
from abmatic.sync.models import MirrorContact

pytestmark = pytest.mark.django_db(transaction=True)

NAME = ["last_name", "work_email", "account_by_name"]
DOMAIN = ["last_name", "work_email", "account_by_domain"]
CRM_ID = ["last_name", "work_email", "account_by_crm_id"]


def people(*firms: str) -> bytes:
    return written([["Name", "E-mail", "Firm"], *([f"P{n}", f"p{n}@x.com", firm] for n, firm in enumerate(firms))])


def firms_of() -> dict[str, str | None]:
    return {
        contact.last_name or "": contact.account.name if contact.account else None
        for contact in Contact.objects.select_related("account").order_by("id")
    }


def told(file: Any) -> dict[str, int]:
    """What the preview says of accounts, without its samples; kinds of which there are none left out."""
    return {kind: many for kind, many in file.found["accounts"].items() if kind != "samples" and many}


def test_by_name_whatever_its_case_and_the_spaces_around_it() -> None:
    acme = Account.objects.create(name=" Acme GmbH", website="acme.com", domain="acme.com")
    Account.objects.create(name="Acme GmbH & Co")
    file = imported("contact", people("ACME gmbh", "", "Acme"), NAME)
    assert firms_of() == {"P0": acme.name, "P1": None, "P2": None}
    assert told(file) == {"linked": 1, "missing": 1}
    assert (file.counts["linked"], file.counts["unlinked"], file.counts["accounts_made"]) == (1, 1, 0)
    assert file.found is not None
    assert file.found["accounts"]["samples"]["linked"] == [
        {"line": 2, "said": "ACME gmbh", "accounts": [acme.pk], "name": " Acme GmbH"}
    ]
    assert reasons(file) == {4: "Account: no account has the name “Acme”"}
    row = RejectedRow.objects.get()
    assert row.is_imported, "it is imported, and told"
    assert list(rejected.rows(file)) == []
    assert [cells[2] for cells in rejected.rows(file, imported=True)] == ["P2"]


def test_by_domain_of_whatever_address_is_written() -> None:
    acme = Account.objects.create(name="Acme", website="acme.com", domain="acme.com")
    file = imported("contact", people("https://www.acme.com/x", "gmail.com", "n/a"), DOMAIN, missing_account="reject")
    assert firms_of() == {"P0": acme.name}
    assert reasons(file) == {
        3: "Account: “gmail.com” is not a company's own web address",
        4: "Account: “n/a” is not a company's own web address",
    }
    assert (file.counts["rejected"], told(file)) == (2, {"linked": 1, "missing": 2})


def test_by_salesforce_id_of_fifteen_characters_or_eighteen() -> None:
    connection = org.connect()
    acme, other = org.account("Acme"), org.account("Other")
    org.link(connection, acme, "0015800000AbCdEAAV")
    org.link(connection, other, "0015800000aBcDeAAV")
    file = imported(
        "contact", people("0015800000AbCdE", "0015800000aBcDeAAV", "0015800000AbCdF", "Acme"), CRM_ID,
        missing_account="reject",
    )  # fmt: skip
    assert firms_of() == {"P0": "Acme", "P1": "Other"}
    assert reasons(file) == {
        4: "Account: no account here has the Salesforce Id “0015800000AbCdF”",
        5: "Account: “Acme” is no Salesforce Id",
    }


@pytest.mark.parametrize("missing", ["leave", "create", "reject"])
def test_several_accounts_of_one_name_are_never_guessed(missing: str) -> None:
    first, second = (Account.objects.create(name="Acme", website=each, domain=each) for each in ("a.com", "b.com"))
    file = imported("contact", people("acme", ""), NAME, missing_account=missing)
    assert firms_of() == {"P1": None}
    assert reasons(file) == {
        2: f"Account: “acme” is the name of several accounts (numbers {first.pk}, {second.pk}). "
        "Say which by its domain or Salesforce Id"
    }
    assert told(file) == {"ambiguous": 1}
    assert Account.objects.count() == 2


def test_accounts_are_made_once_with_their_cause() -> None:
    content = people("New One", "new one", "Other")
    looked = checked("contact", content, NAME, missing_account="create")
    assert told(looked) == {"created": 3, "accounts_made": 2}
    assert not Account.objects.exists(), "a preview makes none"
    file = imported("contact", content, NAME, missing_account="create")
    made = list(Account.objects.order_by("name").values_list("name", "domain", "created_by"))
    assert made == [("New One", None, file.cause_id), ("Other", None, file.cause_id)]
    assert firms_of() == {"P0": "New One", "P1": "New One", "P2": "Other"}
    assert (file.counts["accounts_made"], file.counts["linked"]) == (2, 3)
    assert [field for _, field, _, _ in changes()] == [""] * 5
    again = imported("contact", content, NAME, missing_account="create")
    assert (again.counts["accounts_made"], again.counts["unchanged"], Account.objects.count()) == (0, 3, 2)


def test_an_account_made_by_domain_has_its_key_and_the_company_as_its_name() -> None:
    content = written([["E-mail", "Site", "Firm"], ["a@x.com", "https://www.new.com", "New Inc"],
                       ["b@x.com", "bare.com", ""], ["c@x.com", "gmail.com", ""]])  # fmt: skip
    columns = ["work_email", "account_by_domain", "company"]
    file = imported("contact", content, columns, missing_account="create")
    assert list(Account.objects.order_by("domain").values_list("domain", "name")) == [
        ("bare.com", "bare.com"), ("new.com", "New Inc"),
    ]  # fmt: skip
    assert sorted(reasons(file)) == [4], "of an address of many none is made"


@pytest.mark.parametrize(
    ("duplicates", "first", "second", "made"),
    [("skip", None, "Old", 0), ("fill", "New", "Old", 1), ("overwrite", "New", "Newer", 2)],
)
def test_contacts_that_are_here(duplicates: str, first: str | None, second: str, made: int) -> None:
    old = Account.objects.create(name="Old")
    Contact.objects.create(last_name="P0", work_email="p0@x.com", email_key="p0@x.com")
    there = Contact.objects.create(last_name="P1", work_email="p1@x.com", email_key="p1@x.com", account=old)
    how = {"missing_account": "create", "duplicates": duplicates}
    looked = checked("contact", people("New", "Newer"), NAME, **how)
    file = imported("contact", people("New", "Newer"), NAME, **how)
    assert firms_of() == {"P0": first, "P1": second}
    assert file.counts["accounts_made"] == told(looked).get("accounts_made", 0) == made, "none that nobody is joined to"
    assert looked.found is not None
    assert looked.found["updated"] == file.counts["updated"]
    if duplicates == "overwrite":
        new = Account.objects.get(name="Newer")
        assert (there.pk, "account_id", old.pk, new.pk) in changes()
        assert looked.found["samples"]["updated"][1]["fields"] == [
            {"field": "account_id", "before": "Old", "after": "Newer"}
        ]


def test_where_the_crm_says_the_account_it_stays() -> None:
    connection = org.connect()
    old, new = org.account("Old"), org.account("New")
    person = org.contact("P0", account=old, work_email="p0@x.com", email_key="p0@x.com")
    MirrorContact.objects.create(
        connection=connection, sf_id="0035800000000001AAA", modstamp=timezone.now(), local_id=person.pk, role=1,
        account_sf_id="0015800000000001AAA",
    )  # fmt: skip
    file = imported("contact", people("New"), NAME, duplicates="overwrite")
    assert firms_of() == {"P0": "Old"}
    assert (told(file), file.counts["updated"]) == ({"linked": 1, "kept": 1}, 0)
    assert new.pk


def test_accounts_that_come_or_go_between_reading_and_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    Account.objects.create(name="Here")
    file = checked("contact", people("Here", "Late", "Twice"), NAME, missing_account="reject")
    assert sorted(reasons(file)) == [3, 4]
    file = chosen(file, NAME, missing_account="leave")
    verbs.start_check(file)
    executing.execute(file.pk)
    file.refresh_from_db()
    verbs.start_import(file, None)
    apply = Applying.apply

    def apply_later(self: Applying, rows: int) -> None:
        Account.objects.filter(name="Here").update(name="Gone")
        for name in ("Late", "Twice", "Twice"):
            Account.objects.create(name=name)
        apply(self, rows)

    monkeypatch.setattr(Applying, "apply", apply_later)
    executing.execute(file.pk)
    file.refresh_from_db()
    assert firms_of() == {"P0": None, "P1": "Late"}
    assert {line: reason[:30] for line, reason in reasons(file).items()} == {
        2: "Account: no account has the na", 4: "Account: “Twice” is the name o",
    }  # fmt: skip
    assert (file.counts["rejected"], file.counts["unlinked"], file.counts["linked"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("columns", "how", "said"),
    [
        (["work_email", "account_by_name", "account_by_domain"], {}, "both name the account"),
        (CRM_ID, {"missing_account": "create"}, "can't be created from its Id"),
        (NAME, {"missing_account": "guess"}, "Choose what happens where no account is found"),
    ],
)
def test_choices_that_make_no_sense(columns: list[str], how: dict[str, Any], said: str) -> None:
    with pytest.raises(MappingRefused, match=said):
        chosen(given("contact", people("x")), columns, **how)


@pytest.mark.parametrize(
    ("by", "index"),
    [(By.NAME, "account_by_name"), (By.DOMAIN, "account_domain_key"), (By.CRM_ID, "mirror_account_pkey")],
)
def test_each_account_is_found_by_an_index(by: By, index: str) -> None:
    with sessions.session("test") as session:
        session.execute('CREATE TEMP TABLE firms (key text COLLATE "C")')
        session.execute("SET enable_seqscan = off")
        session.execute("SET enable_bitmapscan = off")
        query = sql.SQL("EXPLAIN SELECT ARRAY({}) FROM firms AS f").format(
            references.accounts(by, sql.Identifier("f", "key"))
        )
        plan = "\n".join(line for (line,) in session.execute(query))
    found = plan[plan.index(index) :]
    assert "Index Cond" in found, plan


def test_headings_are_guessed() -> None:
    assert given("contact", b"Email,Account ID,Account Name\na@x.com,1,Acme\n").columns == [
        "work_email", "account_by_crm_id", "company",
    ]  # fmt: skip
    file = given("opportunity", b"Deal Name,Account Name,Website,Stage,Amount,Close Date\nD,A,a.com,Won,1,2026-01-01\n")
    assert file.columns == ["name", None, "account_by_domain", "stage", "amount", "close_date"]
