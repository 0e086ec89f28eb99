"""What of the synchronisation people are told of without asking: see `identity.notices`."""

from __future__ import annotations

from abmatic.identity import notices
from abmatic.identity.models import Notice
from abmatic.sync.models import Connection, Run
from abmatic.sync.objects import OBJECTS

# Records that a run couldn't write: fewer are a day's work, more have one cause that somebody should look at.
MANY_ISSUES = 10
# A run fails now and then; twice in a row it is no accident.
FAILURES_TOLD = 2


def connection_lost(connection: Connection) -> None:
    """Syncs stop until somebody does something."""
    notices.tell(
        Notice.Kind.CONNECTION,
        f"connection {connection.pk}",
        f"{connection} needs attention: {connection.get_problem_display()}",
        f"Nothing is synchronised with {connection} until this is mended. {connection.problem_detail}".strip(),
        connection_path(connection.pk),
    )


def connection_back(connection_id: int) -> None:
    """It works again."""
    notices.settle(Notice.Kind.CONNECTION, f"connection {connection_id}")


def budget_reached(connection: Connection) -> None:
    """What starts by itself waits for API calls."""
    notices.tell(
        Notice.Kind.BUDGET,
        f"connection {connection.pk}",
        f"{connection} waits for API calls",
        f"{connection.api_used or 0:,} of {connection.api_allowed or 0:,} calls of the day are used; above "
        f"{connection.api_ceiling} per cent nothing starts by itself. It goes on by itself when calls are back.",
        connection_path(connection.pk),
    )


def budget_back(connection_id: int) -> None:
    """Calls are back."""
    notices.settle(Notice.Kind.BUDGET, f"connection {connection_id}")


def run_ended(run: Run) -> None:
    """Failing twice in a row, or many records refused at once. In the transaction that ends the run."""
    key = f"connection {run.connection_id} {run.sobject}"
    label = OBJECTS[run.sobject].label_plural if run.sobject in OBJECTS else run.sobject
    if run.state == Run.State.SUCCEEDED:
        notices.settle(Notice.Kind.SYNC, key)
        refused = int(run.pushed.get("refused", 0) or 0)
        if refused >= MANY_ISSUES:
            notices.tell(
                Notice.Kind.ISSUES,
                key,
                f"{refused:,} {label} couldn't be written to {run.connection}",
                "They are open issues with their causes; others are written as usual.",
                f"/runs/{run.pk}/",
            )
        elif not refused:
            notices.settle(Notice.Kind.ISSUES, key)
    elif run.state == Run.State.FAILED:
        earlier = Run.objects.filter(connection=run.connection_id, sobject=run.sobject, pk__lt=run.pk)
        ended = earlier.filter(state__in=[Run.State.SUCCEEDED, Run.State.FAILED]).order_by("-id")
        last = list(ended.values_list("state", flat=True)[: FAILURES_TOLD - 1])
        if len(last) == FAILURES_TOLD - 1 and all(state == Run.State.FAILED for state in last):
            notices.tell(
                Notice.Kind.SYNC,
                key,
                f"Syncing {label} with {run.connection} fails",
                f"{run.error_message} {run.error_remedy}".strip(),
                f"/runs/{run.pk}/",
            )


def connection_path(connection_id: int) -> str:
    """The connection's page."""
    return f"/settings/integrations/salesforce/{connection_id}/"
