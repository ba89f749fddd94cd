/**
 * One story of a mesh, told to any control plane: FakeIstiod in the ordinary tests, a real istiod in the interop task.
 * Join by token, first request, live PeerAuthentication, endpoints coming and going, the control plane away.
 */
import { peerAuthentication } from "./peer_authentication.ts";
import assert from "node:assert/strict";
import { type JoinOptions, type Logger, Mesh, type MeshServer } from "../../mod.ts";
import { until } from "./until.ts";

/** What the story needs of a control plane. */
export interface ControlPlane {
  readonly discoveryAddress: string;
  readonly rootCertificates: string;
  token(namespace: string, serviceAccount: string): Promise<string>;
  apply(yaml: string): Promise<void> | void;
  delete(yaml: string): Promise<void> | void;
  /** Ends it as a crash would. */
  crash(): Promise<void>;
  /** Starts it again with what was applied, at the same address. */
  restart(): Promise<void>;
}

const quiet: Logger = { log: () => {} };

function options(plane: ControlPlane, name: string, token: string, ip: string): JoinOptions {
  return {
    discoveryAddress: plane.discoveryAddress,
    rootCertificates: plane.rootCertificates,
    token,
    workload: {
      name: `${name}-1`,
      namespace: "default",
      serviceAccount: name,
      ips: [ip],
      labels: { app: name, "service.istio.io/canonical-name": name, "security.istio.io/tlsMode": "istio" },
    },
    env: {},
    admin: false,
    statusPort: false,
    readinessPort: false,
    prometheusPort: false,
    besideSidecar: true,
    logger: quiet,
  };
}

/** Addresses of the two replicas of `echo`: istiod tells endpoints of a Service apart by address. */
const REPLICAS = { first: "127.0.0.1", second: "127.0.0.2" } as const;

/** The Service `echo` with a Pod for each replica. */
export function echoService(targetPort: number): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: echo, namespace: default }
spec:
  clusterIP: 10.96.7.1
  clusterIPs: [10.96.7.1]
  selector: { app: echo }
  type: ClusterIP
  ports: [{ name: http, port: 80, targetPort: ${targetPort}, protocol: TCP }]
${Object.entries(REPLICAS).map(([name, ip]) => echoPod(name, ip)).join("")}`;
}

function echoPod(name: string, ip: string): string {
  return `---
apiVersion: v1
kind: Pod
metadata:
  name: echo-${name}
  namespace: default
  labels: { app: echo, security.istio.io/tlsMode: istio, service.istio.io/canonical-name: echo }
spec: { serviceAccountName: echo, containers: [{ name: app, image: example.test/app }] }
status:
  phase: Running
  podIP: ${ip}
  podIPs: [{ ip: ${ip} }]
  conditions: [{ type: Ready, status: "True" }]
`;
}

/** An EndpointSlice of the Service `echo` with one of its replicas. */
export function echoEndpoints(port: number, replica: keyof typeof REPLICAS = "first"): string {
  return `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: echo-${replica}, namespace: default, labels: { kubernetes.io/service-name: echo } }
addressType: IPv4
endpoints:
  - addresses: ["${REPLICAS[replica]}"]
    conditions: { ready: true, serving: true, terminating: false }
    targetRef: { kind: Pod, name: echo-${replica}, namespace: default }
ports: [{ name: http, port: ${port}, protocol: TCP }]
`;
}

/** Whether a plaintext request from outside of the mesh is served. */
async function plaintextServed(server: MeshServer): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${server.addr.port}/`, { headers: { connection: "close" } });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

/** Asks over and over, four at a time; one failed request fails `stop`, which tells how many were answered. */
function startLoad(ask: (body: string) => Promise<unknown>): { answered(): number; stop(): Promise<number> } {
  let running = true;
  let answered = 0;
  const load = Promise.all(Array.from({ length: 4 }, async () => {
    while (running) {
      await ask("load");
      answered++;
    }
  }));
  load.catch(() => {});
  return {
    answered: () => answered,
    async stop() {
      running = false;
      await load;
      return answered;
    },
  };
}

/** Tells the story; each chapter is a step of the test. */
export async function endToEnd(t: Deno.TestContext, plane: ControlPlane): Promise<void> {
  const callerToken = await plane.token("default", "caller");
  const echoToken = await plane.token("default", "echo");
  const meshes: Mesh[] = [];
  // A story that has gone wrong is not told to its end: later chapters would only wait in vain.
  const chapter = async (title: string, act: () => Promise<void>) => {
    if (!await t.step(title, act)) throw new Error(`The story ended at '${title}'`);
  };
  const join = async (name: string, token: string, ip = "127.0.0.3") => {
    const mesh = await Mesh.join(options(plane, name, token, ip));
    meshes.push(mesh);
    return mesh;
  };
  try {
    // The mesh names the target port 7000; both replicas listen where the system lets them and say meshPort.
    await plane.apply(echoService(7000));
    let caller!: Mesh;
    let first!: MeshServer;
    let second!: MeshServer;
    const serve = async (name: keyof typeof REPLICAS) => {
      const mesh = await join("echo", echoToken, REPLICAS[name]);
      return await mesh.serve(
        { port: 0, hostname: REPLICAS[name], meshPort: 7000, onListen: () => {} },
        async (request, info) =>
          Response.json({ name, peer: info.peer?.principal ?? null, body: await request.text() }),
      );
    };
    const ask = async (body = "") => {
      const response = await caller.fetch("http://echo.default/", { method: "POST", body });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      return JSON.parse(text) as { name: string; peer: string | null; body: string };
    };

    await chapter("workloads join with a token and get an identity", async () => {
      first = await serve("first");
      await plane.apply(echoEndpoints(first.addr.port));
      caller = await join("caller", callerToken);
      assert.equal(caller.identity.spiffeId, "spiffe://cluster.local/ns/default/sa/caller");
      assert.ok(caller.identity.notAfter > Date.now());
    });

    await chapter("a request arrives over mutual TLS, with the caller's principal", async () => {
      await until("the first endpoint answers", async () => {
        const response = await caller.fetch("http://echo.default/", { method: "POST", body: "warm" });
        await response.body?.cancel();
        return response.status === 200;
      });
      assert.deepEqual(await ask("hello"), {
        name: "first",
        peer: "spiffe://cluster.local/ns/default/sa/caller",
        body: "hello",
      });
      assert.equal(await plaintextServed(first), true, "PERMISSIVE serves plaintext");
    });

    await chapter("STRICT refuses plaintext from the next connection on, PERMISSIVE serves it again", async () => {
      const load = startLoad(ask);
      await plane.apply(peerAuthentication("STRICT"));
      await until("plaintext is refused", async () => !await plaintextServed(first));
      await plane.apply(peerAuthentication("PERMISSIVE"));
      await until("plaintext is served", () => plaintextServed(first));
      assert.ok(await load.stop() > 0, "requests of the mesh notice nothing");
    });

    await chapter("an endpoint that comes gets requests, one that goes gets none", async () => {
      second = await serve("second");
      await plane.apply(echoEndpoints(second.addr.port, "second"));
      await until("the second endpoint answers", async () => (await ask()).name === "second");
      await plane.delete(echoEndpoints(second.addr.port, "second"));
      await until("only the first endpoint answers", async () => {
        const names = new Set((await Promise.all(Array.from({ length: 20 }, () => ask()))).map(({ name }) => name));
        return names.size === 1 && names.has("first");
      });
    });

    await chapter("the control plane goes and comes back under load without one failed request", async () => {
      const load = startLoad(ask);
      for (const act of [() => plane.crash(), () => plane.restart()]) {
        await act();
        const answered = load.answered();
        await until("requests go on", () => load.answered() > answered + 50);
      }
      // The meshes follow the new one: a change made after the restart arrives.
      await plane.apply(echoEndpoints(second.addr.port, "second"));
      await until("the second endpoint answers again", async () => (await ask()).name === "second");
      await load.stop();
    });
  } finally {
    for (const mesh of meshes) await mesh.close();
    for (const mesh of meshes) assert.equal(mesh.openHandles, 0, "a closed mesh holds something open");
  }
}
