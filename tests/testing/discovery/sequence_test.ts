import assert from "node:assert/strict";
import { decode, encode, typeUrl as urlOf } from "../../../lib/protobuf/registry.ts";
import { jsonToStruct } from "../../../lib/protobuf/well_known.ts";
import { DiscoveryService } from "../../../lib/testing/discovery/discovery_service.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { Faults } from "../../../lib/testing/faults.ts";
import { ObjectStore } from "../../../lib/testing/object_store.ts";
import { type Decoded, differences, expand, ROOT, scenarioYaml } from "../generate/recording.ts";

const RESPONSE = "envoy.service.discovery.v3.DeltaDiscoveryResponse";
const EDS = urlOf("envoy.config.endpoint.v3.ClusterLoadAssignment");

/** Steps with kinds that FakeIstiod does not know. */
const UNSUPPORTED = /serviceentry|authz|telemetry|sidecar/;
/** The recorded cluster counted versions of objects by time, the fake counts them by number. */
const ACCEPTED = /\.ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: /;

interface Entry {
  kind: "request" | "response" | "step";
  step: string;
  typeUrl: string;
  subscribe?: string[];
  unsubscribe?: string[];
  ack?: boolean;
  file?: string;
}

/** What a client holds after some responses. */
class Held {
  readonly resources = new Map<string, Decoded>();

  take(bytes: Uint8Array): { typeUrl: string; nonce: string } {
    const { typeUrl = "", nonce = "", resources = [], removedResources = [] } = decode(RESPONSE, bytes);
    for (const { name = "", resource } of resources) this.resources.set(`${typeUrl} ${name}`, byName(expand(resource)));
    for (const name of removedResources) this.resources.delete(`${typeUrl} ${name}`);
    return { typeUrl, nonce };
  }

  drop(typeUrl: string, names: readonly string[]): void {
    for (const name of names) this.resources.delete(`${typeUrl} ${name}`);
  }
}

/** Virtual hosts come in any order. */
function byName(resource: Decoded): Decoded {
  const message = (resource as { message: { [key: string]: Decoded } }).message;
  const hosts = message.virtualHosts as { name: string }[] | undefined;
  if (hosts !== undefined) message.virtualHosts = Object.fromEntries(hosts.map((host) => [host.name, host]));
  return resource;
}

for (const scenario of ["seq-endpoints", "seq-extensions", "seq-routing", "seq-security"]) {
  for (const node of ["sleep", "httpbin"]) {
    Deno.test(`after each step of '${scenario}' a client '${node}' holds what a real istiod gave it`, async () => {
      const directory = new URL(`${scenario}/${node}/`, ROOT);
      const manifest = JSON.parse(Deno.readTextFileSync(new URL("manifest.json", directory)));
      const entries = manifest.entries as Entry[];
      const store = new ObjectStore();
      store.apply(scenarioYaml("basic", /$^/));
      const clock = new FakeClock();
      const service = new DiscoveryService({
        store,
        settings: {
          trustDomain: "cluster.local",
          domain: "cluster.local",
          rootNamespace: "istio-system",
          outboundTrafficPolicy: "ALLOW_ANY",
          clusterId: "Kubernetes",
        },
        faults: new Faults(),
        clock,
        debounceMs: 100,
      });
      const real = new Held();
      const fake = new Held();
      const { id, metadata } = manifest.nodeInfo;
      const identity = { namespace: metadata.NAMESPACE, serviceAccount: metadata.SERVICE_ACCOUNT };
      const nodeMessage = { id, metadata: jsonToStruct(metadata) };
      const request = (typeUrl: string, fields: object) =>
        stream.receive(
          encode("envoy.service.discovery.v3.DeltaDiscoveryRequest", { node: nodeMessage, typeUrl, ...fields }),
        );
      const acks: { typeUrl: string; nonce: string }[] = [];
      const stream = service.open("delta", identity, {
        send: (message) => acks.push(fake.take(message)),
        fail: (error) => assert.fail(error),
      });

      const steps = [...new Set(entries.map((entry) => entry.step))];
      for (const step of steps) {
        if (UNSUPPORTED.test(step)) continue;
        if (step !== "initial") {
          const yaml = Deno.readTextFileSync(new URL(`${scenario}/steps/${step}.yaml`, ROOT));
          service.changed(step.includes("-delete-") ? store.delete(yaml) : store.apply(yaml));
          await clock.advance(100);
        }
        for (const entry of entries.filter((item) => item.step === step)) {
          if (entry.kind === "response") real.take(Deno.readFileSync(new URL(entry.file!, directory)));
          if (entry.kind !== "request" || entry.ack === true) continue;
          request(entry.typeUrl, {
            resourceNamesSubscribe: entry.subscribe ?? [],
            resourceNamesUnsubscribe: entry.unsubscribe ?? [],
          });
        }
        for (const { typeUrl, nonce } of acks.splice(0)) request(typeUrl, { responseNonce: nonce });
        // What was unsubscribed from may or may not have been sent once more.
        for (const entry of entries.filter((item) => item.step === step)) {
          for (const held of [real, fake]) held.drop(entry.typeUrl, entry.unsubscribe ?? []);
        }
        const names = new Set([...real.resources.keys(), ...fake.resources.keys()]);
        const found = [...names].flatMap((name) =>
          differences(real.resources.get(name), fake.resources.get(name), name)
        ).filter((line) => !ACCEPTED.test(line));
        assert.deepEqual(found, [], step);
        assert.ok([...names].some((name) => name.startsWith(EDS)));
      }
    });
  }
}
