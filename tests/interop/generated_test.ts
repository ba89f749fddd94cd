/**
 * FakeIstiod against a live istiod, field by field: both are given every field of VirtualService and DestinationRule,
 * and objects made at random, and what they make of them for a workload is compared resource by resource.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAllDocuments } from "yaml";
import { messageName } from "../../lib/protobuf/registry.ts";
import { edsServiceName } from "../../lib/resource/resource_facts.ts";
import { generate, TYPE } from "../../lib/testing/generate/generator.ts";
import { MeshView } from "../../lib/testing/mesh_view.ts";
import { ObjectStore } from "../../lib/testing/object_store.ts";
import { parseProxyNode } from "../../lib/testing/proxy_node.ts";
import { FakeIstiod, type FakeWorkloadOptions } from "../../lib/testing/mod.ts";
import { type Decoded, differences, expand } from "../testing/generate/recording.ts";
import { byName } from "../testing/generate/by_name.ts";
import { service } from "../testing/generate/generated.ts";
import { networkingObjects } from "../testing/generate/networking_objects.ts";
import { capture } from "./captured.ts";
import { type RunningIstiod, startIstiod } from "./istiod.ts";
import { DEFAULT_SETTINGS } from "../testing/default_settings.ts";

const OBJECTS = new URL("objects/", import.meta.url);
/** As JSON: istiod takes documents in braces for that. */
const read = (name: string) =>
  parseAllDocuments(Deno.readTextFileSync(new URL(`${name}.yaml`, OBJECTS)))
    .map((document) => {
      assert.deepEqual(document.errors, [], name);
      return `${JSON.stringify(document.toJS())}\n`;
    }).join("---\n");
const KUBERNETES = read("kubernetes");
const ISTIO = ["virtual_services", "destination_rules", "workload_entries", "extensions"].map(read).join("---\n");

const WORKLOADS: readonly FakeWorkloadOptions[] = [
  { name: "sleep-v1", ip: "10.0.0.1", serviceAccount: "sleep", labels: { app: "sleep", version: "v1" } },
  { name: "web-d", ip: "10.0.0.14", serviceAccount: "web", labels: { app: "web", version: "v3" } },
  { name: "stranger", namespace: "shop", ip: "10.0.9.9", labels: { app: "stranger" } },
];

/** The live cluster counts versions of objects by time, the fake counts them by number. */
const ACCEPTED = /\.ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: /;

/** Everything in which FakeIstiod differs from a live istiod for a workload. */
async function differencesFor(
  istiod: RunningIstiod,
  fake: FakeIstiod,
  store: ObjectStore,
  options: FakeWorkloadOptions,
): Promise<string[]> {
  const workload = fake.workload(options);
  const { namespace, serviceAccount } = workload.workload;
  const { node, resources } = await capture({
    ...workload,
    discoveryAddress: istiod.discoveryAddress,
    caAddress: istiod.discoveryAddress,
    rootCertificates: istiod.root,
    token: () => istiod.token(namespace, serviceAccount),
  });
  const context = { view: new MeshView(store, DEFAULT_SETTINGS), node: parseProxyNode(node) };
  const found: string[] = [];
  for (const type of Object.values(TYPE)) {
    const real = resources.get(type) ?? new Map<string, Uint8Array>();
    // Where every cluster finds its endpoints otherwise there is nothing to ask for.
    const none = type === TYPE.endpoint && [...resources.get(TYPE.cluster)!.values()].every(hasNoEndpoints);
    assert.ok(real.size > 0 || none || type === TYPE.extension, `istiod sent no ${messageName(type)}`);
    const ours = new Map(generate(context, type, real.keys())!.map(({ name, value }) => [name, value]));
    for (const name of new Set([...real.keys(), ...ours.keys()])) {
      const [theirs, generated] = [real.get(name), ours.get(name)].map((value) =>
        value === undefined ? undefined : byAddress(byName(expand({ typeUrl: type, value })))
      );
      for (const line of differences(theirs, generated)) {
        if (!ACCEPTED.test(line)) found.push(`${messageName(type)} ${name} ${line}`);
      }
    }
  }
  return found;
}

function hasNoEndpoints(cluster: Uint8Array): boolean {
  return edsServiceName(cluster) === null;
}

/** The order of WorkloadEntries is left to chance: endpoints of a locality are compared by their addresses. */
function byAddress(resource: Decoded | undefined): Decoded | undefined {
  const { message } = (resource ?? {}) as { message?: { endpoints?: { lbEndpoints?: Decoded[] }[] } };
  for (const { lbEndpoints } of message?.endpoints ?? []) {
    lbEndpoints?.sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  }
  return resource;
}

/** Applies documents one by one: what istiod reads later is younger to it. */
function storeOf(documents: readonly string[]): ObjectStore {
  const store = new ObjectStore();
  for (const document of documents) store.apply(document);
  return store;
}

Deno.test("FakeIstiod makes of objects what a live istiod makes of them", async (t) => {
  await using istiod = await startIstiod({ objects: KUBERNETES, configs: ISTIO });
  // Only for the options of a workload: what is compared is generated here.
  await using fake = await FakeIstiod.start();
  const store = storeOf(`${KUBERNETES}---\n${ISTIO}`.split("---\n"));
  for (const options of WORKLOADS) {
    await t.step(options.name, async () => {
      assert.deepEqual(await differencesFor(istiod, fake, store, options), []);
    });
  }
});

Deno.test("FakeIstiod makes of random objects what a live istiod makes of them", async () => {
  const services = [service("a", ["http:80", "grpc:81", "tcp:82"]), service("bb", ["http:80", "x:83"])];
  await using fake = await FakeIstiod.start();
  let compared = 0;
  const full = Deno.env.get("ENMESH_INTEROP_FULL") === "1";
  // Always the same ones where a failure must be somebody's fault, others where they are looked for.
  const seed = Number(Deno.env.get("ENMESH_SEED") ?? (full ? Date.now() & 0x7fffffff : 1));
  const runs = full ? 200 : 30;
  console.log(`Random objects of seed ${seed}`);
  await fc.assert(
    fc.asyncProperty(networkingObjects, async (objects) => {
      // An object of a name stands for all of that name.
      const named = new Map(
        objects.map((object) => [JSON.stringify([object.kind, object.metadata]), JSON.stringify(object)]),
      );
      const documents = [...named.values()];
      let istiod: RunningIstiod;
      try {
        istiod = await startIstiod({ objects: services.join("\n---\n"), configs: documents.join("\n---\n") });
      } catch (error) {
        // Some of what comes out at random is refused by istiod's own validation.
        if ((error as Error).message.includes("configuration is invalid")) return;
        throw error;
      }
      await using _ = istiod;
      compared++;
      assert.deepEqual(await differencesFor(istiod, fake, storeOf([...services, ...documents]), WORKLOADS[0]!), []);
    }),
    { numRuns: runs, seed, endOnFailure: true },
  );
  assert.ok(compared > runs / 3, `istiod took only ${compared} of ${runs}`);
});
