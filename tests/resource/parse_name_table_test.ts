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

Deno.test("Names are searched as the resolver of a pod does, before they are taken as they are", () => {
  const result = parseNameTable(
    encode(MESSAGE, {
      table: {
        "db.here.svc.corp.test": { ips: ["192.0.2.1"], registry: "External" },
        "db.other.svc.corp.test": { ips: ["192.0.2.2"], registry: "External" },
        "legacy.corp.test": { ips: ["192.0.2.3"], registry: "External" },
        "*.apps.corp.test": { ips: ["192.0.2.4"], registry: "External" },
        "db": { ips: ["192.0.2.5"], registry: "External" },
        "a.b.c.d.e": { ips: ["192.0.2.6"], registry: "External" },
        "a.b.c.d.e.f": { ips: ["192.0.2.7"], registry: "External" },
        "a.b.c.d.e.f.corp.test": { ips: ["192.0.2.8"], registry: "External" },
      },
    }),
    "Here",
    "corp.test.",
  );
  assert.ok(result.ok);
  const found = (name: string) => result.value.lookup(name)?.[0] ?? null;
  const cases: [string, string | null][] = [
    ["db", "192.0.2.1"],
    ["db.", "192.0.2.5"],
    ["db.other", "192.0.2.2"],
    ["db.other.", null],
    ["db.other.svc", "192.0.2.2"],
    ["legacy", "192.0.2.3"],
    ["x.apps", "192.0.2.4"],
    ["a.b.c.d.e", "192.0.2.6"],
    ["a.b.c.d.e.f", "192.0.2.7"],
    ["nobody", null],
  ];
  for (const [name, expected] of cases) assert.equal(found(name), expected, name);
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
