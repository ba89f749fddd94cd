import assert from "node:assert/strict";
import {
  type LocalityGroup,
  localityRules,
  prioritize,
  weighsLocalities,
} from "../../../lib/testing/generate/locality_priorities.ts";
import { Fields } from "../../../lib/testing/fields.ts";
import { parseLocalitySetting } from "../../../lib/testing/kinds/locality_setting.ts";
import type { Locality } from "../../../lib/testing/proxy_node.ts";
import type { ServiceEndpoint } from "../../../lib/testing/service_endpoints.ts";

function locality(text: string): Locality {
  const [region = "", zone = "", subZone = ""] = text.split("/");
  return { region, zone, subZone };
}

/** Endpoints named by their labels, in a locality. */
function group(place: string, ...labels: Record<string, string>[]): LocalityGroup {
  const endpoints = (labels.length === 0 ? [{}] : labels).map((own) =>
    ({ labels: own, weight: 1 }) as unknown as ServiceEndpoint
  );
  return { locality: locality(place), endpoints, weight: endpoints.length, priority: 0 };
}

const setting = (fields: Record<string, unknown>) => parseLocalitySetting(Fields.of(fields, "a setting"));
const CLIENT = { locality: locality("west/one/a"), labels: { region: "west", zone: "one", version: "v1" } };

/** `PLACE priority xWEIGHT`, and `-` behind where no endpoint is left. */
function result(groups: LocalityGroup[], rules: Parameters<typeof prioritize>[1]): string[] {
  return prioritize(groups, rules, CLIENT).map(({ locality: { region, zone, subZone }, priority, weight, endpoints }) =>
    `${[region, zone, subZone].filter((part) => part !== "").join("/")} ${priority} x${weight}` +
    (endpoints.length === 0 ? " -" : "")
  );
}

const PLACES = ["east/x", "north/x", "west/one/a", "west/one/b", "west/two"].map((place) => group(place));

Deno.test("where failures are noticed, closer goes first, without gaps", () => {
  assert.deepEqual(result(PLACES, localityRules(undefined, undefined, true)), [
    "east/x 3 x1",
    "north/x 3 x1",
    "west/one/a 0 x1",
    "west/one/b 1 x1",
    "west/two 2 x1",
  ]);
  assert.deepEqual(result([group("east/x"), group("west/two")], localityRules(undefined, undefined, true)), [
    "east/x 1 x1",
    "west/two 0 x1",
  ]);
});

Deno.test("where they are not, or locality is turned off, everything is as good", () => {
  const flat = PLACES.map(({ locality: { region, zone, subZone } }) =>
    `${[region, zone, subZone].filter((part) => part !== "").join("/")} 0 x1`
  );
  assert.deepEqual(result(PLACES, localityRules(undefined, undefined, false)), flat);
  assert.deepEqual(result(PLACES, localityRules(setting({ enabled: false }), undefined, true)), flat);
  assert.deepEqual(result(PLACES, localityRules(setting({ failover: [] }), undefined, false)), flat);
});

Deno.test("a region to fail over to goes before the others", () => {
  const rules = localityRules(setting({ failover: [{ from: "west", to: "north" }] }), undefined, true);
  assert.deepEqual(result(PLACES, rules).slice(0, 2), ["east/x 4 x1", "north/x 3 x1"]);
  assert.equal(weighsLocalities(rules), true);
  assert.equal(weighsLocalities(localityRules(setting({}), undefined, true)), false);
});

Deno.test("shares: the first entry for the caller, divided by weight, the rest gets nothing", () => {
  const rules = localityRules(
    setting({
      distribute: [
        { from: "east", to: { east: 100 } },
        { from: "west/one/*", to: { "west/one/a": 50, "west/*": 30, "east/*": 20 } },
      ],
    }),
    undefined,
    false,
  );
  const places = [
    group("east/x"),
    group("north/x"),
    group("west/one/a"),
    group("west/one/b", {}, {}),
    group("west/two"),
  ];
  assert.deepEqual(result(places, rules), [
    "east/x 0 x20",
    "north/x 0 x1 -",
    "west/one/a 0 x50",
    "west/one/b 0 x20",
    "west/two 0 x10",
  ]);
  assert.equal(weighsLocalities(rules), true);
});

Deno.test("labels split a locality: the further the first that differs, the better", () => {
  const rules = localityRules(setting({ failoverPriority: ["region", "zone", "version"] }), undefined, true);
  const here = group(
    "west/one/a",
    { region: "west", zone: "one", version: "v1" },
    { region: "west", zone: "one", version: "v2" },
    { region: "west", zone: "one", version: "v1" },
  );
  const there = group("east/x", { region: "east", zone: "one", version: "v1" });
  assert.deepEqual(result([there, here], rules), ["east/x 2 x1", "west/one/a 0 x2", "west/one/a 1 x1"]);
});

Deno.test("a label with a value stands for the caller's; another network comes behind every other difference", () => {
  const network = "topology.istio.io/network";
  const rules = localityRules(setting({ failoverPriority: [network, "version=v9"] }), undefined, true);
  const groups = [
    group("a", { version: "v9", [network]: "other" }),
    group("b", { version: "v1" }),
    group("c", { version: "v9" }),
    group("d", { version: "v1", [network]: "other" }),
  ];
  assert.deepEqual(result(groups, rules), ["a 2 x1", "b 1 x1", "c 0 x1", "d 3 x1"]);
});

Deno.test("labels first, then regions to fail over to", () => {
  const rules = localityRules(
    setting({ failoverPriority: ["version"], failover: [{ from: "west", to: "east" }] }),
    undefined,
    true,
  );
  const groups = [
    group("west/one/a", { version: "v2" }),
    group("east/x", { version: "v1" }),
    group("north/x", { version: "v1" }),
  ];
  assert.deepEqual(result(groups, rules), ["west/one/a 2 x1", "east/x 0 x1", "north/x 1 x1"]);
});

Deno.test("a service's own wish needs nobody to notice failures, and gives way to a rule", () => {
  const wish = localityRules(undefined, "PreferSameZone", false);
  assert.equal(weighsLocalities(wish), true);
  assert.deepEqual(wish.setting!.failoverPriority.at(-1), "topology.kubernetes.io/zone");
  assert.equal(
    localityRules(undefined, "PreferSameNode", false).setting!.failoverPriority.at(-1),
    "kubernetes.io/hostname",
  );
  assert.equal(weighsLocalities(localityRules(setting({}), "PreferSameZone", false)), false);
});
