import assert from "node:assert/strict";
import { decode, encode } from "../../../lib/protobuf/registry.ts";
import { jsonToStruct } from "../../../lib/protobuf/well_known.ts";
import { DiscoveryService } from "../../../lib/testing/discovery/discovery_service.ts";
import type { DiscoveryStream } from "../../../lib/testing/discovery/discovery_stream.ts";
import type { GrpcStatusError } from "../../../lib/grpc/grpc_status_error.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { Faults } from "../../../lib/testing/faults.ts";
import { TYPE } from "../../../lib/testing/generate/generator.ts";
import { ObjectStore } from "../../../lib/testing/object_store.ts";
import { DEFAULT_SETTINGS } from "../default_settings.ts";

const SERVICE = `
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {clusterIP: 10.96.0.9, selector: {app: reviews}, ports: [{name: http, port: 9080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: reviews-v1, labels: {app: reviews, security.istio.io/tlsMode: istio}}
spec: {serviceAccountName: reviews}
status: {podIP: 10.0.0.9}
`;
const CLUSTER = "outbound|9080||reviews.default.svc.cluster.local";
const FIXED = ["BlackHoleCluster", "PassthroughCluster", "InboundPassthroughCluster"];
const NODE = {
  id: "sidecar~10.0.0.1~sleep-v1.default~default.svc.cluster.local",
  metadata: jsonToStruct({ NAMESPACE: "default", SERVICE_ACCOUNT: "sleep" }),
};
const SLEEP = { namespace: "default", serviceAccount: "sleep" };

interface Response {
  typeUrl: string;
  nonce: string;
  names: string[];
  removed: string[];
}

class Client {
  readonly responses: Response[] = [];
  readonly stream: DiscoveryStream;
  failure: GrpcStatusError | null = null;

  constructor(service: DiscoveryService, readonly protocol: "delta" | "sotw", identity = SLEEP) {
    this.stream = service.open(protocol, identity, {
      send: (message) => this.responses.push(this.#read(message)),
      fail: (error) => this.failure = error,
    });
  }

  delta(
    typeUrl: string,
    fields: Parameters<typeof encode<"envoy.service.discovery.v3.DeltaDiscoveryRequest">>[1] = {},
  ) {
    const request = { node: NODE, typeUrl, ...fields };
    this.stream.receive(encode("envoy.service.discovery.v3.DeltaDiscoveryRequest", request));
  }

  sotw(typeUrl: string, fields: Parameters<typeof encode<"envoy.service.discovery.v3.DiscoveryRequest">>[1] = {}) {
    this.stream.receive(encode("envoy.service.discovery.v3.DiscoveryRequest", { node: NODE, typeUrl, ...fields }));
  }

  /** Takes the responses so far, as `TYPE names -removed`. */
  take(): string[] {
    return this.responses.splice(0).map(({ typeUrl, names, removed }) =>
      [typeUrl.split(".").at(-1), ...names.toSorted(), ...removed.map((name) => `-${name}`)].join(" ")
    );
  }

  lastNonce(typeUrl: string): string {
    return this.responses.findLast((response) => response.typeUrl === typeUrl)!.nonce;
  }

  #read(message: Uint8Array): Response {
    if (this.protocol === "delta") {
      const response = decode("envoy.service.discovery.v3.DeltaDiscoveryResponse", message);
      return {
        typeUrl: response.typeUrl!,
        nonce: response.nonce!,
        names: (response.resources ?? []).map((resource) => resource.name ?? ""),
        removed: response.removedResources ?? [],
      };
    }
    const response = decode("envoy.service.discovery.v3.DiscoveryResponse", message);
    const names = (response.resources ?? []).map(({ typeUrl, value }) => {
      if (typeUrl === TYPE.endpoint) {
        return decode("envoy.config.endpoint.v3.ClusterLoadAssignment", value!).clusterName!;
      }
      return decode("envoy.config.cluster.v3.Cluster", value!).name!;
    });
    return { typeUrl: response.typeUrl!, nonce: response.nonce!, names, removed: [] };
  }
}

function start() {
  const store = new ObjectStore();
  const clock = new FakeClock();
  const faults = new Faults();
  const settings = DEFAULT_SETTINGS;
  const service = new DiscoveryService({ store, settings, faults, clock, debounceMs: 100 });
  const apply = (yaml: string) => service.changed(store.apply(yaml));
  const remove = (yaml: string) => service.changed(store.delete(yaml));
  return { store, clock, faults, service, apply, remove };
}

const ALL_CLUSTERS = `Cluster ${[...FIXED, CLUSTER].toSorted().join(" ")}`;

Deno.test("delta: the sequence of a first connection, an ACK is silent", () => {
  const { service, apply } = start();
  apply(SERVICE);
  const client = new Client(service, "delta");
  client.delta(TYPE.cluster, { resourceNamesSubscribe: ["*"] });
  const nonce = client.lastNonce(TYPE.cluster);
  assert.deepEqual(client.take(), [ALL_CLUSTERS]);
  client.delta(TYPE.cluster, { responseNonce: nonce });
  client.delta(TYPE.endpoint, { resourceNamesSubscribe: [CLUSTER] });
  client.delta(TYPE.listener);
  client.delta(TYPE.nameTable);
  client.delta(TYPE.route, { resourceNamesSubscribe: ["9080", "unknown"] });
  assert.deepEqual(client.take(), [
    `ClusterLoadAssignment ${CLUSTER}`,
    "Listener 0.0.0.0_9080 virtualInbound virtualOutbound",
    "NameTable ",
    "RouteConfiguration 9080 unknown",
  ]);
});

Deno.test("delta: a stale nonce is dropped with its names; an unsubscription is silent", () => {
  const { service, apply } = start();
  apply(SERVICE);
  const client = new Client(service, "delta");
  client.delta(TYPE.endpoint, { resourceNamesSubscribe: [CLUSTER] });
  client.take();
  client.delta(TYPE.endpoint, { resourceNamesSubscribe: ["other"], responseNonce: "stale" });
  client.delta(TYPE.endpoint, { resourceNamesUnsubscribe: [CLUSTER] });
  assert.deepEqual(client.take(), []);
  assert.deepEqual(service.clients[0]!.types.get(TYPE.endpoint)!.names, []);
  client.delta(TYPE.endpoint, { resourceNamesSubscribe: ["other"] });
  assert.deepEqual(client.take(), ["ClusterLoadAssignment other"], "an unknown name gets an empty assignment");
});

Deno.test("delta: a repeated CDS subscription returns everything and forces EDS", () => {
  const { service, apply } = start();
  apply(SERVICE);
  const client = new Client(service, "delta");
  client.delta(TYPE.cluster, { resourceNamesSubscribe: ["*"] });
  client.delta(TYPE.endpoint, { resourceNamesSubscribe: [CLUSTER] });
  client.take();
  client.delta(TYPE.cluster, { resourceNamesSubscribe: ["*"] });
  assert.deepEqual(client.take(), [ALL_CLUSTERS, `ClusterLoadAssignment ${CLUSTER}`]);
});

Deno.test("delta: names held from an earlier stream are subscribed to, and answered in full", () => {
  const { service, apply } = start();
  apply(SERVICE);
  const client = new Client(service, "delta");
  client.delta(TYPE.endpoint, { initialResourceVersions: { [CLUSTER]: "1", gone: "1" }, responseNonce: "of-another" });
  assert.deepEqual(client.take(), [`ClusterLoadAssignment gone ${CLUSTER}`]);
});

Deno.test("delta: a NACK is recorded and not answered", () => {
  const { service, apply } = start();
  apply(SERVICE);
  const client = new Client(service, "delta");
  client.delta(TYPE.cluster, { resourceNamesSubscribe: ["*"] });
  const nonce = client.lastNonce(TYPE.cluster);
  client.take();
  client.delta(TYPE.cluster, { responseNonce: nonce, errorDetail: { code: 13, message: "bad cluster" } });
  assert.deepEqual(client.take(), []);
  assert.deepEqual(service.nacks, [{
    nodeId: NODE.id,
    typeUrl: TYPE.cluster,
    nonce,
    code: 13,
    message: "bad cluster",
  }]);
  assert.equal(service.clients[0]!.types.get(TYPE.cluster)!.lastError, "bad cluster");
});

Deno.test("delta: what each change pushes, as recorded of a real istiod", async () => {
  const { service, apply, remove, clock } = start();
  apply(SERVICE);
  await clock.advance(100);
  const client = new Client(service, "delta");
  client.delta(TYPE.cluster, { resourceNamesSubscribe: ["*"] });
  client.delta(TYPE.endpoint, { resourceNamesSubscribe: [CLUSTER] });
  client.delta(TYPE.listener);
  client.delta(TYPE.nameTable);
  client.delta(TYPE.route, { resourceNamesSubscribe: ["9080"] });
  client.take();
  const fixed = `Cluster ${FIXED.toSorted().join(" ")}`;
  const listeners = "Listener 0.0.0.0_9080 virtualInbound virtualOutbound";

  apply(
    `{apiVersion: v1, kind: Pod, metadata: {name: reviews-v2, labels: {app: reviews}}, status: {podIP: 10.0.0.8}, spec: {serviceAccountName: reviews}}`,
  );
  assert.deepEqual(client.take(), [], "changes are collected first");
  await clock.advance(100);
  assert.deepEqual(client.take(), [`ClusterLoadAssignment ${CLUSTER}`], "an endpoint");

  apply(
    `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: r}, spec: {hosts: [reviews], http: [{timeout: 1s, route: [{destination: {host: reviews}}]}]}}`,
  );
  await clock.advance(100);
  assert.deepEqual(client.take(), [fixed, listeners, "RouteConfiguration 9080"], "a VirtualService");

  apply(
    `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: d}, spec: {mtls: {mode: DISABLE}}}`,
  );
  await clock.advance(100);
  assert.deepEqual(
    client.take(),
    [ALL_CLUSTERS, `ClusterLoadAssignment ${CLUSTER}`, listeners],
    "a PeerAuthentication",
  );

  remove(SERVICE.split("---")[0]!);
  await clock.advance(100);
  assert.deepEqual(client.take(), [
    `${fixed} -${CLUSTER}`,
    `ClusterLoadAssignment ${CLUSTER}`,
    "Listener virtualInbound virtualOutbound -0.0.0.0_9080",
    "RouteConfiguration 9080",
    "NameTable ",
  ], "a service that is deleted");
});

Deno.test("delta: a WasmPlugin sends listeners, then itself; when it is gone, and when it is unsubscribed from, nothing", async () => {
  const { service, apply, remove, clock } = start();
  const plugin = (url: string) =>
    `{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: x}, spec: {url: ${url}}}`;
  const name = "extensions.istio.io/trafficextension/default.x~istio-translated-wasmplugin";
  const listeners = "Listener virtualInbound virtualOutbound";
  const client = new Client(service, "delta");
  client.delta(TYPE.listener);
  client.take();
  apply(plugin("oci://r/x:v1"));
  await clock.advance(100);
  assert.deepEqual(client.take(), [listeners]);
  client.delta(TYPE.extension, { resourceNamesSubscribe: [name, "unknown"] });
  assert.deepEqual(client.take(), [`TypedExtensionConfig ${name}`]);
  client.delta(TYPE.extension, { resourceNamesUnsubscribe: ["unknown"] });
  assert.deepEqual(client.take(), ["TypedExtensionConfig"]);
  apply(plugin("oci://r/x:v2"));
  await clock.advance(100);
  assert.deepEqual(client.take(), [listeners, `TypedExtensionConfig ${name}`]);
  remove(plugin("oci://r/x:v2"));
  await clock.advance(100);
  assert.deepEqual(client.take(), [listeners, "TypedExtensionConfig"]);
});

Deno.test("sotw: only added names are answered, EDS is answered again after CDS, an empty list unsubscribes", () => {
  const { service, apply } = start();
  apply(SERVICE);
  const client = new Client(service, "sotw");
  client.sotw(TYPE.cluster);
  client.sotw(TYPE.endpoint, { resourceNames: [CLUSTER] });
  let nonce = client.lastNonce(TYPE.endpoint);
  assert.deepEqual(client.take(), [ALL_CLUSTERS, `ClusterLoadAssignment ${CLUSTER}`]);
  client.sotw(TYPE.endpoint, { resourceNames: [CLUSTER], responseNonce: nonce });
  assert.deepEqual(client.take(), [], "an ACK");
  client.sotw(TYPE.endpoint, { resourceNames: [CLUSTER, "other"], responseNonce: nonce });
  nonce = client.lastNonce(TYPE.endpoint);
  assert.deepEqual(client.take(), ["ClusterLoadAssignment other"]);
  client.sotw(TYPE.cluster);
  client.take();
  client.sotw(TYPE.endpoint, { resourceNames: [CLUSTER, "other"], responseNonce: nonce });
  assert.deepEqual(client.take(), [`ClusterLoadAssignment other ${CLUSTER}`], "warming");
  client.sotw(TYPE.endpoint, { responseNonce: "any" });
  assert.deepEqual(client.take(), []);
  assert.equal(service.clients[0]!.types.has(TYPE.endpoint), false);
});

Deno.test("what ends a stream: no node, a node of four parts, another's identity, an unknown type, garbage", () => {
  const { service } = start();
  const cases: [string, (client: Client) => void, number, RegExp][] = [
    ["no node", (client) => client.delta(TYPE.cluster, { node: {} }), 3, /missing node information/],
    ["bad node", (client) => client.delta(TYPE.cluster, { node: { id: "sidecar~x" } }), 3, /type~ip~name/],
    [
      "namespace",
      (client) => client.delta(TYPE.cluster, { node: { id: "sidecar~1.1.1.1~a.b~b.svc.cluster.local" } }),
      7,
      /namespace 'b'/,
    ],
    [
      "service account",
      (client) =>
        client.delta(TYPE.cluster, {
          node: { id: NODE.id, metadata: jsonToStruct({ NAMESPACE: "default", SERVICE_ACCOUNT: "admin" }) },
        }),
      7,
      /service account 'admin'/,
    ],
    ["unknown type", (client) => client.delta("type.googleapis.com/unknown"), 7, /api generator is restricted/],
    ["garbage", (client) => client.stream.receive(Uint8Array.of(0xff, 0xff, 0xff)), 13, /cannot read/],
  ];
  for (const [name, act, code, message] of cases) {
    const client = new Client(service, "delta");
    act(client);
    assert.equal(client.failure?.status, code, name);
    assert.match(client.failure!.details, message, name);
  }
  assert.deepEqual(service.clients, []);
});

Deno.test("resources pushed by hand overlay generated ones, may be malformed, and can be withdrawn", () => {
  const { service, apply } = start();
  apply(SERVICE);
  const client = new Client(service, "delta");
  client.delta(TYPE.cluster, { resourceNamesSubscribe: ["*"] });
  client.take();
  service.push(TYPE.cluster, [{ name: "extra", value: { name: "extra" } }, {
    name: CLUSTER,
    value: Uint8Array.of(0xff),
  }]);
  assert.deepEqual(client.take(), [`Cluster ${[...FIXED, CLUSTER, "extra"].toSorted().join(" ")}`]);
  service.withdraw(TYPE.cluster);
  assert.deepEqual(client.take(), [`${ALL_CLUSTERS} -extra`]);
  assert.throws(() => service.push("type.googleapis.com/unknown", [{ name: "a", value: {} }]), /push its bytes/);
  service.push("type.googleapis.com/unknown", [{ name: "a", value: Uint8Array.of(1) }]);
  client.delta("type.googleapis.com/unknown");
  assert.deepEqual(client.take(), ["com/unknown a"]);
});

Deno.test("settled() resolves when every response is answered; until() ends when the service closes", async () => {
  const { service, apply, clock } = start();
  apply(SERVICE);
  const client = new Client(service, "delta");
  client.delta(TYPE.cluster, { resourceNamesSubscribe: ["*"] });
  let settled = false;
  const done = service.settled().then(() => settled = true);
  await clock.advance(100);
  await Promise.resolve();
  assert.equal(settled, false);
  client.delta(TYPE.cluster, { responseNonce: client.lastNonce(TYPE.cluster) });
  await done;
  const never = service.until(() => false);
  service.close();
  await assert.rejects(never, /FakeIstiod was closed/);
  assert.equal(client.failure?.status, 14);
});

Deno.test("a delay holds every response back, in order", async () => {
  const { service, clock, faults } = start();
  faults.delayMs = 50;
  const client = new Client(service, "delta");
  client.delta(TYPE.cluster);
  client.delta(TYPE.listener);
  assert.equal(client.responses.length, 0);
  await clock.advance(50);
  assert.deepEqual(client.take().map((line) => line.split(" ")[0]), ["Cluster", "Listener"]);
});

Deno.test("syncz tells who is in step, within the caller's namespace", () => {
  const { service } = start();
  const nodeOf = (
    name: string,
    namespace: string,
    metadata: Record<string, string | object> = { PROXY_CONFIG: {} },
  ) => ({
    id: `sidecar~10.0.0.1~${name}.${namespace}~${namespace}.svc.cluster.local`,
    metadata: jsonToStruct({ NAMESPACE: namespace, ...(metadata as Record<string, string>) }),
  });
  const join = (name: string, namespace: string, metadata?: Record<string, string>) => {
    const client = new Client(service, "delta", { namespace, serviceAccount: "any" });
    client.delta(TYPE.cluster, { node: nodeOf(name, namespace, metadata) });
    return client;
  };
  const synced = join("a", "default");
  synced.delta(TYPE.cluster, { responseNonce: synced.lastNonce(TYPE.cluster) });
  join("b", "default");
  const refusing = join("c", "default");
  refusing.delta(TYPE.cluster, {
    responseNonce: refusing.lastNonce(TYPE.cluster),
    errorDetail: { code: 13, message: "no" },
  });
  join("hidden", "default", {});
  join("d", "other");
  const ask = (namespace: string) => {
    const statuses: string[] = [];
    const stream = service.open("delta", { namespace, serviceAccount: "any" }, {
      send: (message) => {
        const { resources } = decode("envoy.service.discovery.v3.DeltaDiscoveryResponse", message);
        for (const { resource } of resources ?? []) {
          const config = decode("envoy.service.status.v3.ClientConfig", resource!.value!);
          const clusters = config.genericXdsConfigs!.find((item) => item.typeUrl === TYPE.cluster)!;
          statuses.push(`${config.node!.id!.split("~")[2]} ${clusters.configStatus}`);
        }
      },
      fail: (error) => assert.fail(error),
    });
    const request = { node: nodeOf("istioctl", namespace, {}), typeUrl: "istio.io/debug/syncz" };
    stream.receive(encode("envoy.service.discovery.v3.DeltaDiscoveryRequest", request));
    return statuses;
  };
  assert.deepEqual(ask("default"), ["a.default SYNCED", "b.default STALE", "c.default ERROR"]);
  assert.deepEqual(ask("istio-system"), ["a.default SYNCED", "b.default STALE", "c.default ERROR", "d.other STALE"]);
});
