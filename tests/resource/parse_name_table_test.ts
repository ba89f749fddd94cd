import assert from "node:assert/strict";
import type { IstioNetworkingNdsV1NameTableNameInfo as Info } from "../../lib/protobuf/gen/messages.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import { EMPTY_NAME_TABLE, parseNameTable } from "../../lib/resource/parse_name_table.ts";

const MESSAGE = "istio.networking.nds.v1.NameTable";

function kubernetes(ip: string, shortname: string, namespace: string): Info {
  return { ips: [ip], registry: "Kubernetes", shortname, namespace };
}

const TABLE: Record<string, Info> = {
  "web.here.svc.cluster.local": kubernetes("10.0.0.1", "web", "here"),
  "web.there.svc.cluster.local": kubernetes("10.0.0.2", "web", "there"),
  "db.there.svc.cluster.local": { ...kubernetes("10.0.1.1", "db", "there"), ips: ["10.0.1.1", "10.0.1.2"] },
  // One pod of a headless service, by host name and subdomain.
  "db-0.db.there.svc.cluster.local": kubernetes("10.0.1.1", "db-0.db", "there"),
  "db-0.db.here.svc.cluster.local": kubernetes("10.0.1.9", "db-0.db", "here"),
  "api.outside.test": { ips: ["192.0.2.1"], registry: "External" },
  "*.wild.test": { ips: ["192.0.2.2"], registry: "External" },
  "*.deep.wild.test": { ips: ["192.0.2.3"], registry: "External" },
  "none.test": { registry: "External" },
};

function table(clientNamespace = "here") {
  const result = parseNameTable(encode(MESSAGE, { table: TABLE }), clientNamespace);
  assert.ok(result.ok);
  return result.value;
}

Deno.test("Full names, whatever their case, with a trailing dot or without", () => {
  assert.deepEqual(table().lookup("web.there.svc.cluster.local"), ["10.0.0.2"]);
  assert.deepEqual(table().lookup("WEB.There.svc.Cluster.Local."), ["10.0.0.2"]);
  assert.deepEqual(table().lookup("db.there.svc.cluster.local"), ["10.0.1.1", "10.0.1.2"]);
  assert.deepEqual(table().lookup("api.outside.test"), ["192.0.2.1"]);
  assert.equal(table().lookup("other.test"), null);
  assert.equal(table().lookup(""), null);
  assert.equal(table().lookup("."), null);
});

Deno.test("Short names of Kubernetes services", () => {
  assert.deepEqual(table().lookup("web"), ["10.0.0.1"]);
  assert.deepEqual(table("there").lookup("web"), ["10.0.0.2"]);
  assert.equal(table("elsewhere").lookup("web"), null);
  assert.deepEqual(table().lookup("web.there"), ["10.0.0.2"]);
  assert.deepEqual(table().lookup("web.there.svc"), ["10.0.0.2"]);
  assert.deepEqual(table().lookup("Web.There.SVC."), ["10.0.0.2"]);
  assert.equal(table().lookup("web.there.svc.cluster"), null);
  assert.equal(table().lookup("web.svc"), null);
});

Deno.test("Short names of pods of headless services; the client's namespace comes first", () => {
  assert.deepEqual(table().lookup("db-0.db.there"), ["10.0.1.1"]);
  assert.deepEqual(table().lookup("db-0.db.there.svc"), ["10.0.1.1"]);
  assert.deepEqual(table().lookup("db-0.db"), ["10.0.1.9"]);
  assert.deepEqual(table("there").lookup("db-0.db"), ["10.0.1.1"]);
});

Deno.test("Names of other registries have no short forms", () => {
  assert.equal(table().lookup("api"), null);
  assert.equal(table().lookup("api.outside"), null);
});

Deno.test("Wildcards: the nearest one, and not the suffix itself", () => {
  assert.deepEqual(table().lookup("a.wild.test"), ["192.0.2.2"]);
  assert.deepEqual(table().lookup("a.b.wild.test"), ["192.0.2.2"]);
  assert.deepEqual(table().lookup("a.deep.wild.test"), ["192.0.2.3"]);
  assert.equal(table().lookup("wild.test"), null);
});

Deno.test("A name without addresses is known, and has none", () => {
  assert.deepEqual(table().lookup("none.test"), []);
});

Deno.test("Every full name is listed", () => {
  assert.deepEqual([...table().names()].sort(), Object.keys(TABLE).sort());
  assert.deepEqual([...EMPTY_NAME_TABLE.names()], []);
  assert.equal(EMPTY_NAME_TABLE.lookup("web"), null);
});

Deno.test("Addresses that are none are refused", () => {
  const result = parseNameTable(encode(MESSAGE, { table: { "a.test": { ips: ["10.0.0.1", "ten"] } } }), "here");
  assert.deepEqual(result.ok ? [] : result.errors, [
    "Cannot use 'table[a.test].ips': it must hold IP addresses, current value is 'ten'",
  ]);
});
