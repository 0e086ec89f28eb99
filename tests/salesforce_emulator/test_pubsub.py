"""The Pub/Sub API, by a real gRPC client: topics, schemas, subscriptions, what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from tests.salesforce_emulator import pubsub_client as wire
from tests.salesforce_emulator.client import Api
from tests.salesforce_emulator.pubsub_client import CUSTOM, EARLIEST, Client
from tests.salesforce_emulator.test_change_log import Clock
from tests.salesforce_emulator.test_command import Program

import salesforce_emulator
from salesforce_emulator import OrgStore, Settings
from salesforce_emulator.schema.entries import custom_field
from salesforce_emulator.testing import running

ACCOUNTS, ALL = "/data/AccountChangeEvent", "/data/ChangeEvents"
INVALID = grpc.StatusCode.INVALID_ARGUMENT
LONG = Settings(session_seconds=10**7)

Open = Callable[..., tuple[Api, Client]]


@pytest.fixture
def connect() -> Iterator[Open]:
    """Start an org with its Pub/Sub API: a client of REST and one of events."""
    with ExitStack() as stack:

        def start(keepalive: float = 60, **options: Any) -> tuple[Api, Client]:
            org = stack.enter_context(running(pubsub=True, keepalive=keepalive, **options))
            token = org.access_token()
            http = stack.enter_context(httpx2.Client(base_url=org.url, timeout=30))
            http.headers["Authorization"] = f"Bearer {token}"
            client = Client(str(org.pubsub), org.url, org.store.organization_id, token)
            stack.callback(client.close)
            return Api(org, http), client

        yield start


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def both(connect: Open, clock: Clock) -> tuple[Api, Client]:
    return connect(store=OrgStore(clock=clock), settings=LONG)


# -- the contract

MESSAGES = {
    "TopicInfo": "topic_name tenant_guid can_publish can_subscribe schema_id rpc_id",
    "TopicRequest": "topic_name",
    "EventHeader": "key value",
    "ProducerEvent": "id schema_id payload headers",
    "ConsumerEvent": "event replay_id",
    "PublishResult": "replay_id error correlation_key",
    "Error": "code msg",
    "FetchRequest": "topic_name replay_preset replay_id num_requested auth_refresh",
    "FetchResponse": "events latest_replay_id rpc_id pending_num_requested",
    "SchemaRequest": "schema_id",
    "SchemaInfo": "schema_json schema_id rpc_id",
    "PublishRequest": "topic_name events auth_refresh",
    "PublishResponse": "results schema_id rpc_id",
    "ManagedFetchRequest": "subscription_id developer_name num_requested auth_refresh commit_replay_id_request",
    "ManagedFetchResponse": "events latest_replay_id rpc_id pending_num_requested commit_response",
    "CommitReplayRequest": "commit_request_id replay_id",
    "CommitReplayResponse": "commit_request_id replay_id error process_time",
}


def test_messages_have_the_public_names_and_numbers() -> None:
    (file,) = wire.compiled().file
    found = {m.name: [(f.number, f.name) for f in m.field] for m in file.message_type}
    assert file.package == "eventbus.v1"
    assert found == {name: list(enumerate(fields.split(), 1)) for name, fields in MESSAGES.items()}
    assert {(m.name, m.client_streaming, m.server_streaming) for s in file.service for m in s.method} == {
        ("Subscribe", True, True),
        ("GetSchema", False, False),
        ("GetTopic", False, False),
        ("Publish", False, False),
        ("PublishStream", True, True),
        ("ManagedSubscribe", True, True),
    }


def test_the_committed_descriptor_is_that_of_the_proto() -> None:
    committed = (Path(salesforce_emulator.__file__).parent / "pubsub" / "pubsub.binpb").read_bytes()
    assert type(wire.compiled()).FromString(committed) == wire.compiled(), "run scripts/pubsub_descriptor.py"


# -- topics and schemas


def test_topics(both: tuple[Api, Client]) -> None:
    api, client = both
    topic = client.topic(ACCOUNTS)
    assert (topic.topic_name, topic.can_subscribe, topic.can_publish) == (ACCOUNTS, True, False)
    assert topic.tenant_guid.endswith(api.org.store.organization_id)
    assert client.topic(ALL).schema_id == ""
    schema = client.schema(topic.schema_id)
    assert (schema["name"], schema["namespace"]) == ("AccountChangeEvent", "com.sforce.eventbus")
    fields = {f["name"]: f for f in schema["fields"]}
    assert list(fields)[:6] == ["ChangeEventHeader", "Name", "Type", "ParentId", "BillingAddress", "ShippingAddress"]
    assert fields["Name"]["type"][:2] == ["null", "string"]
    assert fields["BillingAddress"]["type"][1]["name"] == "Address"
    assert fields["ShippingAddress"]["type"] == ["null", "Address"]
    assert fields["NumberOfEmployees"]["type"] == ["null", "int"]
    assert fields["AnnualRevenue"] == {
        "name": "AnnualRevenue",
        "type": ["null", "double"],
        "doc": "Data:Currency",
        "default": None,
    }
    assert fields["CreatedDate"]["doc"] == "CreatedDate:DateTime"
    assert not {"Id", "IsDeleted", "SystemModstamp", "PhotoUrl", "BillingCity", "LastViewedDate"} & set(fields)
    person = {f["name"]: f for f in client.schema(client.topic("/data/ContactChangeEvent").schema_id)["fields"]}
    assert [p["name"] for p in person["Name"]["type"][1]["fields"]] == ["Salutation", "FirstName", "LastName"]
    assert "LastName" not in person


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("/data/NothingChangeEvent", (grpc.StatusCode.NOT_FOUND, "topic.not.found")),
        ("/data/UserChangeEvent", (grpc.StatusCode.NOT_FOUND, "topic.not.found")),
        ("/event/Order__e", (grpc.StatusCode.NOT_FOUND, "topic.not.found")),
        ("", (INVALID, "topic.validation.empty")),
    ],
)
def test_topics_that_aren_t_there(both: tuple[Api, Client], topic: str, expected: tuple[Any, str]) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        both[1].topic(topic)
    assert wire.refusal(caught.value) == expected
    assert both[1].subscribe(topic, 1).refused() == expected


def test_schemas_that_aren_t_there(both: tuple[Api, Client]) -> None:
    for schema_id, expected in (("", (INVALID, "schema.validation.failed")), ("x", grpc.StatusCode.NOT_FOUND)):
        with pytest.raises(grpc.RpcError) as caught:
            both[1].schema(schema_id)
        found = wire.refusal(caught.value)
        assert found == expected or found[0] == expected


def test_a_schema_that_changes_has_another_id_and_the_old_one_stays(both: tuple[Api, Client]) -> None:
    api, client = both
    old = client.topic(ACCOUNTS).schema_id
    assert client.topic(ACCOUNTS).schema_id == old
    field = {"name": "Score__c", "kind": "double"}
    change = {"action": "add_field", "object": "Account", "field": field}
    answer = api.post("/__emulator/schema", json=change)
    assert answer.status_code == 200, answer.text
    new = client.topic(ACCOUNTS).schema_id
    assert new != old
    assert "Score__c" in {f["name"] for f in client.schema(new)["fields"]}
    assert "Score__c" not in {f["name"] for f in client.schema(old)["fields"]}
    subscriber = client.subscribe(ACCOUNTS, 1, EARLIEST)
    api.create("Account", Name="Acme", Score__c=3.5)
    assert subscriber.take(1)[0]["Score__c"] == 3.5


def test_custom_objects_have_topics(connect: Open) -> None:
    api, client = connect()
    answer = api.post(
        "/__emulator/schema",
        json=[
            {"action": "add_object", "name": "Thing__c", "label": "Thing"},
            {"action": "add_field", "object": "Thing__c", "field": {"name": "Size__c", "kind": "double"}},
        ],
    )
    assert answer.status_code == 200, answer.text
    api.org.store.capture(["Thing__c"])
    assert client.schema(client.topic("/data/Thing__ChangeEvent").schema_id)["name"] == "Thing__ChangeEvent"
    subscriber = client.subscribe("/data/Thing__ChangeEvent", 1, EARLIEST)
    api.create("Thing__c", Name="One", Size__c=2)
    assert subscriber.take(1)[0]["Size__c"] == 2.0


# -- events


def test_an_account_s_life(both: tuple[Api, Client], clock: Clock) -> None:
    api, client = both
    subscriber = client.subscribe(ACCOUNTS, 10, EARLIEST)
    values = {"Name": "Acmé", "BillingCity": "Köln", "BillingCountry": "DE", "AnnualRevenue": 1.5, "Phone": "1"}
    account = api.create("Account", NumberOfEmployees=7, **values)
    clock.forward(seconds=1)
    changes = {"BillingCity": None, "Phone": None, "Fax": "2", "NumberOfEmployees": 7, "ShippingCity": "Bonn"}
    api.patch(f"sobjects/Account/{account}", json=changes, headers={"Sforce-Call-Options": "client=Hub"})
    api.delete(f"sobjects/Account/{account}")
    made, changed, gone = subscriber.take(3)

    header = made["ChangeEventHeader"]
    assert (header["entityName"], header["recordIds"], header["changeType"]) == ("Account", [account], "CREATE")
    assert (header["changedFields"], header["nulledFields"], header["diffFields"]) == ([], [], [])
    at = int(datetime(2026, 3, 2, 10, 0, tzinfo=UTC).timestamp() * 1000)
    assert (header["commitTimestamp"], made["CreatedDate"]) == (at, at)
    assert (made["Name"], made["AnnualRevenue"], made["NumberOfEmployees"]) == ("Acmé", 1.5, 7)
    assert {k: v for k, v in made["BillingAddress"].items() if v} == {"City": "Köln", "Country": "DE"}
    assert made["ShippingAddress"] is None

    header = changed["ChangeEventHeader"]
    assert header["changeOrigin"] == "com/salesforce/api/rest/60.0;client=Hub"
    assert header["commitNumber"] > made["ChangeEventHeader"]["commitNumber"]
    assert set(changed["changed"]) == {
        "BillingAddress.City",
        "ShippingAddress.City",
        "Phone",
        "Fax",
        "LastModifiedDate",
    }
    assert set(changed["nulled"]) == {"BillingAddress.City", "Phone"}
    assert (changed["Fax"], changed["Phone"], changed["Name"]) == ("2", None, None)
    assert changed["ShippingAddress"]["City"] == "Bonn"
    assert changed["LastModifiedDate"] == at + 1000

    assert gone["ChangeEventHeader"]["changeType"] == "DELETE"
    assert {k for k, v in gone.items() if v} == {"ChangeEventHeader", "replay_id"}


def test_values_of_every_type(connect: Open) -> None:
    fields = [
        custom_field("Day__c", "date"),
        custom_field("Moment__c", "datetime"),
        custom_field("Yes__c", "boolean"),
        custom_field("Share__c", "percent"),
        custom_field("Topics__c", "multipicklist", values=("A", "B")),
    ]
    api, client = connect(store=OrgStore(custom_fields={"Contact": fields}))
    subscriber = client.subscribe("/data/ContactChangeEvent", 1)
    subscriber_ready(api, client)
    values = {"Day__c": "1969-12-31", "Moment__c": "2026-03-02T10:00:00.000Z", "Yes__c": True, "Share__c": 12.5}
    api.create("Contact", LastName="Doe", FirstName="Jo", Topics__c="A;B", Birthdate="2000-02-29", **values)
    (event,) = subscriber.take(1)
    assert event["Name"] == {"Salutation": None, "FirstName": "Jo", "LastName": "Doe"}
    assert event["Day__c"] == -86_400_000
    assert event["Birthdate"] == int(datetime(2000, 2, 29, tzinfo=UTC).timestamp() * 1000)
    assert event["Moment__c"] == int(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp() * 1000)
    assert (event["Yes__c"], event["Share__c"], event["Topics__c"]) == (True, 12.5, "A;B")


def subscriber_ready(api: Api, client: Client) -> None:
    """See that a subscription to the newest has begun: it is served after those before it."""
    probe = client.subscribe(ALL, 1, EARLIEST)
    api.create("Campaign", Name="Probe")
    probe.take(1)


def test_an_event_above_a_megabyte_is_a_gap(connect: Open) -> None:
    texts = [custom_field(f"Text{n}__c", "textarea", length=131_072) for n in range(8)]
    api, client = connect(store=OrgStore(custom_fields={"Account": texts}))
    subscriber = client.subscribe(ACCOUNTS, 1, EARLIEST)
    account = api.create("Account", Name="Acme", **{f"Text{n}__c": "x" * 131_000 for n in range(8)})
    (event,) = subscriber.take(1)
    assert event["ChangeEventHeader"]["changeType"] == "GAP_CREATE"
    assert event["ChangeEventHeader"]["recordIds"] == [account]
    assert event["Name"] is None


def test_one_topic_for_all_objects_and_one_for_each(both: tuple[Api, Client]) -> None:
    api, client = both
    everything, contacts = client.subscribe(ALL, 3, EARLIEST), client.subscribe("/data/ContactChangeEvent", 1, EARLIEST)
    account = api.create("Account", Name="Acme")
    api.create("Contact", LastName="Doe", AccountId=account)
    api.create("Lead", LastName="Doe", Company="Acme")
    names = [e["ChangeEventHeader"]["entityName"] for e in everything.take(3)]
    assert names == ["Account", "Contact", "Lead"]
    assert contacts.take(1)[0]["AccountId"] == account


# -- flow


def test_never_more_than_asked_for(both: tuple[Api, Client]) -> None:
    api, client = both
    subscriber = client.subscribe(ACCOUNTS, 2, EARLIEST)
    api.ingest("Account", "insert", "Name\n" + "".join(f"Account {n}\n" for n in range(7)))
    assert [e["Name"] for e in subscriber.take(2)] == ["Account 0", "Account 1"]
    assert subscriber.pending == 0
    subscriber.ask(1)
    subscriber.ask(2)
    assert [e["Name"] for e in subscriber.take(3)] == ["Account 2", "Account 3", "Account 4"]
    subscriber.ask(100)
    assert [e["Name"] for e in subscriber.take(2)] == ["Account 5", "Account 6"]
    assert subscriber.pending == 98


def test_at_most_a_hundred_at_once(both: tuple[Api, Client]) -> None:
    api, client = both
    api.ingest("Account", "insert", "Name\n" + "".join(f"Account {n}\n" for n in range(150)))
    subscriber = client.subscribe(ACCOUNTS, 1_000, EARLIEST)
    assert len(subscriber.take(100)) == 100
    assert subscriber.pending == 0


def test_two_subscribers_get_the_same(both: tuple[Api, Client]) -> None:
    api, client = both
    one, two = client.subscribe(ACCOUNTS, 3, EARLIEST), client.subscribe(ACCOUNTS, 3, EARLIEST)
    for name in ("A", "B", "C"):
        api.create("Account", Name=name)
    assert one.take(3) == two.take(3)


def test_a_silent_subscription_hears_the_newest_position(connect: Open, clock: Clock) -> None:
    """Also in an org where nothing happens for days: the position that it is told is one it can come back to."""
    api, client = connect(keepalive=0.01, store=OrgStore(clock=clock), settings=LONG)
    subscriber = client.subscribe(ACCOUNTS, 5, EARLIEST)
    quiet = subscriber.next()
    assert (list(quiet.events), quiet.pending_num_requested) == ([], 5)
    clock.forward(hours=100)
    while subscriber.next().latest_replay_id == quiet.latest_replay_id:
        pass
    later = subscriber.latest
    assert later > quiet.latest_replay_id
    resumed = client.subscribe(ACCOUNTS, 5, CUSTOM, later)
    api.create("Account", Name="At last")
    assert resumed.take(1)[0]["Name"] == "At last"
    assert client.subscribe(ACCOUNTS, 5, CUSTOM, quiet.latest_replay_id).refused() == (
        INVALID,
        "subscription.fetch.replayid.validation.failed",
    )


def test_a_full_subscriber_is_not_told_of_positions_beyond_what_it_has(connect: Open) -> None:
    api, client = connect(keepalive=0.01)
    subscriber = client.subscribe(ACCOUNTS, 1, EARLIEST)
    api.ingest("Account", "insert", "Name\nA\nB\n")
    (first,) = subscriber.take(1)
    assert subscriber.next().latest_replay_id == first["replay_id"]
    resumed = client.subscribe(ACCOUNTS, 1, CUSTOM, subscriber.latest)
    assert resumed.take(1)[0]["Name"] == "B"


def test_replay(both: tuple[Api, Client]) -> None:
    api, client = both
    api.ingest("Account", "insert", "Name\nA\nB\nC\n")
    first, second, third = client.subscribe(ACCOUNTS, 3, EARLIEST).take(3)
    assert first["replay_id"] < second["replay_id"] < third["replay_id"]
    assert client.subscribe(ACCOUNTS, 2, CUSTOM, first["replay_id"]).take(2) == [second, third]
    latest = client.subscribe(ACCOUNTS, 5)
    subscriber_ready(api, client)
    api.create("Account", Name="D")
    assert [e["Name"] for e in latest.take(1)] == ["D"]


def test_replay_ids_that_don_t_hold(both: tuple[Api, Client], clock: Clock) -> None:
    api, client = both
    api.create("Account", Name="Acme")
    (event,) = client.subscribe(ACCOUNTS, 1, EARLIEST).take(1)
    corrupted = (INVALID, "subscription.fetch.replayid.corrupted")
    missing = (INVALID, "subscription.fetch.replayid.validation.failed")
    for bad in (b"x", b"\xff" * 10, event["replay_id"][:-1] + b"\x01", bytes(10), (99).to_bytes(8, "big") + b"\0\0"):
        assert client.subscribe(ACCOUNTS, 1, CUSTOM, bad).refused() == corrupted
    assert client.subscribe(ACCOUNTS, 1, CUSTOM).refused() == missing
    clock.forward(hours=72)
    assert client.subscribe(ACCOUNTS, 1, CUSTOM, event["replay_id"]).refused() == missing
    api.create("Account", Name="Newer")
    assert client.subscribe(ACCOUNTS, 1, CUSTOM, event["replay_id"]).refused() == missing
    assert [e["Name"] for e in client.subscribe(ACCOUNTS, 1, EARLIEST).take(1)] == ["Newer"]


def test_requests_that_aren_t_valid(both: tuple[Api, Client]) -> None:
    client = both[1]
    wrong = (INVALID, "subscription.fetch.requested.events.invalid")
    assert client.subscribe(ACCOUNTS, 0).refused() == wrong
    subscriber = client.subscribe(ACCOUNTS, 1)
    subscriber.ask(-1)
    assert subscriber.refused() == wrong
    subscriber = client.subscribe(ACCOUNTS, 1)
    subscriber.ask(1, topic_name="/data/LeadChangeEvent")
    assert subscriber.refused() == (INVALID, "subscription.fetch.topic.mismatch")


def test_events_while_a_job_writes(both: tuple[Api, Client]) -> None:
    api, client = both
    number = 1_000
    subscriber = client.subscribe(ACCOUNTS, 100, EARLIEST)
    made = api.post("jobs/ingest", json={"object": "Account", "operation": "insert"}).json()["id"]
    rows = "".join(f"Account {n}\n" for n in range(number))
    api.call("PUT", f"jobs/ingest/{made}/batches", content=f"Name\n{rows}")
    api.patch(f"jobs/ingest/{made}", json={"state": "UploadComplete"})
    names: list[str] = []
    while len(names) < number:
        names.extend(e["Name"] for e in subscriber.take(100))
        subscriber.ask(100)
    assert names == [f"Account {n}" for n in range(number)]


# -- sessions


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("accesstoken", "nonsense", "service.auth.error"),
        ("accesstoken", "", "service.auth.headers.invalid"),
        ("instanceurl", "nonsense", "service.auth.headers.invalid"),
        ("tenantid", "00D000000000009AAA", "service.auth.headers.invalid"),
        ("tenantid", None, "service.auth.headers.invalid"),
    ],
)
def test_metadata_must_be_right(both: tuple[Api, Client], name: str, value: str | None, code: str) -> None:
    client = both[1]
    given = {**dict(client.metadata), name: value}
    client.metadata = [(k, v) for k, v in given.items() if v is not None]
    with pytest.raises(grpc.RpcError) as caught:
        client.topic(ACCOUNTS)
    assert wire.refusal(caught.value) == (grpc.StatusCode.UNAUTHENTICATED, code)
    assert client.subscribe(ACCOUNTS, 1).refused() == (grpc.StatusCode.UNAUTHENTICATED, code)


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_stream_ends_with_its_session(both: tuple[Api, Client], clock: Clock, how: str) -> None:
    api, client = both
    subscriber = client.subscribe(ACCOUNTS, 10, EARLIEST)
    api.create("Account", Name="Acme")
    subscriber.take(1)
    if how == "revoked":
        api.org.emulator.tokens.end_all()
    else:
        clock.forward(days=200)
    assert subscriber.refused() == (grpc.StatusCode.UNAUTHENTICATED, "service.auth.error")


def test_what_this_org_doesn_t_do(both: tuple[Api, Client]) -> None:
    client = both[1]
    event = wire.message("ProducerEvent")(id="1", schema_id="x", payload=b"")
    request = wire.message("PublishRequest")(topic_name=ACCOUNTS, events=[event])
    with pytest.raises(grpc.RpcError) as caught:
        client.call("Publish", "PublishRequest", "PublishResponse")(request, metadata=client.metadata, timeout=20)
    assert wire.refusal(caught.value) == (grpc.StatusCode.PERMISSION_DENIED, "topic.meta.permission")
    publishing = client.call("PublishStream", "PublishRequest", "PublishResponse", streamed=True)
    with pytest.raises(grpc.RpcError) as caught:
        next(publishing(iter([request]), metadata=client.metadata, timeout=20))
    assert wire.refusal(caught.value) == (grpc.StatusCode.PERMISSION_DENIED, "topic.meta.permission")
    managed = client.call("ManagedSubscribe", "ManagedFetchRequest", "ManagedFetchResponse", streamed=True)
    asked = wire.message("ManagedFetchRequest")(developer_name="Mine", num_requested=1)
    with pytest.raises(grpc.RpcError) as caught:
        next(managed(iter([asked]), metadata=client.metadata, timeout=20))
    assert wire.refusal(caught.value) == (
        grpc.StatusCode.NOT_FOUND,
        "managed.subscription.developer.name.not.found",
    )


# -- as a program


@pytest.mark.server
def test_replay_goes_on_after_a_restart(tmp_path: Path) -> None:
    file = str(tmp_path / "org.sqlite3")
    seen: list[bytes] = []
    for name, preset in (("Before", EARLIEST), ("After", CUSTOM)):
        program = Program("--empty", "--database", file, "--change-events", "Account").sign_in()
        token = program.http.headers["Authorization"].removeprefix("Bearer ")
        organization = program.query("SELECT Id FROM Organization")[0]["Id"]
        client = Client(program.ready["pubsub"], program.ready["url"], organization, token)
        made = program.http.post("/services/data/v60.0/sobjects/Account", json={"Name": name})
        assert made.status_code == 201
        (event,) = client.subscribe(ACCOUNTS, 1, preset, seen[-1] if seen else b"").take(1)
        assert event["Name"] == name
        seen.append(event["replay_id"])
        client.close()
        program.stop()
    assert seen[0] < seen[1]
