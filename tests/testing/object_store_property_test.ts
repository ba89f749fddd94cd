import assert from "node:assert/strict";
import fc from "fast-check";
import { MeshError } from "../../lib/errors.ts";
import { KINDS } from "../../lib/testing/kinds/all.ts";
import { generate, TYPE } from "../../lib/testing/generate/generator.ts";
import { MeshView } from "../../lib/testing/mesh_view.ts";
import { ObjectStore } from "../../lib/testing/object_store.ts";
import { parseProxyNode } from "../../lib/testing/proxy_node.ts";
import { DEFAULT_SETTINGS } from "./default_settings.ts";

const FIELDS = [
  "selector",
  "matchLabels",
  "ports",
  "port",
  "targetPort",
  "name",
  "clusterIP",
  "endpoints",
  "addresses",
  "conditions",
  "ready",
  "hosts",
  "host",
  "http",
  "match",
  "uri",
  "prefix",
  "route",
  "destination",
  "weight",
  "timeout",
  "retries",
  "subsets",
  "labels",
  "trafficPolicy",
  "loadBalancer",
  "simple",
  "tls",
  "mode",
  "mtls",
  "portLevelMtls",
  "number",
  "__proto__",
];

const leaf = fc.oneof(
  fc.constantFrom("a", "reviews", "STRICT", "ROUND_ROBIN", "1s", "10.0.0.1", "", "80", "*"),
  fc.constantFrom(0, 1, 80, 8080, -1, 1.5, 1e9),
  fc.boolean(),
  fc.constant(null),
);
const value = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie("node"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...FIELDS), tie("node"), { maxKeys: 4 }),
  ),
})).node;

const document = fc.record({
  kind: fc.constantFrom(...KINDS.keys()),
  metadata: fc.record({
    name: fc.constantFrom("a", "reviews"),
    labels: fc.constant({ "kubernetes.io/service-name": "reviews", app: "a" }),
  }),
  spec: fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 4 }),
  endpoints: value,
  ports: value,
  status: value,
}, { requiredKeys: ["kind", "metadata"] }).map((object) => ({
  ...object,
  apiVersion: `${KINDS.get(object.kind)!.groups[0]}/v1`.replace(/^\//, ""),
}));

Deno.test("any document is either taken or refused with a clear error, and what is taken can be generated from", () => {
  const settings = DEFAULT_SETTINGS;
  const node = parseProxyNode({ id: "sidecar~10.0.0.1~a.default~default.svc.cluster.local" });
  fc.assert(
    fc.property(fc.array(document, { minLength: 1, maxLength: 5 }), (documents) => {
      const store = new ObjectStore();
      for (const object of documents) {
        try {
          store.apply(JSON.stringify(object));
        } catch (error) {
          assert.ok(error instanceof MeshError, String(error));
          assert.match(error.message, /^Cannot (apply|use|read) /);
        }
      }
      const context = { view: new MeshView(store, settings), node };
      const names = ["80", "outbound|80||reviews.default.svc.cluster.local", "reviews.default.svc.cluster.local:80"];
      for (const type of Object.values(TYPE)) assert.ok(generate(context, type, names) !== undefined);
    }),
    { numRuns: 150 },
  );
});
