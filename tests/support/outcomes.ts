/**
 * What a configuration decides, as the mesh's own code decides it: a table of requests and connections, so that two
 * configurations can be held against each other.
 */
import assert from "node:assert/strict";
import { compileFilterChains, selectFilterChain } from "../../lib/filter/filter_chain_match.ts";
import type { HttpResponse } from "../../lib/http/message.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { Outbound } from "../../lib/outbound.ts";
import type { SnapshotStore } from "../../lib/resource/snapshot_store.ts";
import { AccessLog } from "../../lib/telemetry/access_log.ts";
import { LogWriters } from "../../lib/telemetry/log_writer.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { selectTransportSocket } from "../../lib/upstream/transport_socket.ts";
import { callOf, filterContext, request } from "./calls.ts";

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

/** Holds the outcomes of `ours` against those of `theirs`: the whole table of requests and connections. */
export async function assertSameOutcomes(ours: SnapshotStore, theirs: SnapshotStore): Promise<void> {
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
}
