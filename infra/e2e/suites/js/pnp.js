// Reads every user with PnPjs and its iterator over pages, and prints what it found as
// JSON. Nothing is changed but the base URL and who vouches for the caller.
import { graphfi } from "@pnp/graph";
import { GraphBrowser } from "@pnp/graph/behaviors/graphbrowser.js";
import { ConsistencyLevel } from "@pnp/graph/behaviors/consistency-level.js";
import { GraphQueryable } from "@pnp/graph/graphqueryable.js";
import { BearerToken } from "@pnp/queryable";
import "@pnp/graph/users/index.js";

const { env } = process;

async function token() {
  if (env.CALLER_TOKEN) return env.CALLER_TOKEN;
  const response = await fetch(`${env.AUTHORITY_HOST}/${env.AZURE_TENANT_ID}/oauth2/v2.0/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials", client_id: env.AZURE_CLIENT_ID, client_secret: env.AZURE_CLIENT_SECRET,
      scope: "https://graph.microsoft.com/.default",
    }),
  });
  return (await response.json()).access_token;
}

async function refusal(request) {
  try {
    await request();
  } catch (error) {
    return `${error.status} ${(await error.response.json()).error.code}`;
  }
  return "none";
}

const anonymous = graphfi().using(GraphBrowser({ baseUrl: env.BASE_URL }));
const graph = graphfi().using(GraphBrowser({ baseUrl: env.BASE_URL }), BearerToken(await token()));

const ids = [];
let names = 0;
for await (const page of graph.users.select("id", "userPrincipalName", "displayName").top(500)) {
  for (const user of page) {
    ids.push(user.id);
    if (user.userPrincipalName) names++;
  }
}
const one = await graph.users.getById(ids[0])();
const count = await GraphQueryable(graph.users, "$count").using(ConsistencyLevel())();
let managers = null;
if (env.MANAGERS) {
  const second = graph.users.getById(ids[1]);
  const alone = await second.manager();
  const { manager } = await graph.users.getById(ids[1]).expand("manager")();
  if (alone.displayName !== manager.displayName) throw new Error("the manager is somebody else when expanded");
  managers = [alone.id, manager.id];
}
console.log(JSON.stringify({
  ids, names, one: one.id, count, managers,
  refusals: [
    await refusal(() => graph.users.getById(env.NOBODY)()),
    await refusal(() => graph.users.select("shoeSize")()),
    await refusal(() => anonymous.users()),
  ],
}));
