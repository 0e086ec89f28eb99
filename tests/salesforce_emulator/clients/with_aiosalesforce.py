"""aiosalesforce reads and writes the org: REST, composite, composite batch, Bulk API 2.0 ingest."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from aiosalesforce import Salesforce
from aiosalesforce.auth import ClientCredentialsFlow
from aiosalesforce.exceptions import SalesforceError
from to_the_org import ORG, led_to_the_org, tell


class ToTheOrg(httpx.AsyncHTTPTransport):
    """Its base URL has to be a host of Salesforce's."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = httpx.URL(led_to_the_org(str(request.url)))
        return await super().handle_async_request(request)


async def one_record(sf: Salesforce, found: dict[str, object]) -> None:
    made = await sf.sobject.create("Account", {"Name": "Made", "Key__c": "made"})
    found["made"] = made
    await sf.sobject.update("Account", made, {"Name": "Made, then changed"})
    found["read back"] = await sf.sobject.get("Account", made)
    found["by key"] = await sf.sobject.get("Account", "K7", "Key__c")
    for key in ("made", "new"):
        upserted = await sf.sobject.upsert(
            "Account", key, "Key__c", {"NumberOfEmployees": 5, "Name": f"Upserted {key}"}
        )
        found[f"upserted {key}"] = [upserted.id, upserted.created]
    gone = await sf.sobject.create("Account", {"Name": "Soon gone", "Key__c": "gone"})
    await sf.sobject.delete("Account", gone)
    try:
        await sf.sobject.create("Account", {"NumberOfEmployees": 1})
    except SalesforceError as refused:
        found["refused"] = [refused.error_code, refused.error_message]


async def several_calls_in_one(sf: Salesforce, found: dict[str, object]) -> None:
    async with sf.composite(all_or_none=True) as together:
        account = together.sobject.create("Account", {"Name": "Composite", "Key__c": "composite"})
        # As text, since its JSON library prints the reference without its braces.
        of_it = {"LastName": "Composite", "AccountId": str(account.reference.id)}
        contact = together.sobject.create("Contact", of_it)
    found["composite"] = [account.id, contact.id]
    async with sf.composite.batch(halt_on_error=True) as batch:
        query = batch.query("SELECT Name FROM Account WHERE Key__c = 'K1'")
        made = batch.sobject.create("Account", {"Name": "Batched", "Key__c": "batched"})
        wrong = batch.sobject.create("Account", {"Key__c": "wrong"})
        halted = batch.sobject.create("Account", {"Name": "Halted", "Key__c": "halted"})
    found["batch"] = [query.records[0]["Name"], made.id, wrong.status_code, halted.status_code]


async def in_bulk(sf: Salesforce, found: dict[str, object]) -> None:
    async def run(operation: Any, data: list[dict[str, Any]], **more: Any) -> list[Any]:
        results = sf.bulk_v2.ingest.perform_operation(operation, "Account", data, polling_interval=0.05, **more)
        return [
            [one.job_info.state, one.successful_results, one.failed_results, one.unprocessed_records]
            async for one in results
        ]

    found["bulk insert"] = await run("insert", [{"Name": "Bulk, one", "Key__c": "b1"}, {"Key__c": "b2"}])
    again = [{"Name": "Bulk again", "Key__c": "b1"}, {"Name": "Bulk two", "Key__c": "b2"}]
    upserted = await run("upsert", again, external_id_field="Key__c")
    found["bulk upsert"] = upserted
    ids = {row["Key__c"]: row["sf__Id"] for row in upserted[0][1]}
    found["bulk delete"] = await run("delete", [{"Id": ids["b2"]}])


async def main() -> None:
    found: dict[str, object] = {}
    async with httpx.AsyncClient(transport=ToTheOrg(), timeout=120) as http:
        auth = ClientCredentialsFlow(ORG["client_id"], ORG["client_secret"])
        sf = Salesforce(http, "https://acme.my.salesforce.com", auth)
        found["names"] = [row["Name"] async for row in sf.query("SELECT Name FROM Account ORDER BY Name")]
        found["limits"] = (await sf.get_limits())["DailyApiRequests"]
        await one_record(sf, found)
        await several_calls_in_one(sf, found)
        await in_bulk(sf, found)
    tell(found)


asyncio.run(main())
