/**
 * What becomes of a request under a configuration, as the mesh's own code decides it, down to the request that leaves
 * for a cluster: the whole outbound stack, with clusters that answer at once in the place of connections.
 */
import { createRouter } from "../../../filters/router.ts";
import { MeshError } from "../../../lib/errors.ts";
import { BytesBody, readAll } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../../lib/http/message.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { Outbound } from "../../../lib/outbound.ts";
import type { TransportSocket } from "../../../lib/resource/cluster.ts";
import type { TcpProxy } from "../../../lib/resource/listener.ts";
import type { ForwardAction } from "../../../lib/resource/route.ts";
import type { SnapshotStore } from "../../../lib/resource/snapshot_store.ts";
import { AccessLog } from "../../../lib/telemetry/access_log.ts";
import { LogWriters } from "../../../lib/telemetry/log_writer.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { selectTransportSocket } from "../../../lib/upstream/transport_socket.ts";
import type { UpstreamSource, UpstreamTarget } from "../../../lib/upstream/upstream_target.ts";
import { callOf, filterContext, request as makeRequest } from "../../support/calls.ts";
import { inboundOutcome } from "./inbound_outcome.ts";
import type { OutcomeCase } from "./outcome_table.ts";

/** Headers that differ from request to request. */
const VOLATILE = new Set(["x-request-id", "x-envoy-peer-metadata"]);
/** The value of a cookie made for a request that has none. */
const MADE_COOKIE = /="[0-9a-f]{16}";/;
/** Longer than any delay a scenario asks for. */
const MAX_DELAY_MS = 60_000;

/** A request as it left for a cluster. */
interface Sent {
  readonly cluster: string;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What becomes of one request with one draw. */
export async function outcomeOf(
  store: SnapshotStore,
  item: OutcomeCase,
  draw = item.draw ?? 0.5,
): Promise<Record<string, unknown>> {
  if (item.request.startsWith("inbound ")) return inboundOutcome(store, item.request);
  const [, method = "GET", target] = /^(?:([A-Z]+) )?(.+)$/.exec(item.request)!;
  const url = new URL(target!);
  const clock = new FakeClock();
  const sent: (Sent & { at: number })[] = [];
  const clusters = answering(
    store,
    (cluster, request) => sent.push({ ...sentRequest(cluster, request), at: clock.now() }),
  );
  const context = filterContext({ clock, random: () => draw, cluster: (name) => store.current.cluster(name) });
  const writers = new LogWriters({ write: () => Promise.resolve() }, clock, silentLogger);
  const outbound = new Outbound({
    snapshots: store,
    context,
    openAccessLog: (config) => new AccessLog(config, writers.get(config.path)),
    router: createRouter({ clusters, clock, random: context.random }),
  });
  try {
    const tls = url.protocol === "https:" || url.protocol === "tls:";
    const port = Number(url.port || (tls ? 443 : 80));
    const destination = outbound.destination(url.hostname, port, tls);
    if (destination.kind === "tcp") return tcpOutcome(store, destination.proxy, destination.address);
    const { host = url.host, ...headers } = item.headers ?? {};
    const message = makeRequest({
      method,
      authority: host,
      path: `${url.pathname}${url.search}`,
      pairs: Object.entries(headers).flat(),
    });
    const call = callOf(message);
    call.requestedAddress = destination.address;
    const began = clock.now();
    const answer = destination.handler(message, call);
    await clock.advance(MAX_DELAY_MS);
    const response = await answer;
    const [first, ...mirrors] = mirrorsLast(sent, call.chosen?.clusterName ?? null);
    return {
      listener: destination.address,
      virtualHost: call.chosen?.virtualHost.name ?? null,
      route: call.chosen?.route.name ?? null,
      delayMs: first === undefined ? 0 : first.at - began,
      ...(first === undefined ? { answer: await answerOf(response) } : {
        ...requestOf(first),
        responseHeaders: headersOf(response.headers),
        mirrors: mirrors.map(requestOf).sort((a, b) => a.cluster < b.cluster ? -1 : 1),
        alpn: [...call.alpnOverride ?? []],
      }),
      flags: call.responseFlags,
      ...(call.chosen?.route.action.kind === "forward" ? policyOf(call.chosen.route.action) : {}),
      ...(first === undefined ? {} : upstreamOf(store, first.cluster)),
    };
  } catch (error) {
    if (!(error instanceof MeshError)) throw error;
    return { refused: error.code, reason: error.message };
  } finally {
    outbound.close();
  }
}

/** Shares of the clusters that a request goes to, in percent. */
export async function sharesOf(store: SnapshotStore, item: OutcomeCase): Promise<Record<string, number>> {
  const shares: Record<string, number> = {};
  for (let percent = 0; percent < 100; percent++) {
    const { cluster } = await outcomeOf(store, item, (percent + 0.5) / 100);
    shares[String(cluster)] = (shares[String(cluster)] ?? 0) + 1;
  }
  return shares;
}

/** Clusters of a configuration that take every request and answer 200. */
function answering(store: SnapshotStore, take: (cluster: string, request: HttpRequest) => void): UpstreamSource {
  return {
    target(name) {
      const cluster = store.current.cluster(name);
      if (cluster === null) return null;
      const target: Pick<UpstreamTarget, "cluster" | "send"> = {
        cluster,
        send(request, attempt) {
          take(name, request);
          attempt.exchange.complete(null);
          const body = new BytesBody(new TextEncoder().encode("from the cluster"));
          const headers = new HeaderList(["server-timing", "app", "x-kept", "1"]);
          return Promise.resolve<HttpResponse>({ status: 200, headers, body });
        },
      };
      // Nothing fails here, so that nothing is counted.
      return target as UpstreamTarget;
    },
  };
}

function sentRequest(cluster: string, request: HttpRequest): Sent {
  const { method, authority, path } = request;
  return { cluster, method, authority, path, headers: headersOf(request.headers) };
}

function requestOf({ cluster, method, authority, path, headers }: Sent): Sent {
  return { cluster, method, authority, path, headers };
}

/** Mirrors are sent before the request itself; what went to the chosen cluster last is the request. */
function mirrorsLast(sent: readonly (Sent & { at: number })[], chosen: string | null): (Sent & { at: number })[] {
  const index = sent.findLastIndex(({ cluster }) => cluster === chosen);
  return index === -1 ? [...sent] : [sent[index]!, ...sent.filter((_, at) => at !== index)];
}

function headersOf(headers: HeaderList): Record<string, string> {
  const found: [string, string][] = [];
  for (const [name, value] of headers.entries()) {
    if (!VOLATILE.has(name)) found.push([name, value.replace(MADE_COOKIE, "=made;")]);
  }
  found.sort(([a], [b]) => a < b ? -1 : a === b ? 0 : 1);
  const all: Record<string, string> = {};
  for (const [name, value] of found) all[name] = name in all ? `${all[name]},${value}` : value;
  return all;
}

async function answerOf(response: HttpResponse): Promise<unknown> {
  const body = new TextDecoder().decode(await readAll(response.body) as Uint8Array);
  return { status: response.status, headers: headersOf(response.headers), body };
}

/** Time limits, retries and hashes of a route. */
function policyOf(
  { timeoutMs, retryPolicy, hashPolicies, clusterNotFoundStatus }: ForwardAction,
): Record<string, unknown> {
  return { timeoutMs, retry: retryPolicy, hash: hashPolicies, clusterNotFoundStatus };
}

/** The cluster with its endpoints, and how connections to them are protected. */
function upstreamOf(store: SnapshotStore, name: string): Record<string, unknown> {
  const cluster = store.current.cluster(name)!;
  const { transportSocket, transportSocketMatches, name: _, edsServiceName, loadAssignment, ...settings } = cluster;
  const assignment = edsServiceName === null ? loadAssignment : store.current.endpoints(edsServiceName);
  const endpoints = (assignment?.localities ?? []).flatMap((group) =>
    group.endpoints.map((endpoint) => ({
      address: endpoint.key,
      ...(endpoint.hostname === "" ? {} : { hostname: endpoint.hostname }),
      locality: [group.region, group.zone, group.subZone].filter((part) => part !== "").join("/"),
      localityWeight: group.weight,
      priority: group.priority,
      weight: endpoint.weight,
      health: endpoint.health,
      transport: transportOf(selectTransportSocket(cluster, endpoint)),
    }))
  );
  return {
    settings,
    endpoints,
    transport: transportOf(transportSocketMatches.length > 0 ? null : transportSocket),
  };
}

/** `plaintext`, or what TLS is spoken: server name, names of the peer, certificates, roots. */
function transportOf(socket: TransportSocket | null): unknown {
  if (socket === null) return "by endpoint";
  if (socket.kind !== "tls") return socket.kind === "plaintext" ? "plaintext" : socket;
  const { sni, alpn, certificates, validation } = socket.context;
  return {
    sni,
    alpn,
    certificates,
    trust: validation?.trust ?? null,
    sans: (validation?.subjectAltNames ?? []).map(({ match }) => `${match.kind} ${match.value}`),
  };
}

function tcpOutcome(store: SnapshotStore, proxy: TcpProxy, address: string): Record<string, unknown> {
  const clusters = proxy.clusters.map(({ name, weight }) => ({ name, weight }));
  return {
    tcp: address,
    clusters,
    idleTimeoutMs: proxy.idleTimeoutMs,
    ...(store.current.cluster(clusters[0]!.name) === null ? {} : upstreamOf(store, clusters[0]!.name)),
  };
}
