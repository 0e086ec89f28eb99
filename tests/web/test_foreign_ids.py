"""An id that belongs elsewhere, to another connection, another kind of record or another person, opens nothing."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.audiences.models import Collection, CollectionMember, SavedView
from abmatic.identity.models import User
from abmatic.sync.models import Connection, Issue, PreviewJob

pytestmark = pytest.mark.django_db

KINDS = ("account", "contact", "opportunity")
OTHERS = [(record, other) for record in KINDS for other in KINDS if record != other]


@pytest.fixture
def foreign(connection: Connection) -> Connection:
    """Another org beside `connection`."""
    return org.connect(org_name="Foreign Org")


def issue(connection: Connection, **values: object) -> Issue:
    account = org.account(f"Firm of {connection}")
    return Issue.objects.create(
        connection=connection, sobject="Account", local_id=account.pk, code="ENTITY_IS_LOCKED",
        message=f"refused by {connection}", is_open=True, **values,
    )  # fmt: skip


def test_a_preview_of_another_connection(admin: Client, connection: Connection, foreign: Connection) -> None:
    job = PreviewJob.objects.create(connection=foreign, sobject="Account")
    for tab, of in (("accounts", connection), ("contacts", foreign)):
        address = reverse("object-preview-job", args=[of.pk, tab, job.pk])
        assert admin.get(address).status_code == 404
        assert admin.post(address).status_code == 404
    job.refresh_from_db()
    assert job.state == PreviewJob.State.QUEUED
    assert admin.get(reverse("object-preview-job", args=[foreign.pk, "accounts", job.pk])).status_code == 200


def test_an_issue_of_another_connection(admin: Client, connection: Connection, foreign: Connection) -> None:
    theirs = issue(foreign)
    for sent in ({"issue": str(theirs.pk)}, {"object": "Account"}, {"code": theirs.code}, {}):
        admin.post(reverse("issues-retry", args=[connection.pk]), sent)
        theirs.refresh_from_db()
        assert theirs.retry_at is None, sent
    admin.post(reverse("issues-retry", args=[foreign.pk]), {"issue": str(theirs.pk)})
    theirs.refresh_from_db()
    assert theirs.retry_at is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["issues", "issues-csv", "activity", "runs-csv"])
def test_lists_hold_what_is_the_connections_own(
    name: str, admin: Client, connection: Connection, foreign: Connection
) -> None:
    mine, theirs = ((issue(each), org.run(each)) for each in (connection, foreign))
    own = {"issues": mine[0].message, "issues-csv": mine[0].message, "activity": f'/runs/{mine[1].pk}/"'}
    other = {"issues": theirs[0].message, "issues-csv": theirs[0].message, "activity": f'/runs/{theirs[1].pk}/"'}
    for query in ("", "?before=999999999"):
        answer = admin.get(reverse(name, args=[connection.pk]) + query)
        said = answer.getvalue().decode()
        assert own.get(name, f"\n{mine[1].pk},") in said
        assert other.get(name, f"\n{theirs[1].pk},") not in said


@pytest.mark.parametrize(("record", "other"), OTHERS)
def test_a_collection_of_another_kind(record: str, other: str, admin: Client) -> None:
    theirs = org.collection(other, [])
    for act in ("collection", "collection-edit", "collection-delete"):
        assert admin.get(reverse(f"{record}-{act}", args=[theirs.pk])).status_code == 404
    for act in ("collection-edit", "collection-delete"):
        assert admin.post(reverse(f"{record}-{act}", args=[theirs.pk]), {"name": "Mine"}).status_code == 404
    sent = {"do": "add", "ids": "1", "collection": str(theirs.pk)}
    assert admin.post(reverse(f"{record}-selected"), sent).status_code == 404
    sent = {"do": "remove", "ids": "1", "within": str(theirs.pk)}
    assert admin.post(reverse(f"{record}-selected"), sent).status_code == 404
    assert not CollectionMember.objects.exists()
    assert Collection.objects.get().name == theirs.name


@pytest.mark.parametrize(("record", "other"), OTHERS)
def test_a_view_of_another_kind(record: str, other: str, admin: Client) -> None:
    view = org.view(other)
    admin.post(reverse(f"{record}-view-delete", args=[view.pk]))
    assert SavedView.objects.filter(pk=view.pk).exists()


def test_a_view_of_somebody_else(oscar: User, signed_in: SignedIn) -> None:
    view = org.view("account")
    signed_in(oscar).post(reverse("account-view-delete", args=[view.pk]))
    assert SavedView.objects.filter(pk=view.pk).exists()


@pytest.mark.parametrize(
    ("record", "field"), [("account", "last_name"), ("contact", "domain"), ("campaign", "amount"), ("account", "id")]
)
def test_a_field_of_another_kind_of_record(record: str, field: str, admin: Client) -> None:
    pk = org.contact().pk if record == "contact" else org.campaign().pk if record == "campaign" else org.account().pk
    address = reverse(f"{record}-field", args=[pk, field])
    assert admin.get(address).status_code == 404
    assert admin.post(address, {"value": "x"}).status_code == 404
    assert admin.get(reverse(f"{record}-field-history", args=[pk, field])).status_code == 404


def test_an_object_that_has_no_settings(admin: Client, connection: Connection) -> None:
    for tab in ("users", "campaign-members", "account", "x" * 300):
        assert admin.get(reverse("object-settings", args=[connection.pk, tab])).status_code == 404
