/**
 * Filters written as WASI components, in a mesh in one process: an embedded control plane, a server and a client.
 *
 * While requests go on, a component in C is put in front of the server, which masks the numbers of cards in what it
 * answers; the client gets one that tags its requests and closes a path; then that one is made to trap, and comes back by
 * itself. At the end both are taken out again. Nothing restarts, no request fails but those that are meant to.
 */
import { Mesh } from "@enmesh/enmesh";
import { componentFilter } from "@enmesh/enmesh/component";
import { FakeIstiod } from "@enmesh/enmesh/testing";
import { Table } from "../table.ts";

const SERVICE = (port: number) => `
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: default }
spec: { clusterIP: 10.96.0.10, selector: { app: payments }, ports: [{ name: http, port: 80, targetPort: ${port} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: payments-1, namespace: default, labels: { kubernetes.io/service-name: payments } }
addressType: IPv4
endpoints: [{ addresses: [127.0.0.1], conditions: { ready: true }, targetRef: { kind: Pod, name: payments-v1, namespace: default } }]
ports: [{ name: http, port: ${port}, protocol: TCP }]
`;

const component = (name: string) => Deno.readFile(new URL(`../../filters/component/${name}.wasm`, import.meta.url));
const table = new Table({ path: 12, status: 8, answer: 62, "took": 9 });
const lines: string[] = [];
const logger = {
  log: (level: string, line: string) => void (line.startsWith("Filter") && lines.push(`${level}: ${line}`)),
};

await using istiod = await FakeIstiod.start();
const join = async (name: string) =>
  await Mesh.join({ ...await istiod.workload({ name: `${name}-v1`, ip: "127.0.0.1" }), admin: false, logger });

await using payments = await join("payments");
await using server = await payments.serve(
  { port: 0, hostname: "127.0.0.1", onListen: () => {} },
  (request) => new Response(`paid with 4111 1111 1111 1111, for ${request.headers.get("x-tagged-by") ?? "somebody"}`),
);
istiod.apply(SERVICE(server.addr.port));
await using shop = await join("shop");

async function ask(...paths: string[]): Promise<void> {
  for (const path of paths) {
    const start = performance.now();
    const response = await shop.fetch(`http://payments${path}`);
    const text = (await response.text()).trim();
    table.row([path, String(response.status), text, `${(performance.now() - start).toFixed(1)} ms`]);
  }
}

table.begin("No filter");
await ask("/", "/forbidden");

const mask = await payments.use(
  componentFilter({ component: await component("digit_mask"), name: "mask", direction: "inbound" }),
);
table.begin("The server masks digits in what it answers (filters/component/digit_mask.c)");
await ask("/", "/forbidden");

const tag = await shop.use(componentFilter({
  component: await component("header_tag"),
  name: "tag",
  direction: "outbound",
  config: "the shop",
  failPolicy: "fail_reload",
}));
table.begin("The client tags its requests, and closes a path (filters/component/header_tag.c)");
await ask("/", "/forbidden");

table.begin("Its component traps: 503 until it is loaded again, within a second");
await ask("/trap", "/");
while ((await shop.fetch("http://payments/")).status !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
await ask("/");

await tag.remove();
await mask.remove();
table.begin("Both taken out again");
await ask("/", "/forbidden");

table.title("What the filters left in the logs");
for (const line of lines) table.note(line);
