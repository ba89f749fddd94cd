/** The same cluster in a real Envoy and in a mesh: the same request reaches the same place in the same way. */
import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import type { EnvoyConfigClusterV3Cluster as Cluster } from "../../lib/protobuf/gen/messages.ts";
import { packAny } from "../../lib/protobuf/registry.ts";
import { httpsServer, latin1 } from "../support/https_server.ts";
import { Mesh } from "../../mod.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { until } from "../support/until.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { assignment, listener, pushClusters, type PushedCluster } from "../support/pushed_cluster.ts";
import { TestCa } from "../support/test_ca.ts";
import { freePort, startEnvoy } from "./envoy.ts";
import { ADMIN } from "./http_listener.ts";
import { envoyJson } from "./envoy_json.ts";
import { type RunningIstiod, startIstiod } from "./istiod.ts";

const PROXY = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport";
const TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const DYNAMIC = "envoy.filters.http.dynamic_forward_proxy";
const CACHE = { name: "cache", dnsLookupFamily: "V4_ONLY" };

interface Answer {
  readonly status: number;
  readonly text: string;
}

interface Sent {
  readonly path?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Ask = (port: number, sent?: Sent) => Promise<Answer>;

/** Runs a test once against Envoy and once against a mesh, with the same clusters. */
async function both(
  pushed: readonly PushedCluster[],
  test: (ask: Ask, who: "envoy" | "enmesh") => Promise<void>,
): Promise<void> {
  const listeners = pushed.map((one) => {
    const made = listener(one).value;
    return { ...made, address: { socketAddress: { address: "127.0.0.1", portValue: one.port } } };
  });
  {
    await using envoy = await startEnvoy({
      node: { id: "clusters", cluster: "clusters" },
      admin: ADMIN,
      staticResources: {
        listeners: envoyJson(listeners),
        clusters: envoyJson([...new Map(pushed.flatMap(clustersOf).map((one) => [one.name, one])).values()]),
      },
    });
    assert.ok(envoy.pid > 0);
    await test(askEnvoy, "envoy");
  }
  await MeshRig.use(async (rig) => {
    const mesh = await rig.join("caller");
    await pushClusters(rig, pushed);
    await test(async (port, { path = "/", host, headers = {} } = {}) => {
      const response = await mesh.fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { ...headers, ...(host === undefined ? {} : { host }) },
      });
      return { status: response.status, text: await response.text() };
    }, "enmesh");
  });
}

function clustersOf({ cluster, more = [] }: PushedCluster): readonly Cluster[] {
  return [cluster, ...more];
}

/** By hand, for `fetch` chooses the host header itself. */
const askEnvoy: Ask = async (port, { path = "/", host = `127.0.0.1:${port}`, headers = {} } = {}) => {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = Object.entries({ host, connection: "close", ...headers }).map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  await connection.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`));
  const whole = await new Response(connection.readable).text();
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(whole)?.[1]);
  return { status, text: whole.slice(whole.indexOf("\r\n\r\n") + 4).replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, "") };
};

interface Plain {
  readonly port: number;
  readonly seen: { bytes: string; remotePort: number }[];
  close(): Promise<void>;
}

/** Answers the first bytes of each connection with its name. */
async function plainServer(name: string): Promise<Plain> {
  const seen: Plain["seen"] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes: Uint8Array) => {
      seen.push({ bytes: latin1(bytes), remotePort: socket.remotePort! });
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${name.length}\r\n\r\n${name}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function plain(name: string, type: string, address: string, port: number, more: Partial<Cluster> = {}): Cluster {
  return { name, type, loadAssignment: assignment(name, [address, port]), dnsLookupFamily: "V4_ONLY", ...more };
}

Deno.test("PROXY headers are the same bytes, but for the caller's port", async () => {
  const server = await plainServer("proxied");
  const transport = (version: string) => ({
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    typedConfig: packAny(PROXY, {
      config: { version },
      transportSocket: {
        name: "envoy.transport_sockets.raw_buffer",
        typedConfig: packAny("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer", {}),
      },
    }),
  });
  const ports = { V1: freePort(), V2: freePort() };
  const pushed = (["V1", "V2"] as const).map((version) => ({
    port: ports[version],
    cluster: plain(version, "STATIC", "127.0.0.1", server.port, { transportSocket: transport(version) }),
  }));
  const headers: Record<string, string[]> = { envoy: [], enmesh: [] };
  await both(pushed, async (ask, who) => {
    assert.equal((await ask(ports.V1)).text, "proxied");
    const first = server.seen.pop()!.bytes;
    headers[who]!.push(first.slice(0, first.indexOf("\r\n") + 2).replace(/ \d+ (\d+)\r\n$/, " PORT $1\r\n"));
    assert.equal((await ask(ports.V2)).text, "proxied");
    const second = server.seen.pop()!.bytes;
    headers[who]!.push(`${second.slice(0, 24)}PORT${second.slice(26, 28)}`);
    assert.ok(second.slice(28).startsWith("GET / HTTP/1.1\r\n"));
  });
  assert.deepEqual(headers["enmesh"], headers["envoy"]);
  await server.close();
});

Deno.test("Names: STRICT_DNS, LOGICAL_DNS, an aggregate of an empty cluster and one that serves, and no name at all", async () => {
  const server = await plainServer("named");
  const [strict, logical, aggregate, nowhere] = [freePort(), freePort(), freePort(), freePort()];
  const empty: Cluster = { name: "empty", type: "STATIC" };
  const serving = plain("serving", "STATIC", "127.0.0.1", server.port);
  const pushed: PushedCluster[] = [
    { port: strict, cluster: plain("strict", "STRICT_DNS", "localhost", server.port) },
    { port: logical, cluster: plain("logical", "LOGICAL_DNS", "localhost", server.port) },
    { port: nowhere, cluster: plain("nowhere", "STRICT_DNS", "no-such-host.invalid", server.port) },
    {
      port: aggregate,
      cluster: {
        name: "aggregate",
        lbPolicy: "CLUSTER_PROVIDED",
        clusterType: {
          name: "envoy.clusters.aggregate",
          typedConfig: packAny("envoy.extensions.clusters.aggregate.v3.ClusterConfig", {
            clusters: ["empty", "serving"],
          }),
        },
      },
      more: [empty, serving],
    },
  ];
  await both(pushed, async (ask, who) => {
    for (const port of [strict, logical, aggregate]) {
      assert.deepEqual(await ask(port), { status: 200, text: "named" }, `${who} ${port}`);
    }
    assert.equal((await ask(nowhere)).status, 503, who);
  });
  await server.close();
});

Deno.test("An aggregate whose first cluster is half healthy keeps 70 percent there", async () => {
  const [first, second] = [await plainServer("first"), await plainServer("second")];
  const port = freePort();
  const half = plain("half", "STATIC", "127.0.0.1", first.port);
  half.loadAssignment!.endpoints![0]!.lbEndpoints!.push({
    endpoint: { address: { socketAddress: { address: "127.0.0.2", portValue: first.port } } },
    healthStatus: "UNHEALTHY",
  });
  const other = plain("other", "STATIC", "127.0.0.1", second.port);
  const pushed: PushedCluster[] = [{
    port,
    cluster: {
      name: "aggregate",
      lbPolicy: "CLUSTER_PROVIDED",
      clusterType: {
        name: "envoy.clusters.aggregate",
        typedConfig: packAny("envoy.extensions.clusters.aggregate.v3.ClusterConfig", { clusters: ["half", "other"] }),
      },
    },
    more: [half, other],
  }];
  await both(pushed, async (ask, who) => {
    let stayed = 0;
    for (let i = 0; i < 400; i++) if ((await ask(port)).text === "first") stayed++;
    // Five standard deviations.
    assert.ok(Math.abs(stayed - 280) < 46, `${who}: ${stayed} of 400 stayed`);
  });
  await Promise.all([first.close(), second.close()]);
});

Deno.test("A dynamic forward proxy: the host of the request, rewritten or not, unknown or empty of sense", async () => {
  const server = await plainServer("dynamic");
  const port = freePort();
  const typedConfig = packAny("envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig", {
    dnsCacheConfig: CACHE,
  });
  const pushed: PushedCluster[] = [{
    port,
    cluster: {
      name: "dynamic",
      lbPolicy: "CLUSTER_PROVIDED",
      clusterType: {
        name: "envoy.clusters.dynamic_forward_proxy",
        typedConfig: packAny("envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig", {
          dnsCacheConfig: CACHE,
        }),
      },
    },
    filters: [{ name: DYNAMIC, typedConfig }],
    perFilterConfig: {
      [DYNAMIC]: packAny("envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig", {
        hostRewriteHeader: "x-host",
      }),
    },
  }];
  const requests: Sent[] = [
    { host: `localhost:${server.port}` },
    { host: `LOCALHOST:${server.port}` },
    { host: `127.0.0.1:${server.port}` },
    { host: "no-such-host.invalid" },
    { host: "no-such-host.invalid", path: "/rewritten", headers: { "x-host": `localhost:${server.port}` } },
    { host: `localhost:${server.port}`, path: "/rewritten" },
    { host: `localhost:${server.port}`, headers: { "x-host": "no-such-host.invalid" } },
  ];
  const outcomes: Record<string, unknown[]> = { envoy: [], enmesh: [] };
  await both(pushed, async (ask, who) => {
    for (const sent of requests) {
      const { status, text } = await ask(port, sent);
      const host = /\r\nhost: ([^\r]*)/i.exec(server.seen.pop()?.bytes ?? "")?.[1] ?? null;
      outcomes[who]!.push(status === 200 ? [status, text, host] : [status]);
    }
  });
  assert.deepEqual(outcomes["enmesh"], outcomes["envoy"]);
  assert.deepEqual(outcomes["envoy"]!.map((outcome) => (outcome as unknown[])[0]), [200, 200, 200, 503, 200, 200, 200]);
  await server.close();
});

Deno.test("ORIGINAL_DST by header: only where it is used, only addresses, with the port overridden", async () => {
  const [one, two] = [await plainServer("one"), await plainServer("two")];
  const [unused, used, named, overridden] = [freePort(), freePort(), freePort(), freePort()];
  const original = (name: string, originalDstLbConfig: Cluster["originalDstLbConfig"]): Cluster => ({
    name,
    type: "ORIGINAL_DST",
    lbPolicy: "CLUSTER_PROVIDED",
    originalDstLbConfig: originalDstLbConfig!,
  });
  const pushed: PushedCluster[] = [
    { port: unused, cluster: original("unused", {}) },
    { port: used, cluster: original("used", { useHttpHeader: true }) },
    { port: named, cluster: original("named", { useHttpHeader: true, httpHeaderName: "x-where" }) },
    {
      port: overridden,
      cluster: original("overridden", { useHttpHeader: true, upstreamPortOverride: { value: two.port } }),
    },
  ];
  const where = `127.0.0.1:${one.port}`;
  const cases: [number, string, string, string | 503][] = [
    [unused, "x-envoy-original-dst-host", where, 503],
    [used, "x-envoy-original-dst-host", where, "one"],
    [used, "x-envoy-original-dst-host", `localhost:${one.port}`, 503],
    [used, "x-envoy-original-dst-host", "127.0.0.1", 503],
    [named, "x-where", where, "one"],
    [named, "x-envoy-original-dst-host", where, 503],
    [overridden, "x-envoy-original-dst-host", where, "two"],
  ];
  await both(pushed, async (ask, who) => {
    for (const [port, name, value, expected] of cases) {
      const { status, text } = await ask(port, { headers: { [name]: value } });
      // Nothing listens at the original destination: Envoy has none, a mesh has the port nobody serves.
      assert.equal(status === 200 ? text : status, expected, `${who} ${name}: ${value} at ${port}`);
    }
  });
  await Promise.all([one.close(), two.close()]);
});

Deno.test("TLS origination: server names that are sent and names that are expected", async () => {
  const ca = await TestCa.create();
  const certificate = await ca.issue({ uris: [], dns: ["localhost", "outside.example"] });
  const server = await httpsServer({ certificate: () => certificate });
  const other = await TestCa.create("O=other");
  const tls = (context: { sni?: string; sans?: string[]; roots?: string; none?: boolean }, auto: boolean) => ({
    transportSocket: {
      name: "envoy.transport_sockets.tls",
      typedConfig: packAny(TLS, {
        ...(context.sni === undefined ? {} : { sni: context.sni }),
        commonTlsContext: {
          validationContext: context.none ? {} : {
            trustedCa: { inlineString: context.roots ?? ca.root },
            matchTypedSubjectAltNames: (context.sans ?? []).map((exact) => ({ sanType: "DNS", matcher: { exact } })),
          },
        },
      }),
    },
    typedExtensionProtocolOptions: {
      [HTTP_OPTIONS]: packAny(HTTP_OPTIONS, {
        explicitHttpConfig: { httpProtocolOptions: {} },
        upstreamHttpProtocolOptions: { autoSni: auto, autoSanValidation: auto },
      }),
    },
  });
  const variants: Partial<Cluster>[] = [
    tls({ sni: "outside.example" }, false),
    tls({ sni: "outside.example", sans: ["outside.example"] }, false),
    tls({ sni: "outside.example", sans: ["inside.example"] }, false),
    tls({ roots: other.root }, false),
    tls({ none: true }, false),
    tls({ sni: "outside.example" }, true),
  ];
  const pushed: PushedCluster[] = variants.map((variant, index) => ({
    port: freePort(),
    cluster: plain(`tls-${index}`, "STATIC", "127.0.0.1", server.port, variant),
  }));
  const outcomes: Record<string, unknown[]> = { envoy: [], enmesh: [] };
  await both(pushed, async (ask, who) => {
    for (const { port } of pushed) {
      for (const host of ["localhost", "wrong.example"]) {
        const { status, text } = await ask(port, { host });
        outcomes[who]!.push([status, status === 200 ? JSON.parse(text).sni : null]);
      }
    }
  });
  assert.deepEqual(outcomes["enmesh"], outcomes["envoy"]);
  assert.ok(new Set(outcomes["envoy"]!.map((outcome) => (outcome as unknown[])[0])).size > 1);
  await server.close();
});

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("Circuit breakers: how many of twelve requests under way are refused, by priority", async () => {
  const held: (() => void)[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async () => {
    await new Promise<void>((resolve) => held.push(resolve));
    return new Response("held");
  });
  const ports = [freePort(), freePort(), freePort(), freePort(), freePort()] as const;
  const [connections, pending, high, requests, requests2] = ports;
  const limits = (name: string, thresholds: object[], more: Partial<Cluster> = {}): Cluster =>
    plain(name, "STATIC", "127.0.0.1", server.addr.port, { circuitBreakers: { thresholds }, ...more });
  const http2: Partial<Cluster> = {
    typedExtensionProtocolOptions: {
      [HTTP_OPTIONS]: packAny(HTTP_OPTIONS, { explicitHttpConfig: { http2ProtocolOptions: {} } }),
    },
  };
  const pushed: PushedCluster[] = [
    { port: connections, cluster: limits("c", [{ maxConnections: { value: 3 }, maxPendingRequests: { value: 2 } }]) },
    { port: pending, cluster: limits("p", [{ maxConnections: { value: 4 }, maxPendingRequests: { value: 5 } }]) },
    {
      port: high,
      cluster: limits("h", [
        { maxConnections: { value: 1 }, maxPendingRequests: { value: 1 } },
        { priority: "HIGH", maxConnections: { value: 6 }, maxPendingRequests: { value: 4 } },
      ]),
      action: { priority: "HIGH" },
    },
    { port: requests, cluster: limits("r", [{ maxRequests: { value: 3 } }]) },
    { port: requests2, cluster: limits("r2", [{ maxRequests: { value: 5 } }], http2) },
  ];
  const refused: Record<string, number[]> = { envoy: [], enmesh: [] };
  await both(pushed, async (ask, who) => {
    for (const { port } of pushed) {
      let over = 0;
      let answered = 0;
      const answers: Promise<void>[] = [];
      for (let i = 0; i < 12; i++) {
        const settled = held.length + over;
        answers.push(
          ask(port).then(({ status }) => {
            answered++;
            if (status === 503) over++;
          }),
        );
        // One after the other, for what is refused depends on what has a connection by then. A request that waits for
        // one shows nowhere: that is what the deadline is for.
        const deadline = performance.now() + 150;
        while (held.length + over === settled && performance.now() < deadline) await pause();
      }
      // What is held is let go, and what waited arrives then.
      while (answered < 12) {
        held.shift()?.();
        await pause();
      }
      await Promise.all(answers);
      refused[who]!.push(over);
    }
  });
  assert.deepEqual(refused["envoy"], [7, 3, 2, 9, 7]);
  assert.deepEqual(refused["enmesh"], refused["envoy"]);
  await server.shutdown();
});

/** A workload of a real istiod. */
async function join(istiod: RunningIstiod): Promise<Mesh> {
  const workload = { name: "caller", namespace: "default", serviceAccount: "caller", ips: ["127.0.0.1"] };
  return await Mesh.join({
    discoveryAddress: istiod.discoveryAddress,
    caAddress: istiod.discoveryAddress,
    rootCertificates: istiod.root,
    token: () => istiod.token(workload.namespace, workload.serviceAccount),
    workload: { ...workload, labels: { app: "caller" }, clusterId: "Kubernetes" },
    env: {},
    besideSidecar: true,
    logger: silentLogger,
    admin: false,
    statusPort: false,
    readinessPort: false,
    prometheusPort: false,
  });
}

const CALLER = `
apiVersion: v1
kind: Pod
metadata: { name: caller, namespace: default, labels: { app: caller } }
spec: { serviceAccountName: caller, containers: [{ name: app, image: app }] }
status: { phase: Running, podIP: 127.0.0.1, podIPs: [{ ip: 127.0.0.1 }] }
`;

Deno.test("istiod's ALLOW_ANY_DYNAMIC_DNS: unknown hosts are gone to by the name in the request", async () => {
  const server = await plainServer("dynamic");
  {
    await using istiod = await startIstiod({
      objects: CALLER,
      mesh: "outboundTrafficPolicy: { mode: ALLOW_ANY_DYNAMIC_DNS }",
    });
    await using mesh = await join(istiod);
    const response = await mesh.fetch(`http://localhost:${server.port}/`);
    assert.equal(await response.text(), "dynamic");
    assert.ok(mesh.snapshot.clusters.includes("AllowAnyDynamicDNSCluster"), mesh.snapshot.clusters.join());
    assert.match(mesh.metrics(), /destination_service="localhost/);
    const lost = await mesh.fetch("http://no-such-host.invalid/");
    assert.equal(lost.status, 503);
    assert.match(await lost.text(), /no-such-host/);
  }
  await server.close();
});

Deno.test("istiod's DestinationRule with proxyProtocol: the header names the caller and the address of the ServiceEntry", async () => {
  const server = await plainServer("ruled");
  {
    await using istiod = await startIstiod({
      objects: CALLER,
      configs: `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside, namespace: default }
spec:
  hosts: [outside.example]
  addresses: [240.1.1.1]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  location: MESH_EXTERNAL
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { http: ${server.port} } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: outside, namespace: default }
spec:
  host: outside.example
  trafficPolicy:
    proxyProtocol: { version: V1 }
    retryBudget: { percent: 30, minRetryConcurrency: 7 }
    connectionPool: { tcp: { tcpKeepalive: { time: 60s } }, http: { idleTimeout: 30s } }
`,
    });
    await using mesh = await join(istiod);
    await until("the cluster is there", () => mesh.snapshot.clusters.includes("outbound|80||outside.example"));
    const response = await mesh.fetch("http://outside.example/");
    assert.equal(await response.text(), "ruled");
    assert.match(server.seen.pop()!.bytes, /^PROXY TCP4 127\.0\.0\.1 240\.1\.1\.1 \d+ 80\r\nGET \/ HTTP\/1\.1\r\n/);
  }
  await server.close();
});

Deno.test("istiod's credentialName: fails closed without the Secret, works once it is there, and follows its rotation", async () => {
  const [ca, clientCa] = await Promise.all([TestCa.create(), TestCa.create("O=clients")]);
  const certificate = await ca.issue({ uris: [], dns: ["outside.example"] });
  const server = await httpsServer({ certificate: () => certificate, clientRoots: clientCa.bundle() });
  const secret = async (client: string) => {
    const { chain, key } = await clientCa.issue({ uris: [], dns: [client] });
    const data = { "tls.crt": btoa(chain), "tls.key": btoa(key), "ca.crt": btoa(ca.root) };
    const metadata = { name: "outside", namespace: "default" };
    return JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata, type: "kubernetes.io/tls", data });
  };
  {
    await using istiod = await startIstiod({
      objects: CALLER,
      configs: `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside, namespace: default }
spec:
  hosts: [outside.example]
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${server.port} }]
  location: MESH_EXTERNAL
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: outside, namespace: default }
spec:
  host: outside.example
  workloadSelector: { matchLabels: { app: caller } }
  trafficPolicy:
    tls: { mode: MUTUAL, credentialName: outside, sni: outside.example }
    connectionPool: { http: { maxRequestsPerConnection: 1 } }
`,
    });
    await using mesh = await join(istiod);
    await until("the cluster is there", () => mesh.snapshot.clusters.includes("outbound|80||outside.example"));
    const ask = async () => {
      const response = await mesh.fetch("http://outside.example/");
      return { status: response.status, text: await response.text() };
    };
    const before = await ask();
    assert.equal(before.status, 503);
    assert.match(before.text, /certificate 'kubernetes:\/\/outside' has not arrived/);
    assert.equal(server.seen.length, 0);
    for (const client of ["first.example", "second.example"]) {
      await istiod.apply(await secret(client));
      await until(`the server sees ${client}`, async () => {
        const { status, text } = await ask();
        return status === 200 && String(JSON.parse(text).client).includes(client);
      });
    }
    const { status, text } = await ask();
    assert.equal(status, 200);
    assert.equal(JSON.parse(text).sni, "outside.example");
  }
  await server.close();
});
