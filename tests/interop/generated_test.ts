/**
 * FakeIstiod against a live istiod, field by field: both are given every field of VirtualService and DestinationRule,
 * and what they make of them for a workload is compared resource by resource.
 */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { messageName } from "../../lib/protobuf/registry.ts";
import { generate, TYPE } from "../../lib/testing/generate/generator.ts";
import { MeshView } from "../../lib/testing/mesh_view.ts";
import { ObjectStore } from "../../lib/testing/object_store.ts";
import { parseProxyNode } from "../../lib/testing/proxy_node.ts";
import { FakeIstiod, type FakeWorkloadOptions } from "../../lib/testing/mod.ts";
import { differences, expand } from "../testing/generate/recording.ts";
import { byName } from "../testing/generate/by_name.ts";
import { capture } from "./captured.ts";
import { startIstiod } from "./istiod.ts";

const OBJECTS = new URL("objects/", import.meta.url);
/** As JSON: istiod takes documents in braces for that. */
const read = (name: string) =>
  parseAllDocuments(Deno.readTextFileSync(new URL(`${name}.yaml`, OBJECTS)))
    .map((document) => {
      assert.deepEqual(document.errors, [], name);
      return `${JSON.stringify(document.toJS())}\n`;
    }).join("---\n");
const KUBERNETES = read("kubernetes");
const ISTIO = ["virtual_services", "destination_rules", "workload_entries"].map(read).join("---\n");

const WORKLOADS: readonly FakeWorkloadOptions[] = [
  { name: "sleep-v1", ip: "10.0.0.1", serviceAccount: "sleep", labels: { app: "sleep", version: "v1" } },
  { name: "web-d", ip: "10.0.0.14", serviceAccount: "web", labels: { app: "web", version: "v3" } },
  { name: "stranger", namespace: "shop", ip: "10.0.9.9", labels: { app: "stranger" } },
];

Deno.test("FakeIstiod makes of objects what a live istiod makes of them", async (t) => {
  await using istiod = await startIstiod({ objects: KUBERNETES, configs: ISTIO });
  // Only for the options of a workload: what is compared is generated here.
  await using fake = await FakeIstiod.start();
  const store = new ObjectStore();
  // One by one: what istiod reads later is younger to it.
  for (const document of `${KUBERNETES}---\n${ISTIO}`.split("---\n")) store.apply(document);
  const view = new MeshView(store, {
    trustDomain: "cluster.local",
    domain: "cluster.local",
    rootNamespace: "istio-system",
    outboundTrafficPolicy: "ALLOW_ANY",
    clusterId: "Kubernetes",
  });
  for (const options of WORKLOADS) {
    await t.step(options.name, async () => {
      const workload = fake.workload(options);
      const { namespace, serviceAccount } = workload.workload;
      const { node, resources } = await capture({
        ...workload,
        discoveryAddress: istiod.discoveryAddress,
        caAddress: istiod.discoveryAddress,
        rootCertificates: istiod.root,
        token: () => istiod.token(namespace, serviceAccount),
      });
      const found: string[] = [];
      for (const type of Object.values(TYPE)) {
        const real = resources.get(type) ?? new Map<string, Uint8Array>();
        assert.ok(real.size > 0, `istiod sent no ${messageName(type)}`);
        const context = { view, node: parseProxyNode(node) };
        const ours = new Map(generate(context, type, real.keys())!.map(({ name, value }) => [name, value]));
        for (const name of new Set([...real.keys(), ...ours.keys()])) {
          const [theirs, generated] = [real.get(name), ours.get(name)].map((value) =>
            value === undefined ? undefined : byName(expand({ typeUrl: type, value }))
          );
          for (const line of differences(theirs, generated)) found.push(`${messageName(type)} ${name} ${line}`);
        }
      }
      assert.deepEqual(found, []);
    });
  }
});
