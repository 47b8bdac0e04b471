// Reads every user of the API at argv[2] with Microsoft's own client and its
// PageIterator, and prints what it found as JSON. Nothing is changed but the
// base URL and who vouches for the caller.
import graph from "@microsoft/microsoft-graph-client";

const { Client, PageIterator } = graph;
const baseUrl = process.argv[2];

const client = Client.initWithMiddleware({
  baseUrl,
  defaultVersion: "v1.0",
  // The client sends tokens to Graph's hosts, and to those that are named here.
  customHosts: new Set([new URL(baseUrl).hostname]),
  authProvider: { getAccessToken: async () => process.env.CALLER_TOKEN },
});

const ids = new Set();
let names = 0;
const first = await client.api("/users").select(["id", "userPrincipalName", "displayName"]).top(500).get();
const pages = new PageIterator(client, first, (user) => {
  ids.add(user.id);
  if (user.userPrincipalName) names++;
  return true;
});
await pages.iterate();

const one = await client.api(`/users/${[...ids][0]}`).select("id").get();
const count = await client.api("/users/$count").header("ConsistencyLevel", "eventual").get();
let refusal = "";
try {
  await client.api("/users").select("mobilePhone").get();
} catch (error) {
  refusal = `${error.statusCode} ${error.code}`;
}
console.log(JSON.stringify({ ids: ids.size, names, one: one.id === [...ids][0], count: Number(count), refusal }));
