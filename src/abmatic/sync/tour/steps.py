"""What there is to be seen of the tour's step: whether it is done, by what, and if not, how far it has come.

Each step is looked for by a few queries on indexes, of one account or of one object's newest runs, so that looking
costs the same however much there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import QuerySet

from abmatic.audiences.models import Account
from abmatic.changes.models import Cause, Change
from abmatic.sync.links import RecordLink, links_of
from abmatic.sync.models import Connection, Finding, Issue, ObjectSetting, Run, Tour, Write
from abmatic.sync.tour import going, proofs
from abmatic.sync.tour.allowing import CITY, is_allowed
from abmatic.sync.tour.proofs import Proof

_OBJECT, _RECORD = "Account", "account"
_RUNS = 20
_CHANGES = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a step is, in a word that pages have sentences for, and the run or issue that tells more.

    ``phase``: "done" with its proof; "running", "failed" or "nothing" of a run; "allow" where settings are in the way;
    "act" while nothing was done yet; "writing" once the tour is over and what it switched on still is; others are a
    step's own.
    """

    phase: str
    proof: Proof | None = None
    run: Run | None = None
    issue: Issue | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The tour as it is now. ``link``: the account in Salesforce; None of it is there once the tour is over."""

    tour: Tour
    account: Account
    link: RecordLink | None
    seen: Seen

    @property
    def number(self) -> int:
        """Which step it is, of how many there are."""
        return self.done + 1

    @property
    def done(self) -> int:
        """How many steps are behind."""
        return len(proofs.STEPS) if self.tour.step == Tour.Step.OVER else proofs.STEPS.index(Tour.Step(self.tour.step))

    @property
    def mark(self) -> str:
        """Another one as soon as there is something else to be said."""
        run, issue = self.seen.run, self.seen.issue
        parts = (
            self.tour.step, self.seen.phase, self.account.pk, run.pk if run else "", issue.pk if issue else "",
            self.seen.proof.run if self.seen.proof else "",
        )  # fmt: skip
        return "-".join(map(str, parts))


def look(tour: Tour) -> Look | None:
    """Where the tour is, with what was noticed just now kept. None where no account is left to go on with."""
    if tour.connection.status != Connection.Status.ACTIVE:
        account = Account.objects.filter(pk=tour.account_id).first()
        return Look(tour, account, None, Seen("lost")) if account else None
    found = _account(tour)
    if found is None:
        return None
    account, link = found
    if tour.step == Tour.Step.OVER:
        return Look(tour, account, link, Seen("writing" if _may_write(tour) else "done"))
    kept = proofs.of(tour, tour.step)
    if kept is not None:
        return Look(tour, account, link, Seen("done", kept))
    seen = _FINDERS[Tour.Step(tour.step)](tour)
    if seen.proof is not None:
        going.keep(tour, tour.step, seen.proof)
    return Look(tour, account, link, seen)


def _account(tour: Tour) -> tuple[Account, RecordLink] | None:
    """The tour's account and its record in Salesforce; where that is gone, another one."""
    account = Account.objects.filter(pk=tour.account_id).first()
    link = _live(tour) if account else None
    if account is None or link is None:
        account = going.choose(tour.connection)
        if account is None:
            return None
        going.turn_to(tour, account)
        link = _live(tour)
    return (account, link) if link else None


def _live(tour: Tour) -> RecordLink | None:
    links = links_of(_RECORD, tour.account_id)
    own = (each for each in links if each.connection.pk == tour.connection_id and not each.is_deleted)
    return next(own, None)


# -- what may be seen


def _runs(tour: Tour) -> QuerySet[Run]:
    """The syncs of accounts since the step began, newest first."""
    mark = int(tour.marks.get("run", 0))
    return Run.objects.filter(connection=tour.connection_id, sobject=_OBJECT, pk__gt=mark).order_by("-id")


def _writes(tour: Tour, state: str) -> QuerySet[Write]:
    """What was written of the account, or refused, since the step began, oldest first; not by an undo."""
    mark = int(tour.marks.get("write", 0))
    found = Write.objects.filter(sobject=_OBJECT, local_id=tour.account_id, connection=tour.connection_id, pk__gt=mark)
    return found.filter(state=state).exclude(run__trigger=Run.Trigger.UNDO).order_by("id")


def _changes(tour: Tour) -> QuerySet[Change]:
    mark = int(tour.marks.get("change", 0))
    found = Change.objects.filter(record=_RECORD, record_id=tour.account_id, pk__gt=mark)
    return found.select_related("cause").order_by("id")


def _arrived(tour: Tour) -> tuple[Change, Run] | None:
    """The first change of the account that a sync brought from Salesforce."""
    changes = [each for each in _changes(tour)[:_CHANGES] if each.cause.kind == Cause.Kind.RUN]
    runs = Run.objects.in_bulk({each.cause.run_id for each in changes}) if changes else {}
    for change in changes:
        run = runs.get(change.cause.run_id)
        if run is not None and run.connection_id == tour.connection_id and run.trigger != Run.Trigger.UNDO:
            return change, run
    return None


def _edit(tour: Tour) -> Change | None:
    """The last change of the account that somebody made here."""
    return _changes(tour).exclude(cause__kind=Cause.Kind.RUN).order_by("-id").first()


def _of_run(run: Run | None, otherwise: str) -> Seen:
    """What the newest run says of a step that isn't done."""
    if run is None:
        return Seen(otherwise)
    if not run.is_over:
        return Seen("running", run=run)
    return Seen("nothing" if run.state == Run.State.SUCCEEDED else "failed", run=run)


def _after_edit(tour: Tour) -> Seen:
    """What there is to be seen of an edit that ought to be on its way."""
    edit = _edit(tour)
    if edit is None:
        return Seen("act")
    run = _runs(tour).first()
    if run is not None and run.is_over and (run.started_at or run.queued_at) < edit.at:
        run = None  # the one that takes it along is still to come
    return _of_run(run, "waiting")


# -- the steps


def _arrival(tour: Tour) -> Seen:
    found = _arrived(tour)
    if found is not None:
        change, run = found
        return Seen("done", proofs.of_change(change, run.pk))
    return _of_run(_runs(tour).first(), "act")


def _editing(tour: Tour) -> Seen:
    if not _may_write(tour):
        return Seen("allow")
    # What a sync fills by itself is no edit.
    edit = _edit(tour)
    write = _writes(tour, Write.State.WRITTEN).filter(operation=Write.Operation.UPDATE).first() if edit else None
    if write is not None:
        return Seen("done", proofs.of_write(write))
    return _issue_or(tour, _after_edit(tour))


def _conflict(tour: Tour) -> Seen:
    if not _may_write(tour):
        return Seen("allow")
    runs = list(_runs(tour)[:_RUNS])
    found = Finding.objects.filter(
        run__in=[run.pk for run in runs if run.is_over], reason="conflict", local_id=tour.account_id
    ).first()
    if found is not None:
        return Seen("done", _settled(tour, found))
    if _writes(tour, Write.State.WRITTEN).exists() or _arrived(tour) is not None:
        # One side was taken over before the other was changed.
        under_way = next((run for run in runs if not run.is_over), None)
        return Seen("running", run=under_way) if under_way else Seen("passed")
    return _issue_or(tour, _after_edit(tour))


def _settled(tour: Tour, found: Finding) -> Proof:
    """Who won: what Abmatic took over is a change of the run's; where there is none, Salesforce was given ours."""
    changes = Change.objects.filter(record=_RECORD, record_id=tour.account_id, cause__run_id=found.run_id)
    setting = _setting(tour)
    label = "City" if found.field == CITY[0] else str(found.field)
    return Proof(
        run=found.run_id,
        field=label,
        said=found.value or "",
        won="Salesforce" if changes.exists() else "Abmatic",
        policy=setting.get_policy_display() if setting else "",
    )


def _refusal(tour: Tour) -> Seen:
    if not _may_write(tour):
        return Seen("allow")
    refused = _writes(tour, Write.State.REFUSED).last()
    written = _writes(tour, Write.State.WRITTEN).last()
    if refused is None:
        return Seen("accepted", run=written.run) if written else _after_edit(tour)
    issue = _issue(tour)
    under_way = _runs(tour).filter(state__in=[Run.State.QUEUED, Run.State.RUNNING]).first()
    if under_way is not None:
        return Seen("running", run=under_way, issue=issue)
    if issue is not None:
        return Seen("retrying" if issue.retry_at else "refused", issue=issue)
    said = refused.message or refused.code or ""
    if written is not None and written.pk > refused.pk:
        return Seen("done", proofs.of_write(written, said=said, first_run=refused.run_id))
    # Whoever takes the value back has nothing left to write: that settles it as well.
    return Seen("done", Proof(run=refused.run_id, said=said, first_run=refused.run_id))


def _undo(tour: Tour) -> Seen:
    undoing = _runs(tour).filter(trigger=Run.Trigger.UNDO).first()
    if undoing is None:
        return Seen("act", run=_to_be_undone(tour))
    if not undoing.is_over or undoing.state != Run.State.SUCCEEDED:
        return _of_run(undoing, "act")
    write = Write.objects.filter(run=undoing, state=Write.State.WRITTEN).order_by("id").first()
    if write is not None:
        return Seen("done", proofs.of_write(write, first_run=undoing.undoes_id, won="Salesforce"))
    change = Change.objects.filter(cause=undoing.cause_id).order_by("id").first() if undoing.cause_id else None
    if change is not None:
        return Seen("done", proofs.of_change(change, undoing.pk, first_run=undoing.undoes_id, won="Abmatic"))
    return Seen("nothing", run=undoing)


def _to_be_undone(tour: Tour) -> Run | None:
    """The newest run of the tour that has something to be put back."""
    seen = [proofs.of(tour, step) for step in reversed(proofs.STEPS)]
    ids = [proof.run for proof in seen if proof is not None and proof.run is not None]
    known = Run.objects.filter(trimmed_at=None).in_bulk(ids)
    return next((known[pk] for pk in ids if pk in known), None)


def _issue(tour: Tour) -> Issue | None:
    return Issue.objects.filter(
        connection=tour.connection_id, sobject=_OBJECT, local_id=tour.account_id, is_open=True
    ).first()


def _issue_or(tour: Tour, seen: Seen) -> Seen:
    """An open issue of the account says more than a run that wrote nothing."""
    issue = _issue(tour) if seen.phase == "nothing" else None
    return Seen("refused", issue=issue) if issue else seen


def _setting(tour: Tour) -> ObjectSetting | None:
    return ObjectSetting.objects.filter(connection=tour.connection_id, sobject=_OBJECT).first()


def _may_write(tour: Tour) -> bool:
    setting = _setting(tour)
    return setting is not None and is_allowed(setting)


_FINDERS: dict[Tour.Step, Callable[[Tour], Seen]] = {
    Tour.Step.ARRIVAL: _arrival,
    Tour.Step.EDIT: _editing,
    Tour.Step.CONFLICT: _conflict,
    Tour.Step.REFUSAL: _refusal,
    Tour.Step.UNDO: _undo,
}
