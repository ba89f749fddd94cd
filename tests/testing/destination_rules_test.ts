import assert from "node:assert/strict";
import { DestinationRules } from "../../lib/testing/destination_rules.ts";
import { named } from "../../lib/testing/named.ts";
import { ObjectStore } from "../../lib/testing/object_store.ts";
import { networking } from "./generate/generated.ts";

const HOST = "a.shop.svc.cluster.local";
const rule = (name: string, namespace: string, rest: string, host = HOST) =>
  networking("DestinationRule", `{host: "${host}", ${rest}}`, name, namespace);
const subset = (name: string) => `subsets: [{name: ${name}, labels: {v: ${name}}}]`;

function of(...documents: string[]): DestinationRules {
  const store = new ObjectStore();
  for (const document of documents) store.apply(document);
  return new DestinationRules(store.all("DestinationRule").map(named), "cluster.local", "istio-system");
}

/** Name and subsets of the rule for a client of a namespace. */
function found(rules: DestinationRules, namespace: string, labels: Record<string, string> | undefined = {}): string {
  const item = rules.find(HOST, "shop", { namespace, labels });
  return item === undefined ? "-" : [item.name, ...item.value.subsets.map(({ name }) => name)].join(" ");
}

Deno.test("the client's namespace goes before the service's, that before the root namespace", () => {
  const root = rule("root", "istio-system", subset("r"), "*.local");
  const service = rule("service", "shop", subset("s"), "a");
  const client = rule("client", "default", subset("c"));
  assert.equal(found(of(root), "default"), "root r");
  assert.equal(found(of(root, service), "default"), "service s");
  assert.equal(found(of(root, service, client), "default"), "client c");
  assert.equal(found(of(root, service, client), "other"), "service s");
  assert.equal(found(of(client), "other"), "-");
});

Deno.test("the most specific host wins, whatever its age", () => {
  const rules = of(
    rule("wide", "shop", subset("w"), "*.svc.cluster.local"),
    rule("wider", "shop", subset("x"), "*.cluster.local"),
  );
  assert.equal(found(rules, "default"), "wide w");
  assert.equal(
    found(of(rule("wide", "shop", subset("w"), "*.local"), rule("own", "shop", subset("o"))), "default"),
    "own o",
  );
});

Deno.test("rules of one host are merged: the oldest policy, the subsets of all", () => {
  const rules = of(
    rule("first", "shop", `${subset("a")}`),
    rule("second", "shop", `trafficPolicy: {tls: {mode: DISABLE}}, ${subset("b")}`),
    rule("third", "shop", `trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}, ${subset("a")}`),
  );
  assert.equal(found(rules, "default"), "first a b");
  assert.equal(rules.find(HOST, "shop", { namespace: "default", labels: {} })!.value.policy!.tls!.mode, "DISABLE");
});

Deno.test("what is exported to nobody else holds at home only", () => {
  const rules = of(
    rule("kept", "shop", `exportTo: ["."], ${subset("k")}`),
    rule("lent", "shop", `exportTo: [default], ${subset("l")}`),
  );
  assert.equal(found(rules, "shop"), "kept k");
  assert.equal(found(rules, "default"), "lent l");
  assert.equal(found(rules, "other"), "-");
});

Deno.test("a rule for some workloads goes before one for all, and never for what comes in", () => {
  const rules = of(
    rule("all", "default", subset("a")),
    rule("some", "default", `workloadSelector: {matchLabels: {app: sleep}}, ${subset("s")}`),
  );
  assert.equal(found(rules, "default", { app: "sleep", version: "v1" }), "some s");
  assert.equal(found(rules, "default", { app: "other" }), "all a");
  const inbound = rules.find(HOST, "shop", { namespace: "default", labels: undefined });
  assert.equal(inbound!.name, "all");
});
