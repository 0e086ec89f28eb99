"""Beginning the tour, moving on, putting it aside and taking it up again."""

from __future__ import annotations

from django.db.models import Max, Q

from abmatic.audiences.models import Account
from abmatic.changes.models import Change
from abmatic.identity.models import User
from abmatic.sync.models import Connection, MirrorAccount, ObjectSetting, Role, Run, Tour, Write
from abmatic.sync.tour import proofs
from abmatic.sync.tour.proofs import Proof
from abmatic.sync.tour.rule import LARGE


class NotReady(Exception):
    """There is nothing yet to tour: what is missing, and what to do."""


def of(user: User) -> Tour | None:
    """The person's tour, where they have one."""
    return Tour.objects.select_related("connection").filter(pk=user.pk).first()


def start(user: User) -> Tour:
    """Begins the tour, or begins it once more with another account. Raises `NotReady`."""
    imported = ObjectSetting.objects.filter(
        sobject="Account", cursor__isnull=False, connection__status=Connection.Status.ACTIVE,
        # The emulator's: nobody is led to write into a real org for the sake of a tour.
        connection__login_url__startswith="http://127.0.0.1:",
    ).order_by("id")  # fmt: skip
    setting = imported.select_related("connection").first()
    if setting is None:
        raise NotReady("No accounts of a connected org were imported yet. Import them first, then take the tour.")
    account = choose(setting.connection)
    if account is None:
        raise NotReady(f"{setting.connection} has no account that the tour could be about. Add one there, and sync.")
    begun, _ = Tour.objects.update_or_create(
        user=user,
        defaults={
            "connection": setting.connection,
            "account_id": account.pk,
            "step": proofs.STEPS[0],
            "marks": _marks(),
            "proofs": {},
            "is_hidden": False,
        },
    )
    return begun


def choose(connection: Connection) -> Account | None:
    """An account for a tour: linked to one record of the org, and not part of another tour.

    Rather one with a city, an industry and fewer employees than the org's rule asks for; any other otherwise.
    """
    linked = MirrorAccount.objects.filter(
        connection=connection, role=Role.PRIMARY, is_deleted=False, local_id__isnull=False
    )
    duplicates = MirrorAccount.objects.filter(role=Role.DUPLICATE, local_id__isnull=False)
    free = Account.objects.filter(pk__in=linked.values("local_id")).exclude(pk__in=Tour.objects.values("account_id"))
    good = free.filter(employee_count__gt=0, employee_count__lt=LARGE).exclude(pk__in=duplicates.values("local_id"))
    good = good.exclude(Q(city=None) | Q(industry=None) | Q(name=None))
    return good.order_by("id").first() or free.order_by("id").first()


def keep(tour: Tour, step: str, proof: Proof) -> None:
    """Remembers what was seen of a step."""
    tour.proofs = {**tour.proofs, step: proof.as_dict()}
    tour.save(update_fields=["proofs"])


def go_on(tour: Tour) -> None:
    """To the next step, where this one is done."""
    if tour.step not in tour.proofs:
        return
    following = [*proofs.STEPS, Tour.Step.OVER]
    tour.step = following[following.index(Tour.Step(tour.step)) + 1]
    tour.marks = _marks()
    tour.save(update_fields=["step", "marks"])


def skip(tour: Tour) -> None:
    """To the next step, done or not."""
    if tour.step == Tour.Step.OVER:
        return
    if tour.step not in tour.proofs:
        keep(tour, tour.step, Proof(is_skipped=True))
    go_on(tour)


def turn_to(tour: Tour, account: Account) -> None:
    """Goes on with another account, from the beginning of the step."""
    tour.account_id, tour.marks = account.pk, _marks()
    tour.save(update_fields=["account_id", "marks"])


def hide(tour: Tour) -> None:
    """Puts it aside."""
    tour.is_hidden = True
    tour.save(update_fields=["is_hidden"])


def show(tour: Tour) -> None:
    """Takes it up again where it was."""
    tour.is_hidden = False
    tour.save(update_fields=["is_hidden"])


def _marks() -> dict[str, int]:
    """The newest of everything, as of now."""
    newest = {"change": Change, "run": Run, "write": Write}
    return {name: model._default_manager.aggregate(top=Max("pk"))["top"] or 0 for name, model in newest.items()}
