"""`abmatic import`: a file from the command line, looked at first, and gone on with after an interruption."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.processes import Installation

pytestmark = pytest.mark.server

FILE = "Name;Mail;E-mail;Notes\nAda;x;ada@x.com;=1\nGrace;y;grace@x.com;\nNobody;z;none;=2+3\n"


def run(installation: Installation, *arguments: str, code: int = 0) -> str:
    done = installation.run("import", *arguments)
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


@pytest.fixture
def migrated(migrated_database: str, tmp_path: Path) -> Installation:
    return Installation(tmp_path / "data", migrated_database)


def test_a_file_is_looked_at_and_imported(migrated: Installation, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(FILE, encoding="utf-8")
    what = [str(file), "--record", "contact", "--map", "E-mail=work_email", "--map", "Name=Last name"]
    looked = json.loads(run(migrated, *what, "--preview", "--json"))
    assert looked["columns"] == {"Name": "last_name", "Mail": None, "E-mail": "work_email", "Notes": None}
    assert (looked["created"], looked["rejected"], looked["delimiter"]) == (2, 1, ";")
    assert migrated.query("SELECT count(*) FROM contact") == [(0,)]

    report = tmp_path / "rejected.csv"
    said = run(migrated, *what, "--collection", "Fair", "--rejected", str(report))
    assert "Imported: 2 created, 1 rejected" in said
    assert "line 4: Work e-mail: “none” is no e-mail address" in said
    assert report.read_text(encoding="utf-8").splitlines() == [
        "Line,Reason,Name,Mail,E-mail,Notes",
        "4,Work e-mail: “none” is no e-mail address,Nobody,z,none,'=2+3",
    ]
    assert migrated.query("SELECT last_name, email_key FROM contact ORDER BY id") == [
        ("Ada", "ada@x.com"), ("Grace", "grace@x.com"),
    ]  # fmt: skip
    assert migrated.query("SELECT name, kind, size FROM collection") == [("Fair", "import", 2)]
    again = run(migrated, *what, "--collection", "fair", "--duplicates", "overwrite")
    assert "Imported: 2 unchanged, 1 rejected" in again


def test_an_interrupted_one_goes_on(migrated: Installation, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(FILE, encoding="utf-8")
    run(migrated, str(file), "--record", "contact", "--map", "E-mail=work_email", "--map", "Mail=")
    # As one that was killed before its first chunk leaves it.
    migrated.query("DELETE FROM contact RETURNING id")
    migrated.query("UPDATE file_import SET state = 'importing', done = 0, counts = '{}' RETURNING id")
    assert "Imported: 2 created" in run(migrated, "--resume", "1")
    assert "nothing to go on with" in run(migrated, "--resume", "1", code=1)


def test_a_check_that_was_interrupted_and_an_import_that_failed_go_on(migrated: Installation, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(FILE, encoding="utf-8")
    run(migrated, str(file), "--record", "contact", "--map", "E-mail=work_email", "--map", "Mail=")
    migrated.query("DELETE FROM contact RETURNING id")
    as_new = "done = 0, counts = '{}', started_at = NULL, cause_id = NULL, finished_at = NULL RETURNING id"
    migrated.query(f"UPDATE file_import SET state = 'checking', {as_new}")
    assert "Would be: 2 created" in run(migrated, "--resume", "1", "--preview")
    migrated.query(f"UPDATE file_import SET state = 'checking', {as_new}")
    assert "Imported: 2 created" in run(migrated, "--resume", "1")
    migrated.query("DELETE FROM contact RETURNING id")
    migrated.query("UPDATE file_import SET state = 'failed', done = 0, counts = '{}' RETURNING id")
    assert "leave --preview out" in run(migrated, "--resume", "1", "--preview", code=1)
    assert "Imported: 2 created" in run(migrated, "--resume", "1")


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["--record", "contact"], "Name a FILE", 2),
        (["FILE"], "Name a FILE", 2),
        (["FILE", "--record", "contact", "--map", "Shoe=last_name"], "“Shoe” is no column", 1),
        (["FILE", "--record", "contact", "--map", "Name=shoe"], "“shoe” is no field", 1),
        (
            ["FILE", "--record", "contact", "--map", "Name=Last name", "--map", "E-mail="],
            "No column goes to Work e-mail",
            1,
        ),
    ],
)
def test_what_cannot_be_done_is_said(
    migrated: Installation, tmp_path: Path, arguments: list[str], said: str, code: int
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(FILE, encoding="utf-8")
    assert said in run(migrated, *[str(file) if each == "FILE" else each for each in arguments], code=code)


def test_deals_with_accounts_that_are_made(migrated: Installation, tmp_path: Path) -> None:
    file = tmp_path / "deals.csv"
    file.write_text("Deal,Company,Stage,Close Date\nA,Acme,New,2026-01-01\nB,acme,New,2026-02-01\n", encoding="utf-8")
    what = [str(file), "--object", "opportunity", "--map", "Company=account_by_name", "--missing-account", "create"]
    assert "their accounts: 1 account made" in run(migrated, *what, "--preview")
    assert migrated.query("SELECT count(*) FROM account") == [(0,)]
    said = run(migrated, *what)
    assert "Imported: 2 created" in said
    assert "their accounts: 2 linked, 1 account made" in said
    assert migrated.query(
        "SELECT o.name, a.name FROM opportunity AS o JOIN account AS a ON a.id = o.account_id ORDER BY o.id"
    ) == [("A", "Acme"), ("B", "Acme")]
