import assert from "node:assert/strict";
import { structToJson } from "../../lib/protobuf/well_known.ts";
import type { Bootstrap } from "../../lib/bootstrap/bootstrap.ts";
import { buildNode } from "../../lib/bootstrap/node.ts";
import type { WorkloadOptions } from "../../lib/bootstrap/join_options.ts";
import type { Workload } from "../../lib/bootstrap/workload.ts";
import { load, problemsOf } from "./fixture.ts";

const of = (workload: WorkloadOptions) => ({ options: { workload } });

/** Field, variable with a value, option with a value, and what the option gives. */
const FIELDS: readonly [keyof Workload, Record<string, string>, WorkloadOptions][] = [
  ["name", { POD_NAME: "pod-1" }, { name: "option-1" }],
  ["namespace", { POD_NAMESPACE: "ns-variable" }, { namespace: "ns-option" }],
  ["serviceAccount", { SERVICE_ACCOUNT: "sa.variable" }, { serviceAccount: "sa-option" }],
  ["workloadName", { ISTIO_META_WORKLOAD_NAME: "wl-variable" }, { workloadName: "wl-option" }],
  ["clusterId", { ISTIO_META_CLUSTER_ID: "west" }, { clusterId: "east" }],
  ["network", { ISTIO_META_NETWORK: "n1" }, { network: "n2" }],
  ["owner", { ISTIO_META_OWNER: "kubernetes://a" }, { owner: "kubernetes://b" }],
  ["nodeName", { ISTIO_META_NODE_NAME: "node-a" }, { nodeName: "node-b" }],
];

for (const [field, env, workload] of FIELDS) {
  Deno.test(`workload ${field}: variable, and the option over it`, async () => {
    assert.equal((await load({ env })).workload[field], Object.values(env)[0]);
    assert.equal((await load({ env, ...of(workload) })).workload[field], Object.values(workload)[0]);
  });
}

Deno.test("workload ips: INSTANCE_IP, INSTANCE_IPS, option", async () => {
  const ips = async (env: Record<string, string>, workload: WorkloadOptions = {}) =>
    (await load({ env, ...of(workload) })).workload.ips;
  assert.deepEqual(await ips({ INSTANCE_IP: "10.0.0.1" }), ["10.0.0.1"]);
  assert.deepEqual(await ips({ INSTANCE_IP: "10.0.0.1", INSTANCE_IPS: "10.0.0.2, fd00::2" }), ["10.0.0.2", "fd00::2"]);
  assert.deepEqual(await ips({ INSTANCE_IP: "10.0.0.1" }, { ips: ["fd00::3"] }), ["fd00::3"]);
});

Deno.test("labels: downward API, canonical variables, ISTIO_METAJSON_LABELS, options; names for the metrics", async () => {
  const { workload } = await load({
    files: { "/etc/istio/pod/labels": 'app="cart"\nnote="say \\"hi\\" \\x41\\u00e4"\nversion="v1"\n' },
    env: { CANONICAL_SERVICE: "shop-cart", ISTIO_METAJSON_LABELS: '{"tier":"web","version":"v2"}' },
    options: { workload: { labels: { version: "v3" } } },
  });
  assert.deepEqual(workload.labels, {
    app: "cart",
    note: 'say "hi" Aä',
    tier: "web",
    version: "v3",
    "service.istio.io/canonical-name": "shop-cart",
    "service.istio.io/canonical-revision": "v3",
  });
  assert.equal(workload.workloadName, "shop-cart");
  const bare = (await load()).workload;
  assert.deepEqual(bare.labels, {
    "security.istio.io/tlsMode": "istio",
    "service.istio.io/canonical-name": "cart-1",
    "service.istio.io/canonical-revision": "latest",
  });
});

Deno.test("without namespace the hint names what to set, and the flag where reading was not allowed", async () => {
  const [problem] = await problemsOf({ files: { "/var/run/secrets/kubernetes.io/serviceaccount/namespace": "" } });
  assert.equal(problem!.subject, "workload namespace");
  assert.match(problem!.message, /option 'workload\.namespace' nor variable 'POD_NAMESPACE'/);
});

function metadataOf(bootstrap: Bootstrap, localAddress = "") {
  return structToJson(buildNode(bootstrap, localAddress).metadata);
}

Deno.test("node: what istiod is told", async () => {
  const bootstrap = await load({
    env: {
      POD_NAME: "cart-1",
      SERVICE_ACCOUNT: "cart",
      INSTANCE_IPS: "10.0.0.1,fd00::1",
      ISTIO_META_WORKLOAD_NAME: "cart",
      ISTIO_META_OWNER: "kubernetes://apis/apps/v1/namespaces/shop/deployments/cart",
      ISTIO_META_DNS_CAPTURE: "true",
      ISTIO_METAJSON_EXTRA: '{"a":[1]}',
      PROXY_CONFIG: '{"concurrency":2}',
    },
    files: { "/etc/istio/pod/labels": 'app="cart"\n' },
  });
  const node = buildNode(bootstrap, "192.0.2.1");
  assert.equal(node.id, "sidecar~10.0.0.1~cart-1.shop~shop.svc.cluster.local");
  assert.equal(node.cluster, "cart.shop");
  assert.equal("locality" in node, false);
  assert.deepEqual(metadataOf(bootstrap), {
    CLUSTER_ID: "Kubernetes",
    DISABLE_HBONE_SEND: "true",
    DNS_CAPTURE: "true",
    EXTRA: { a: [1] },
    INSTANCE_IPS: "10.0.0.1,fd00::1",
    INTERCEPTION_MODE: "REDIRECT",
    ISTIO_VERSION: "1.31.0",
    LABELS: {
      app: "cart",
      "service.istio.io/canonical-name": "cart",
      "service.istio.io/canonical-revision": "latest",
    },
    MESH_ID: "cluster.local",
    NAME: "cart-1",
    NAMESPACE: "shop",
    OWNER: "kubernetes://apis/apps/v1/namespaces/shop/deployments/cart",
    PROXY_CONFIG: { concurrency: 2 },
    SERVICE_ACCOUNT: "cart",
    WORKLOAD_NAME: "cart",
  });
});

Deno.test("node: the address of the connection where there is no other; PROXY_CONFIG always", async () => {
  const bootstrap = await load();
  assert.equal(buildNode(bootstrap, "192.0.2.1").id, "sidecar~192.0.2.1~cart-1.shop~shop.svc.cluster.local");
  const metadata = metadataOf(bootstrap, "192.0.2.1");
  assert.equal(metadata.INSTANCE_IPS, "192.0.2.1");
  assert.deepEqual(metadata.PROXY_CONFIG, {});
});

Deno.test("node: nothing in the environment makes istiod send what enmesh cannot serve, or lies about who we are", async () => {
  const metadata = metadataOf(
    await load({
      env: {
        ISTIO_META_GENERATOR: "grpc",
        ISTIO_META_ENABLE_HBONE: "true",
        ISTIO_META_METADATA_DISCOVERY: "true",
        ISTIO_META_INTERCEPTION_MODE: "NONE",
        ISTIO_META_DISABLE_HBONE_SEND: "false",
        ISTIO_META_NAMESPACE: "other",
        ISTIO_META_SERVICE_ACCOUNT: "other",
      },
    }),
    "192.0.2.1",
  );
  assert.deepEqual(
    [metadata.GENERATOR, metadata.ENABLE_HBONE, metadata.METADATA_DISCOVERY, metadata.NETWORK],
    [undefined, undefined, undefined, undefined],
  );
  assert.deepEqual(
    [metadata.INTERCEPTION_MODE, metadata.DISABLE_HBONE_SEND, metadata.NAMESPACE, metadata.SERVICE_ACCOUNT],
    ["REDIRECT", "true", "shop", "default"],
  );
});

Deno.test("node: options for locality, revision, group, domain, mesh id, version and more metadata", async () => {
  const bootstrap = await load({
    env: { ISTIO_META_ISTIO_VERSION: "1.29.3" },
    options: {
      meshId: "mesh1",
      workload: {
        locality: "west/west-1",
        revision: "canary",
        autoRegisterGroup: "ledger",
        dnsDomain: "example.internal",
        metadata: { IDLE_TIMEOUT: "5s" },
      },
    },
  });
  const node = buildNode(bootstrap, "192.0.2.1");
  assert.equal(node.id, "sidecar~192.0.2.1~cart-1.shop~shop.svc.example.internal");
  assert.deepEqual(node.locality, { region: "west", zone: "west-1", subZone: "" });
  const metadata = metadataOf(bootstrap, "192.0.2.1");
  assert.deepEqual(
    ["ISTIO_REVISION", "AUTO_REGISTER_GROUP", "IDLE_TIMEOUT", "MESH_ID", "ISTIO_VERSION"].map((key) => metadata[key]),
    ["canary", "ledger", "5s", "mesh1", "1.29.3"],
  );
});
