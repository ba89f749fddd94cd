/**
 * Filters that the mesh delivers to a running program: an embedded control plane, a server, and a client that calls it
 * all the time.
 *
 * Three WasmPlugins are applied, changed and removed while the client runs; their modules, built from
 * `filters/proxy_wasm/`, come from a server on loopback. Nothing is restarted, and no request fails. At the end the metric
 * of a module stands among those of Istio.
 */
import { Mesh } from "@enmesh/enmesh";
import { FakeIstiod } from "@enmesh/enmesh/testing";
import { Table } from "../table.ts";

const SERVICE = (port: number) => `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: default }
spec: { clusterIP: 10.96.0.10, selector: { app: reviews }, ports: [{ name: http, port: 9080, targetPort: ${port} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: reviews-1, namespace: default, labels: { kubernetes.io/service-name: reviews } }
addressType: IPv4
endpoints: [{ addresses: [127.0.0.1], conditions: { ready: true }, targetRef: { kind: Pod, name: reviews-v1, namespace: default } }]
ports: [{ name: http, port: ${port}, protocol: TCP }]
`;

const quiet = { log: () => {} };
const table = new Table({ time: 10, "what was done": 34, "x-trace": 14, body: 54, requests: 10, failed: 6 });

/** Serves the modules as any server of an operator would. */
await using modules = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
  const { pathname } = new URL(request.url);
  if (!/^\/\w+\.wasm$/.test(pathname)) return new Response(null, { status: 404 });
  return new Response(await Deno.readFile(`filters/proxy_wasm${pathname}`));
});

/** A WasmPlugin on the client's side of requests. */
const plugin = (name: string, module: string, pluginConfig = "{}") => `
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: ${name}, namespace: default }
spec:
  selector: { matchLabels: { app: productpage } }
  match: [{ mode: CLIENT }]
  url: http://127.0.0.1:${modules.addr.port}/${module}.wasm
  pluginConfig: ${pluginConfig}
`;

await using istiod = await FakeIstiod.start();
const join = async (name: string) =>
  await Mesh.join({
    ...await istiod.workload({
      name: `${name}-v1`,
      namespace: "default",
      serviceAccount: name,
      ip: "127.0.0.1",
      labels: { app: name, version: "v1" },
    }),
    admin: false,
    logger: quiet,
  });

await using reviews = await join("reviews");
await using server = await reviews.serve(
  { port: 0, hostname: "127.0.0.1", onListen: () => {} },
  () => Response.json({ reviewer: "alice@example.com", paid: "4111-1111-1111-1111" }),
);
istiod.apply(SERVICE(server.addr.port));
await using productpage = await join("productpage");

/** What the last answer was like. */
interface Seen {
  readonly trace: string | null;
  readonly body: string;
}

let requests = 0;
let failed = 0;
let last: Seen = { trace: null, body: "" };
let running = true;

/** The client: it knows nothing of filters. */
async function callAllTheTime(): Promise<void> {
  while (running) {
    try {
      const response = await productpage.fetch("http://reviews.default:9080/");
      requests++;
      last = { trace: response.headers.get("x-trace"), body: await response.text() };
      if (!response.ok) failed++;
    } catch {
      requests++;
      failed++;
    }
  }
}

const start = performance.now();

/** Does something to the mesh, and waits until the client sees it. */
async function step(what: string, does: () => void, shows: (seen: Seen) => boolean): Promise<void> {
  does();
  const deadline = performance.now() + 10_000;
  while (!shows(last)) {
    if (performance.now() > deadline) {
      throw new Error(`Cannot see the effect of '${what}': the client gets ${last.body}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  table.row([
    `${((performance.now() - start) / 1000).toFixed(2)} s`,
    what,
    last.trace === null ? "-" : last.trace.length > 14 ? `${last.trace.slice(0, 11)}...` : last.trace,
    last.body.replace(/[{}"]/g, ""),
    String(requests),
    String(failed),
  ]);
}

const masked = ({ body }: Seen) => body.includes("****-****-****-1111");
const remove = (name: string) => istiod.delete({ kind: "WasmPlugin", name, namespace: "default" });

table.begin("A client that calls reviews without a pause, while filters come and go");
const calling = [callAllTheTime(), callAllTheTime()];
await step("nothing", () => {}, ({ body }) => body.includes("alice"));
await step("apply mask (C)", () => istiod.apply(plugin("mask", "mask")), masked);
await step(
  "apply request_id (C)",
  () => istiod.apply(plugin("request-id", "request_id", '{ header: "x-trace" }')),
  ({ trace }) => trace !== null,
);
await step(
  "another header for request_id",
  () => istiod.apply(plugin("request-id", "request_id", '{ header: "x-other" }')),
  ({ trace }) => trace === null,
);
const counted = () => /^demo_requests_total\{.*\} \d+$/m.exec(productpage.metrics())?.[0];
await step(
  "apply metrics (AssemblyScript)",
  () => istiod.apply(plugin("metrics", "metrics", '{ name: "demo_requests_total" }')),
  () => counted() !== undefined,
);
await step("remove mask", () => remove("mask"), (seen) => !masked(seen));
const metric = counted();
await step("remove the others", () => ["request-id", "metrics"].forEach(remove), () => true);
running = false;
await Promise.all(calling);

table.title("The metric of the module, among those of the mesh");
table.note(`  ${metric}`);
table.note(`\n${requests} requests, ${failed} failed`);
if (failed > 0) Deno.exitCode = 1;
