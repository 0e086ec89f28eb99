"""simple-salesforce reads and writes the org: REST, Bulk API 2.0, describe, limits, refusals."""

from __future__ import annotations

from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound
from to_the_org import ORG, session, tell

sf = Salesforce(
    consumer_key=ORG["client_id"], consumer_secret=ORG["client_secret"], domain="acme.my", session=session()
)
found: dict[str, object] = {}

# Signing in by SOAP too, as it does with a security token
by_soap = Salesforce(
    username=ORG["username"], password=ORG["password"], security_token="", domain="acme.my", session=session()
)
found["by SOAP"] = by_soap.query("SELECT Name FROM Account WHERE Key__c = 'K7'")["records"][0]["Name"]

# Reading
found["names"] = [row["Name"] for row in sf.query_all("SELECT Name FROM Account ORDER BY Name")["records"]]
found["iterated"] = sum(1 for _ in sf.query_all_iter("SELECT Id FROM Account"))
found["contact"] = sf.query("SELECT LastName, Account.Name FROM Contact")["records"][0]
found["by key"] = sf.Account.get_by_custom_id("Key__c", "K7")
found["fields"] = [field["name"] for field in sf.Account.describe()["fields"]]
found["objects"] = [entry["name"] for entry in sf.describe()["sobjects"]]
found["recent"] = sf.Account.metadata()
found["limits"] = sf.limits()["DailyApiRequests"]
found["usage"] = sf.api_usage["api-usage"]
found["is sandbox"] = sf.is_sandbox()
found["bulk pages"] = [
    page.count("\n") for page in sf.bulk2.Account.query("SELECT Id, Name FROM Account", max_records=1000, wait=0)
]

# Writing one record
made = sf.Account.create({"Name": "Made", "Key__c": "made", "AnnualRevenue": 12.5})
found["made"] = made
found["updated"] = sf.Account.update(made["id"], {"Name": "Made, then changed"})
found["upserted"] = [
    sf.Account.upsert("Key__c/made", {"NumberOfEmployees": 5}),
    sf.Account.upsert("Key__c/new", {"Name": "Upserted"}),
]
found["read back"] = sf.Account.get(made["id"])
gone = sf.Account.create({"Name": "Soon gone", "Key__c": "gone"})["id"]
found["deleted"] = sf.Account.delete(gone)
found["in the recycle bin"] = sf.query(f"SELECT IsDeleted FROM Account WHERE Id = '{gone}'", include_deleted=True)

# What is refused
try:
    sf.Account.create({"NumberOfEmployees": 1})
except SalesforceMalformedRequest as refused:
    found["refused"] = [refused.status, refused.content]
try:
    sf.Account.get(gone)
except SalesforceResourceNotFound as refused:
    found["not found"] = [refused.status, refused.content]

# Bulk API 2.0
rows = [("b1", "Bulk, one"), ("b2", 'Bulk "two"'), ("b3", "")]
inserted = sf.bulk2.Account.insert(records=[{"Key__c": key, "Name": name} for key, name in rows], wait=0)[0]
found["bulk insert"] = inserted
found["bulk failed"] = sf.bulk2.Account.get_failed_records(inserted["job_id"])
found["bulk successful"] = sf.bulk2.Account.get_successful_records(inserted["job_id"])
again = [{"Key__c": "b1", "Name": "Bulk, one again"}, {"Key__c": "b4", "Name": "Bulk four"}]
found["bulk upsert"] = sf.bulk2.Account.upsert(records=again, external_id_field="Key__c", wait=0)
ids = [row["Id"] for row in sf.query("SELECT Id FROM Account WHERE Key__c = 'b2'")["records"]]
found["bulk delete"] = sf.bulk2.Account.delete(records=[{"Id": one} for one in ids], wait=0)

tell(found)
