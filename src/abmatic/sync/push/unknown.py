"""What became of batches without an answer, before anything is read or sent again.

A bulk job tells by itself, whenever it is asked. Of a collections call the records are looked at: an update was carried
out where they hold what was sent; a creation where the connected user has, since then, made one that is like it. Reads
lag behind writes by seconds, so a creation that isn't found is believed to be missing only after a while.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg

from abmatic.salesforce import Client, errors
from abmatic.salesforce.collections import RowOutcome
from abmatic.sync.models import Batch, Write
from abmatic.sync.pull.plan import literal
from abmatic.sync.pull.values import SQL_TYPES
from abmatic.sync.push import outcomes
from abmatic.sync.push.plan import PushPlan
from abmatic.sync.push.sending import Sender

logger = logging.getLogger(__name__)

Session = psycopg.Connection[tuple[Any, ...]]

# A creation that isn't found after this long was not carried out.
SETTLED = timedelta(seconds=60)
# The clock that dates Salesforce's answers and the one that stamps its records need not be the same.
CLOCKS_DIFFER = timedelta(minutes=5)
_IDS_A_QUERY = 200


class Unsettled(Exception):
    """What became of creations can't be known yet: they may still show up."""


def settle(session: Session, client: Client, plan: PushPlan, sender: Sender, batches: Sequence[Batch]) -> bool:
    """Finds out about the batches. False where some can't be known yet."""
    is_all = True
    for batch in batches:
        if batch.job_id:
            _settle_job(session, client, sender, batch)
        elif batch.operation == Write.Operation.UPDATE:
            _settle_updates(session, client, sender, plan, batch)
        else:
            is_all &= _settle_creates(session, client, sender, plan, batch)
    return is_all


def _settle_job(session: Session, client: Client, sender: Sender, batch: Batch) -> None:
    try:
        job = client.resume_bulk_ingest(batch.job_id)
        # The call that closes it may still be on its way: whether anything was done is known when it can't begin any
        # more. What was not done is compared again, for the values may be old by now.
        if job.info.state == "Open" and job.abort().state == "Aborted" and not job.info.records:
            sender.return_batch(batch.pk)
            job.discard()
        else:
            sender.finish_job(batch.pk, job)
    except errors.JobGone:
        # A week has passed. What it wrote has been read since, and compared.
        sender.return_batch(batch.pk)


def _writes(session: Session, batch: Batch) -> list[tuple[int, str | None, dict[str, Any]]]:
    return session.execute(
        "SELECT id, sf_id, sent FROM salesforce_write WHERE batch_id = %s AND state = 'sent' ORDER BY id", (batch.pk,)
    ).fetchall()


def _settle_updates(session: Session, client: Client, sender: Sender, plan: PushPlan, batch: Batch) -> None:
    writes = _writes(session, batch)
    ids = [sf_id for _, sf_id, _ in writes if sf_id]
    fields = sorted({name for _, _, sent in writes for name in sent})
    now: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), _IDS_A_QUERY):
        listed = ", ".join(f"'{sf_id}'" for sf_id in ids[start : start + _IDS_A_QUERY])
        # Of an erased person there may be none left.
        soql = f"SELECT {', '.join(['Id', *fields])} FROM {plan.spec.name} WHERE Id IN ({listed})"
        now |= {str(row["Id"]): row for row in client.query_rows(soql)}
    found = {write_id: sf_id for write_id, sf_id, sent in writes if sf_id and sf_id in now and holds(now[sf_id], sent)}
    _conclude(session, sender, batch, [write_id for write_id, _, _ in writes], found)


def _settle_creates(session: Session, client: Client, sender: Sender, plan: PushPlan, batch: Batch) -> bool:
    writes = _writes(session, batch)
    fields = sorted({name for _, _, sent in writes for name in sent})
    texts = sorted(f.sf_field for f in plan.fields if SQL_TYPES[f.local.type] == "text" and f.sf_field in fields)
    soql = (
        f"SELECT Id, {', '.join(fields)} FROM {plan.spec.name} WHERE CreatedById = '{client.userinfo().user_id}' "
        f"AND CreatedDate >= {literal(batch.since - CLOCKS_DIFFER)} ORDER BY CreatedDate, Id"
    )
    unlinked = _unlinked(session, plan, batch, list(client.query_rows(soql)), texts)
    found: dict[int, str] = {}
    for write_id, _, sent in writes:
        alike = unlinked[_likeness(sent, texts)]
        match = next((row for row in alike if holds(row, sent)), None)
        if match is not None:
            alike.remove(match)
            found[write_id] = str(match["Id"])
    if len(found) < len(writes) and _age(session, batch) < SETTLED:
        return False
    _conclude(session, sender, batch, [write_id for write_id, _, _ in writes], found)
    return True


def _age(session: Session, batch: Batch) -> timedelta:
    """How long ago the batch was sent, by the one clock that told both moments: the database's."""
    row = session.execute("SELECT clock_timestamp() - sent_at FROM write_batch WHERE id = %s", (batch.pk,)).fetchone()
    assert row is not None
    age: timedelta = row[0]
    return age


def _unlinked(
    session: Session, plan: PushPlan, batch: Batch, rows: Sequence[dict[str, Any]], texts: Sequence[str]
) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """Those that are nobody's yet, by what they are like."""
    known = {
        row[0]
        for row in session.execute(
            psycopg.sql.SQL("SELECT sf_id FROM {} WHERE connection_id = %s AND sf_id = ANY (%s)").format(
                psycopg.sql.Identifier(plan.spec.mirror)
            ),
            (batch.connection_id, [str(row["Id"]) for row in rows]),
        )
    }
    found: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["Id"] not in known:
            found[_likeness(row, texts)].append(row)
    return found


def _likeness(values: dict[str, Any], fields: Sequence[str]) -> tuple[str, ...]:
    """What two records that are the same surely have in common: their texts' letters, without case or blanks."""
    return tuple(
        "".join(value.split()).casefold() if isinstance(value := values.get(name), str) else "" for name in fields
    )


def holds(row: dict[str, Any], sent: dict[str, Any]) -> bool:
    """Whether a record has all that was sent."""
    return all(_same(row.get(name), value) for name, value in sent.items())


def _same(theirs: Any, ours: Any) -> bool:
    if isinstance(theirs, str) and isinstance(ours, str):
        if (moment := _moment(theirs)) and moment == _moment(ours):
            return True
        return " ".join(theirs.split()).casefold() == " ".join(ours.split()).casefold()
    if isinstance(theirs, bool) or isinstance(ours, bool):
        return bool(theirs) == bool(ours)
    return bool(theirs == ours)


def _moment(text: str) -> datetime | None:
    """A date-time, however its zone and fraction are written; None where the text is something else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _conclude(session: Session, sender: Sender, batch: Batch, ids: Sequence[int], found: dict[int, str]) -> None:
    written = [write_id for write_id in ids if write_id in found]
    missing = [write_id for write_id in ids if write_id not in found]
    outcomes.put(session, written, [RowOutcome(found[write_id]) for write_id in written])
    outcomes.put_returned(session, missing)
    sender.end_batch(batch.pk)
    logger.info("batch %s: %s of %s writes had been carried out", batch.pk, len(written), len(ids))
