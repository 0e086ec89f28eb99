"""The store: several readers beside one writer, transactions within transactions, the clock."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from salesforce_emulator import OrgStore
from salesforce_emulator.store import RecordError


def count(store: OrgStore) -> int:
    with store.reading() as conn:
        found: int = conn.execute('SELECT count(*) FROM "Account"').fetchone()[0]
    return found


def write_one_and_fail(store: OrgStore) -> None:
    with store.session() as session:
        session.insert("Account", {"Name": "B"})
        session.insert("Account", {})


def test_readers_see_only_what_is_committed() -> None:
    with OrgStore() as store:
        seen: list[int] = []
        with store.session() as session:
            session.insert("Account", {"Name": "A"})
            reader = threading.Thread(target=lambda: seen.append(count(store)))
            reader.start()
            reader.join()
            assert count(store) == 1, "the writer sees its own"
        assert seen == [0]
        assert count(store) == 1


def test_a_failed_transaction_leaves_nothing() -> None:
    with OrgStore() as store:
        with pytest.raises(RecordError):
            write_one_and_fail(store)
        assert count(store) == 0


def test_a_part_can_fail_alone() -> None:
    with OrgStore() as store:
        with store.writing():
            with store.session() as session:
                session.insert("Account", {"Name": "A"})
            with pytest.raises(RecordError):
                write_one_and_fail(store)
        assert count(store) == 1


def test_many_writers_take_turns() -> None:
    with OrgStore() as store:

        def write(number: int) -> None:
            for _ in range(5):
                with store.session() as session:
                    session.insert("Account", {"Name": str(number)})

        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert count(store) == 40


def test_stamps_come_from_the_orgs_clock() -> None:
    with OrgStore(clock=lambda: datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=UTC)) as store:
        with store.session() as session:
            record_id = session.insert("Account", {"Name": "A"})
            found = session.fetch("Account", record_id)
        assert found is not None
        assert found["SystemModstamp"] == "2030-01-02T03:04:05.000Z"


def test_an_org_that_could_not_be_made_leaves_no_file(tmp_path: Path) -> None:
    def fail(_: object) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        OrgStore(tmp_path / "org.sqlite3", loader=fail)
    assert not (tmp_path / "org.sqlite3").exists()
    OrgStore(tmp_path / "org.sqlite3").close()


def test_only_what_is_looked_up_is_indexed() -> None:
    """References to what this org has none of, and to users who own thousands, cost time and space for nothing."""
    with OrgStore() as store, store.reading() as conn:
        names = {r[0] for r in conn.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        useless = {"Account_DandbCompanyId", "Contact_IndividualId", "Opportunity_Pricebook2Id", "Lead_OwnerId"}
        assert not names & useless
        for select in (
            'SELECT "Id" FROM "Contact" WHERE "AccountId" = ?',
            'SELECT "Id" FROM "Contact" WHERE "AccountId" IN (?, ?)',
            'SELECT "Id" FROM "Lead" WHERE "Email" = ?',
            'SELECT "Id" FROM "Account" WHERE "MasterRecordId" = ?',
        ):
            plan = conn.execute(f"EXPLAIN QUERY PLAN {select}", ("x",) * select.count("?")).fetchall()
            assert "USING INDEX" in plan[0][3], select
