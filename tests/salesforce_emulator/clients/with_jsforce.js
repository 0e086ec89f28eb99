// jsforce reads and writes the org: REST, collections, paging, Bulk API 2.0.
const jsforce = require("jsforce");

const ORG = JSON.parse(process.env.ORG);
const found = {};

async function main() {
  const conn = new jsforce.Connection({
    oauth2: { loginUrl: ORG.url, clientId: ORG.client_id, clientSecret: ORG.client_secret },
    instanceUrl: ORG.url,
    refreshToken: ORG.refresh_token,
    accessToken: "expired",
    version: "60.0",
  });
  conn.bulk2.pollInterval = 20;
  conn.bulk2.pollTimeout = 60000;
  conn.on("refresh", () => (found.refreshed = (found.refreshed || 0) + 1));

  // Reading
  found.identity = await conn.identity();
  const accounts = await conn.query("SELECT Id, Name FROM Account ORDER BY Name", { autoFetch: true, maxFetch: 10000 });
  found.names = accounts.records.map((row) => row.Name);
  found.total = accounts.totalSize;
  const streamed = await new Promise((resolve, reject) => {
    const names = [];
    conn
      .query("SELECT Name FROM Account")
      .on("record", (row) => names.push(row.Name))
      .on("end", () => resolve(names))
      .on("error", reject)
      .run({ autoFetch: true, maxFetch: 10000 });
  });
  found.streamed = streamed.length;
  found.contact = await conn.sobject("Contact").findOne({ LastName: "Müller" }, ["Id", "Account.Name"]);
  found.children = await conn
    .sobject("Account")
    .find({ Key__c: "K0" }, "Name")
    .include("Contacts")
    .select("LastName")
    .end();
  found.fields = (await conn.describe("Account")).fields.map((field) => field.name);
  found.objects = (await conn.describeGlobal()).sobjects.map((entry) => entry.name);
  found.limits = (await conn.limits()).DailyApiRequests;
  found.usage = conn.limitInfo.apiUsage;

  found.bulkNames = (await (await conn.bulk2.query("SELECT Id, Name FROM Account")).toArray()).length;

  // Writing
  const made = await conn.sobject("Account").create({ Name: "Made", Key__c: "made" });
  found.made = made;
  found.updated = await conn.sobject("Account").update({ Id: made.id, Name: "Made, then changed" });
  found.readBack = await conn.sobject("Account").retrieve(made.id);
  found.upserted = [
    await conn.sobject("Account").upsert({ Key__c: "made", NumberOfEmployees: 5 }, "Key__c"),
    await conn.sobject("Account").upsert({ Key__c: "new", Name: "Upserted" }, "Key__c"),
  ];
  found.collection = await conn
    .sobject("Account")
    .create([{ Name: "One", Key__c: "c1" }, { Name: "Two", Key__c: "c2" }, { NumberOfEmployees: 3 }]);
  const ids = found.collection.filter((row) => row.success).map((row) => row.id);
  found.collectionUpdate = await conn.sobject("Account").update(ids.map((Id) => ({ Id, NumberOfEmployees: 9 })));
  found.collectionRead = (await conn.sobject("Account").retrieve(ids)).map((row) => row.Name);
  found.collectionUpsert = await conn
    .sobject("Account")
    .upsert([{ Key__c: "c1", Name: "One again" }, { Key__c: "c3", Name: "Three" }], "Key__c");
  found.collectionDelete = await conn.sobject("Account").destroy([ids[1]]);
  found.refused = await conn
    .sobject("Account")
    .create({ NumberOfEmployees: 1 })
    .catch((error) => [error.errorCode, error.message]);
  found.malformed = await conn.query("SELECT Nothing FROM Account").catch((error) => [error.errorCode, error.message]);

  // Bulk API 2.0
  found.bulkInsert = await conn.bulk2.loadAndWaitForResults({
    object: "Account",
    operation: "insert",
    input: [{ Name: 'Bulk, "one"', Key__c: "b1" }, { Name: "", Key__c: "b2" }],
  });
  found.bulkUpsert = await conn.bulk2.loadAndWaitForResults({
    object: "Account",
    operation: "upsert",
    externalIdFieldName: "Key__c",
    input: [{ Name: "Bulk again", Key__c: "b1" }, { Name: "Bulk three", Key__c: "b3" }],
  });
  console.log(JSON.stringify(found));
}

main().catch((error) => {
  console.error(JSON.stringify(found), error);
  process.exit(1);
});
