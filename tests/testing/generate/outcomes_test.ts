/**
 * Equal outcomes: a table of requests goes to the same place in the same way under what a real istiod sent and under
 * what FakeIstiod generates from the same objects. The mesh's own code decides both.
 */
import assert from "node:assert/strict";
import { compileFilterChains, selectFilterChain } from "../../../lib/filter/filter_chain_match.ts";
import { filterParsers } from "../../../lib/filter/filter_registry.ts";
import type { HttpResponse } from "../../../lib/http/message.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { Outbound } from "../../../lib/outbound.ts";
import { FILTERS } from "../../../lib/filters.ts";
import { SnapshotStore } from "../../../lib/resource/snapshot_store.ts";
import type { ResourceKind } from "../../../lib/resource/snapshot.ts";
import { decode } from "../../../lib/protobuf/registry.ts";
import { selectTransportSocket } from "../../../lib/upstream/transport_socket.ts";
import { AccessLog } from "../../../lib/telemetry/access_log.ts";
import { LogWriters } from "../../../lib/telemetry/log_writer.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { callOf, filterContext, request } from "../../support/calls.ts";
import { LEFT_OUT } from "./accepted_differences.ts";
import { generatedBytes, ROOT } from "./recording.ts";

const KINDS = { CDS: "cluster", EDS: "endpoint", LDS: "listener", RDS: "route", NDS: "nameTable" } as const;
type Short = keyof typeof KINDS;

interface Node {
  readonly scenario: string;
  readonly node: string;
  readonly namespace: string;
}

function storeOf({ namespace }: Node, resources: (type: Short) => Map<string, Uint8Array>): SnapshotStore {
  const store = new SnapshotStore({ parsers: filterParsers(FILTERS, new Set()), clientNamespace: namespace });
  for (const [type, kind] of Object.entries(KINDS) as [Short, ResourceKind][]) {
    const refused = store.apply(kind, { changed: resources(type), removed: [] }).filter(({ applied }) => !applied);
    assert.deepEqual(refused, []);
  }
  assert.equal(store.ready, true, "the configuration is not complete");
  return store;
}

function recordedBytes({ scenario, node }: Node, type: Short): Map<string, Uint8Array> {
  const resources = new Map<string, Uint8Array>();
  const folder = new URL(`${scenario}/${node}/`, ROOT);
  for (const file of Deno.readDirSync(folder)) {
    if (!file.name.endsWith(`-${type}.binpb`)) continue;
    const response = decode(
      "envoy.service.discovery.v3.DeltaDiscoveryResponse",
      Deno.readFileSync(new URL(file.name, folder)),
    );
    for (const { name, resource } of response.resources ?? []) {
      resources.set(name ?? "", resource?.value ?? new Uint8Array());
    }
  }
  return resources;
}

/** Where a request goes and how: cluster, endpoints with their transport, time limit, retries; or the answer itself. */
async function outboundOutcome(store: SnapshotStore, url: URL, host: string): Promise<unknown> {
  const clock = new FakeClock();
  const context = filterContext({ clock, cluster: (name) => store.current.cluster(name) });
  const writers = new LogWriters({ write: () => Promise.resolve() }, clock, silentLogger);
  const answer: HttpResponse = { status: 200, headers: new HeaderList(), body: null };
  const outbound = new Outbound({
    snapshots: store,
    context,
    openAccessLog: (config) => new AccessLog(config, writers.get(config.path)),
    router: () => Promise.resolve(answer),
  });
  try {
    const destination = outbound.destination(url.hostname, Number(url.port || 80), false);
    if (destination.kind === "tcp") return { tcp: destination.proxy.clusters, address: destination.address };
    const message = request({ authority: host, path: url.pathname });
    const call = callOf(message);
    const response = await destination.handler(message, call);
    if (call.chosen === null) return { status: response.status, flags: call.responseFlags };
    const { route, clusterName } = call.chosen;
    if (route.action.kind !== "forward") return { action: route.action };
    const cluster = store.current.cluster(clusterName!)!;
    const assignment = cluster.edsServiceName === null
      ? cluster.loadAssignment
      : store.current.endpoints(cluster.edsServiceName);
    return {
      clusterName,
      timeoutMs: route.action.timeoutMs,
      retry: route.action.retryPolicy,
      alpn: [...call.alpnOverride ?? []],
      endpoints: (assignment?.localities ?? []).flatMap(({ priority, endpoints }) =>
        endpoints.map((endpoint) => ({
          key: endpoint.key,
          priority,
          weight: endpoint.weight,
          transport: selectTransportSocket(cluster, endpoint),
        }))
      ),
    };
  } finally {
    outbound.close();
  }
}

/** What happens to an inbound connection: refused, or served with or without TLS, by which kind of filters. */
function inboundOutcome(store: SnapshotStore, port: number, tls: boolean, alpn: readonly string[]): unknown {
  const chain = selectFilterChain(compileFilterChains(store.current.virtualInbound!), {
    destination: { hostname: "10.0.0.11", port },
    serverName: "",
    transportProtocol: tls ? "tls" : "raw_buffer",
    applicationProtocols: alpn,
    source: { hostname: "10.0.0.1", port: 40000 },
  });
  if (chain === null) return "refused";
  return { name: chain.name, tls: chain.tls, filters: chain.filters.map(({ kind, name }) => `${kind} ${name}`) };
}

const URLS = [
  "http://httpbin:8000/",
  "http://httpbin.default:8000/status/200",
  "http://httpbin.default.svc.cluster.local:8000/",
  "http://10.96.0.2:8000/",
  "http://sleep/",
  "http://cart.shop/",
  "http://cart/",
  "http://cart.shop.svc:80/checkout",
  "http://billing.legacy:8080/",
  "http://billing:8080/",
  "http://unknown.example/",
  "http://unknown.example:8000/",
  "http://198.51.100.7:9999/",
  "http://sleep.default:8080/",
];
/** `host` headers that pick another virtual host than the URL does. */
const HOSTS = ["httpbin.default:8000", "cart.shop", "nobody.example"];
const HELLOS: readonly (readonly [boolean, readonly string[]])[] = [
  [false, []],
  [false, ["http/1.1"]],
  [false, ["h2c"]],
  [true, []],
  [true, ["h2", "http/1.1"]],
  [true, ["istio"]],
  [true, ["istio-peer-exchange", "istio"]],
  [true, ["istio-http/1.1", "istio", "http/1.1"]],
  [true, ["istio-h2", "istio", "h2"]],
];

for (
  const node of [
    { scenario: "basic", node: "sleep", namespace: "default" },
    { scenario: "basic", node: "httpbin", namespace: "default" },
    { scenario: "basic", node: "cart", namespace: "shop" },
    { scenario: "tls-modes", node: "sleep", namespace: "default" },
    { scenario: "tls-modes", node: "httpbin", namespace: "default" },
  ] satisfies Node[]
) {
  Deno.test(`${node.scenario}/${node.node}: the fake's output has the outcomes of the recording`, async () => {
    const theirs = storeOf(node, (type) => recordedBytes(node, type));
    const ours = storeOf(node, (type) => generatedBytes(node.scenario, node.node, type, LEFT_OUT[node.scenario]!));
    try {
      const outcomes = new Set<string>();
      for (const text of URLS) {
        const url = new URL(text);
        for (const host of [url.host, ...HOSTS]) {
          const outcome = await outboundOutcome(ours, url, host);
          assert.deepEqual(outcome, await outboundOutcome(theirs, url, host), `${text} with host '${host}'`);
          outcomes.add(JSON.stringify(outcome));
        }
      }
      // Services, passthrough by HTTP and by TCP: a table on which everything comes out alike would show nothing.
      assert.ok(outcomes.size >= 5, [...outcomes].join("\n"));
      assert.ok([...outcomes].some((text) => text.includes("spiffe://")), "no endpoint with mutual TLS");
      for (const port of [80, 8000, 8080, 9080, 12345]) {
        for (const [tls, alpn] of HELLOS) {
          assert.deepEqual(
            inboundOutcome(ours, port, tls, alpn),
            inboundOutcome(theirs, port, tls, alpn),
            `inbound port ${port}, ${tls ? "TLS" : "plaintext"} ${alpn}`,
          );
        }
      }
    } finally {
      theirs.close();
      ours.close();
    }
  });
}
