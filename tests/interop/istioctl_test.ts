/**
 * `istioctl proxy-config` on what enmesh shows of itself, beside the same on a real Envoy that the same control plane
 * configures as the same workload: the tables are the same.
 */
import assert from "node:assert/strict";
import { loadBootstrap } from "../../lib/bootstrap/bootstrap.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { MeshRuntime } from "../../lib/mesh_runtime.ts";
import { FakeIstiod, type FakeWorkload } from "../../lib/testing/mod.ts";
import { TYPE } from "../support/mesh_rig.ts";
import { until } from "../support/until.ts";
import { Cases } from "./cases.ts";
import { proxyConfig } from "./istioctl.ts";
import { acceptLines, acceptRows, compareDumps } from "./istioctl_differences.ts";
import { plainCluster, plainListener } from "./plain_envoy.ts";
import { startSidecar } from "./sidecar.ts";

const cases = new Cases("istioctl");
cases.reportAtEnd();

const SERVICES = ["web", "cart", "reviews"].map((name, index) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec:
  clusterIP: 10.96.7.${index + 1}
  selector: { app: ${name} }
  ports: [{ name: http, port: 80, targetPort: 8080 }, { name: grpc-api, port: 9000 }, { name: tcp-raw, port: 7000 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-a, namespace: shop, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
endpoints:
  - { addresses: [10.1.0.${
  index + 1
}], conditions: { ready: true }, targetRef: { kind: Pod, name: ${name}-1, namespace: shop } }
  - { addresses: [10.1.1.${index + 1}], conditions: { ready: true }, zone: z2 }
ports: [{ name: http, port: 8080 }, { name: grpc-api, port: 9000 }, { name: tcp-raw, port: 7000 }]
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}-1, namespace: shop, labels: { app: ${name}, version: v1, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: ${name} }
status: { podIP: 10.1.0.${index + 1} }
`).join("---");

const POLICY = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: shop }
spec:
  host: reviews
  trafficPolicy:
    connectionPool: { tcp: { maxConnections: 7 }, http: { http1MaxPendingRequests: 3, maxRequestsPerConnection: 2 } }
    outlierDetection: { consecutive5xxErrors: 3, interval: 5s, baseEjectionTime: 30s }
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: shop }
spec:
  hosts: [reviews]
  http:
    - name: testers
      match: [{ headers: { end-user: { exact: jason } }, uri: { prefix: /v2 } }, { uri: { regex: "/r/[0-9]+" } }]
      route: [{ destination: { host: reviews, subset: v2 } }]
      timeout: 3s
      retries: { attempts: 4, perTryTimeout: 1s, retryOn: 5xx }
    - match: [{ uri: { exact: /old } }]
      redirect: { uri: /new }
    - name: split
      match: [{ method: { exact: POST } }]
      route:
        - { destination: { host: reviews, subset: v1 }, weight: 90 }
        - { destination: { host: reviews, subset: v2 }, weight: 10 }
      rewrite: { uri: / }
    - route: [{ destination: { host: reviews, subset: v1 } }]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: shop }
spec: { mtls: { mode: STRICT } }
`;

/** The text of an admin page. */
async function page(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}

/** How many resources of each kind are in use. */
async function sizes(admin: string): Promise<string> {
  const { configs } = JSON.parse(await page(`${admin}/config_dump`));
  const lists = ["dynamic_active_clusters", "dynamic_listeners", "dynamic_route_configs", "dynamic_active_secrets"];
  return JSON.stringify(lists.map((list) => configs.find((section: object) => list in section)?.[list].length ?? 0));
}

/** Joins without serving anything; tests see its secrets. */
async function join(options: FakeWorkload, admin: { hostname: string; port: number } | false): Promise<MeshRuntime> {
  const bootstrap = await loadBootstrap({ ...options, besideSidecar: true, admin, logger: silentLogger });
  const runtime = new MeshRuntime({ bootstrap, logger: silentLogger, clock: systemClock, random: Math.random });
  await runtime.join(null);
  return runtime;
}

/** Replaces what the control plane makes for a workload by what any Envoy understands. */
async function pushPlain(istiod: FakeIstiod, options: FakeWorkload): Promise<void> {
  const runtime = await join(options, false);
  const { store } = runtime;
  const plain = (kind: "cluster" | "listener", change: (bytes: Uint8Array) => Uint8Array) =>
    Array.from(store.records.list(kind), ({ name, active }) => ({ name, value: change(active!.bytes) }));
  istiod.push(TYPE.cluster, plain("cluster", plainCluster));
  istiod.push(TYPE.listener, plain("listener", plainListener));
  await istiod.settled();
  await runtime.close({ drain: 0 });
}

Deno.test(
  "istioctl prints the same tables of enmesh and of Envoy",
  { sanitizeOps: false, sanitizeResources: false },
  async (t) => {
    await using istiod = await FakeIstiod.start();
    istiod.apply(`${SERVICES}---${POLICY}`);
    const options = istiod.workload({
      name: "web-1",
      namespace: "shop",
      serviceAccount: "web",
      ip: "10.1.0.1",
      labels: { app: "web", "security.istio.io/tlsMode": "istio" },
    });
    await pushPlain(istiod, options);
    const mesh = await join(options, { hostname: "127.0.0.1", port: 0 });
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => mesh.close({ drain: 0 }));
    const ours = `http://127.0.0.1:${mesh.ports.admin}`;
    const { node } = JSON.parse(await page(`${ours}/server_info`));
    const { chain, key } = mesh.secrets.certificate("default")!;
    const envoy = cleanup.use(await startSidecar(istiod, { ...node, chain, key, roots: istiod.rootCertificates }));
    const theirs = envoy.admin;
    await until("Envoy has what enmesh has", async () => await sizes(theirs) === await sizes(ours), 20_000)
      .catch(async (error) => {
        throw new Error(`${error}: enmesh ${await sizes(ours)}, Envoy ${await sizes(theirs)}\n${envoy.log()}`);
      });

    const dumps = {
      ours: await page(`${ours}/config_dump?include_eds=true`),
      theirs: await page(`${theirs}/config_dump?include_eds=true`),
    };
    const clusters = {
      ours: await page(`${ours}/clusters?format=json`),
      theirs: await page(`${theirs}/clusters?format=json`),
    };
    for (const table of ["listener", "route", "cluster", "endpoint", "eds", "secret"] as const) {
      await cases.run(t, `proxy-config ${table}`, async () => {
        const from = table === "endpoint" ? clusters : dumps;
        const [a, b] = [await proxyConfig(table, from.ours), await proxyConfig(table, from.theirs)];
        assert.ok(acceptRows(table, a).length > 1, a);
        assert.deepEqual(acceptRows(table, a), acceptRows(table, b));
      });
    }
    await cases.run(t, "proxy-config bootstrap", async () => {
      const node = async (dump: string) => JSON.parse(await proxyConfig("bootstrap", dump)).bootstrap.node;
      const [a, b] = [await node(dumps.ours), await node(dumps.theirs)];
      assert.deepEqual([a.id, a.cluster, a.metadata], [b.id, b.cluster, b.metadata]);
    });
    await cases.run(t, "proxy-config ecds: neither has an extension of its own", async () => {
      for (const dump of Object.values(dumps)) await assert.rejects(proxyConfig("ecds", dump), /EcdsConfigDump/);
    });
    for (const path of ["/listeners", "/clusters", "/certs", "/config_dump?resource=dynamic_listeners&mask=name"]) {
      await cases.run(t, `${path} answers the same`, async () => {
        const lines = async (admin: string) => acceptLines(await page(`${admin}${path}`));
        assert.deepEqual(await lines(ours), await lines(theirs));
      });
    }
    await cases.run(t, "the dumps hold the same, member by member", () => {
      const differences = compareDumps(JSON.parse(dumps.ours), JSON.parse(dumps.theirs));
      assert.deepEqual(differences, []);
      return Promise.resolve();
    });
  },
);
