import { clientSidecar, serverSidecar } from "../../interop/envoy_config.ts";
import { freePort, startEnvoy } from "../../interop/envoy.ts";
import type { FakeIstiod } from "../../../lib/testing/mod.ts";
import type { JoinOptions } from "../../../mod.ts";
import { cpuMicroseconds, pssMiB } from "../proc.ts";
import type { LoadOrder, LoadResult } from "./load.ts";

/** What one run on a path cost. */
export interface Measured extends LoadResult {
  /** CPU microseconds a request, all processes of the path together. */
  readonly cpu: number;
  /** Requests a second. */
  readonly rate: number;
}

/** One way from a client to a server: processes that are measured together. */
export interface Path extends AsyncDisposable {
  readonly name: string;
  run(order: LoadOrder): Promise<Measured>;
  /** Memory of all its processes. */
  memoryMiB(): number;
}

/** What paths need of the bench. */
export interface Ground {
  readonly istiod: FakeIstiod;
  /** Certificate files of the mesh's CA: Envoy and the floor read files. */
  readonly certificates: { readonly chain: string; readonly key: string; readonly root: string };
}

const SERVER_PRINCIPAL = "spiffe://cluster.local/ns/default/sa/echo";

function here(name: string): string {
  return new URL(name, import.meta.url).pathname;
}

/** A program of the bench. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** The next line of its output. */
  line(): Promise<string>;
  send(line: string): Promise<void>;
}

/** Starts a Deno program whose output is read line by line. */
export function startProgram(file: string, args: string[], env: Record<string, string> = {}): Program {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", here(file), ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    pid: child.pid,
    async line() {
      for (;;) {
        const end = text.indexOf("\n");
        if (end !== -1) {
          const line = text.slice(0, end);
          text = text.slice(end + 1);
          return line;
        }
        const { value, done } = await reader.read();
        if (done) throw new Error(`The bench program '${file}' ended early`);
        text += value;
      }
    },
    send: (line) => writer.write(new TextEncoder().encode(line + "\n")),
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch { /* it has ended already */ }
      await child.status;
      await reader.cancel();
      await writer.abort().catch(() => {});
    },
  };
}

/** A path from its client, the processes that are measured and all that has to be stopped, first started first. */
export function measuredPath(
  name: string,
  client: Program,
  pids: readonly number[],
  parts: readonly AsyncDisposable[],
): Path {
  const cpu = () => pids.reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);
  return {
    name,
    async run(order) {
      const before = cpu();
      await client.send(JSON.stringify(order));
      const result = JSON.parse(await client.line()) as LoadResult;
      return { ...result, cpu: (cpu() - before) / order.requests, rate: order.requests / result.seconds };
    },
    memoryMiB: () => pids.reduce((sum, pid) => sum + pssMiB(pid), 0),
    async [Symbol.asyncDispose]() {
      for (const part of parts.toReversed()) await part[Symbol.asyncDispose]();
    },
  };
}

/** Waits until a program says that it serves. */
export async function ready(program: Program): Promise<void> {
  while (await program.line() !== "ready") { /* other lines of its start */ }
}

/** Deno's `fetch` to `Deno.serve`, plaintext, no mesh. */
export async function directPath(): Promise<Path> {
  const port = freePort();
  const server = startProgram("server_direct.ts", [String(port)]);
  await ready(server);
  const client = startProgram("client_direct.ts", [`http://127.0.0.1:${port}/`]);
  return measuredPath("direct", client, [server.pid, client.pid], [server, client]);
}

/** The same programs with an Envoy on each side and mutual TLS between the two. */
export async function pairPath({ certificates }: Ground): Promise<Path> {
  const [application, inbound, outbound] = [freePort(), freePort(), freePort()];
  const server = startProgram("server_direct.ts", [String(application)]);
  await ready(server);
  const far = await startEnvoy(serverSidecar({
    port: inbound,
    application: { hostname: "127.0.0.1", port: application },
    certificates,
    strict: true,
  }));
  const near = await startEnvoy(clientSidecar({
    port: outbound,
    upstream: { hostname: "127.0.0.1", port: inbound },
    certificates,
    sans: [SERVER_PRINCIPAL],
    sni: "outbound_.80_._.echo.default.svc.cluster.local",
  }));
  const client = startProgram("client_direct.ts", [`http://127.0.0.1:${outbound}/`]);
  return measuredPath("pair", client, [server.pid, far.pid, near.pid, client.pid], [server, far, near, client]);
}

/** `mesh.fetch` to `mesh.serve`. */
export function enmeshPath(ground: Ground): Promise<Path> {
  return meshPath("enmesh", "echo", true, ground);
}

/** The same with one HTTP/1.1 connection a request under way instead of one HTTP/2 connection. */
export function http1Path(ground: Ground): Promise<Path> {
  return meshPath("http1", "echo1", false, ground);
}

async function meshPath(name: string, service: string, multiplex: boolean, { istiod }: Ground): Promise<Path> {
  const port = freePort();
  const env = async (workload: string) => ({
    ENMESH_BENCH_JOIN: JSON.stringify({ ...await benchWorkload(istiod, workload), multiplex }),
  });
  istiod.apply(echoService(service, port));
  const server = startProgram("server_enmesh.ts", [String(port)], await env(service));
  await ready(server);
  const client = startProgram("client_enmesh.ts", [`http://${service}.default/`], await env("caller"));
  return measuredPath(name, client, [server.pid, client.pid], [server, client]);
}

/** A minimal HTTP/1.1 over mutual TLS on `node:tls`. */
export async function floorPath({ certificates }: Ground): Promise<Path> {
  const port = freePort();
  const env = { ENMESH_BENCH_CERTS: JSON.stringify(certificates) };
  const server = startProgram("floor.ts", ["server", String(port)], env);
  await ready(server);
  const client = startProgram("floor.ts", ["client", `https://127.0.0.1:${port}/`], env);
  return measuredPath("floor", client, [server.pid, client.pid], [server, client]);
}

/** Join options of a workload of the bench, as JSON can carry them. */
export async function benchWorkload(istiod: FakeIstiod, name: string): Promise<JoinOptions & { token: string }> {
  return {
    ...istiod.workload({ name, ip: "127.0.0.1", labels: { app: name } }),
    token: await istiod.tokens.mint({ namespace: "default", serviceAccount: name }),
  };
}

/** A service of the bench, with one endpoint on loopback. */
export function echoService(name: string, port: number, portName = "http"): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec:
  selector: { app: ${name} }
  ports: [{ name: ${portName}, port: 80, targetPort: ${port} }]
---
apiVersion: v1
kind: Pod
metadata:
  name: ${name}-1
  namespace: default
  labels: { app: ${name}, security.istio.io/tlsMode: istio }
spec: { serviceAccountName: ${name} }
status: { podIP: 127.0.0.1, phase: Running, conditions: [{ type: Ready, status: "True" }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: default, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
endpoints:
  - addresses: [127.0.0.1]
    conditions: { ready: true }
    targetRef: { kind: Pod, name: ${name}-1, namespace: default }
ports: [{ name: ${portName}, port: ${port}, protocol: TCP }]
`;
}
