/**
 * Sends requests of the application to the destinations the mesh names.
 *
 * @module
 */
import { MeshError } from "./errors.ts";
import type { FetchClient } from "./fetch.ts";
import { localReplyLayer } from "./filter/local_reply_layer.ts";
import type { FilterContext, HttpLayer } from "./filter/http_filter.ts";
import type { Call } from "./http/call.ts";
import type { HttpRequest, HttpResponse } from "./http/message.ts";
import type { FetchUrl } from "./http/web/fetch_url.ts";
import { Bag, type BagEntry } from "./internal/bag.ts";
import type { Handler } from "./internal/layer.ts";
import type { Random } from "./internal/random.ts";
import type { Destination, Outbound } from "./outbound.ts";
import { localReply } from "./router/local_reply.ts";
import type { TcpProxy } from "./resource/listener.ts";
import { UpstreamAttempt } from "./upstream/upstream_attempt.ts";
import type { UpstreamSource } from "./upstream/upstream_target.ts";

/** What an {@linkcode OutboundClient} works with. */
export interface OutboundClientOptions {
  readonly outbound: Outbound;
  readonly clusters: UpstreamSource;
  readonly context: FilterContext;
  /** Address of the workload, which is where its requests come from; `null` if unknown. */
  readonly sourceIp: string | null;
  /** Filters of the application (`mesh.use`), for requests through a TCP proxy. @default {none} */
  readonly filters?: HttpLayer | undefined;
}

/** Finds the destination of each request and sends it there. */
export class OutboundClient implements FetchClient {
  readonly #options: OutboundClientOptions;
  readonly #active = new Bag<Call>();
  #closed = false;
  #onIdle: (() => void) | null = null;

  /** @param options Destinations, clusters, and what failures are answered with. */
  constructor(options: OutboundClientOptions) {
    this.#options = options;
  }

  passesThrough(url: FetchUrl): boolean {
    const destination = this.#options.outbound.destination(url.hostname, url.port, true);
    if (destination.kind !== "tcp") return false;
    const cluster = this.#options.clusters.target(pickCluster(destination.proxy, this.#options.context.random))
      ?.cluster;
    // Endpoints without TLS of the mesh's own: the application's connection is all there is.
    return cluster !== undefined && cluster.transportSocket.kind === "plaintext" &&
      cluster.transportSocket.proxyProtocol === undefined && cluster.type !== "aggregate" &&
      cluster.transportSocketMatches.length === 0 && cluster.name !== BLACK_HOLE;
  }

  send(url: FetchUrl, request: HttpRequest, call: Call): Promise<HttpResponse> {
    if (this.#closed) return Promise.reject(new MeshError("MESH_CLOSED", "Cannot fetch: the mesh was closed"));
    call.sourceIp = this.#options.sourceIp;
    const entry = this.#active.add(call);
    call.exchange.onComplete(() => this.#finish(entry));
    return this.#handle(url, request, call).then(
      (response) => {
        call.deliver();
        // The answer of an endpoint completes the call with its last byte; one of our own is complete as it is.
        if (call.endpoint === null || call.responseCodeDetails !== "via_upstream") call.exchange.complete();
        return response;
      },
      (error) => {
        call.exchange.complete(error);
        throw error;
      },
    );
  }

  /** Takes no more requests. */
  stop(): void {
    this.#closed = true;
  }

  /** Settles when no request is under way. */
  idle(): Promise<void> {
    if (this.#active.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle = resolve);
  }

  /** Gives up every request under way. */
  cancel(reason: unknown): void {
    for (const call of this.#active.values()) call.exchange.cancel(reason);
  }

  #finish(entry: BagEntry<Call>): void {
    this.#active.remove(entry);
    if (this.#active.size === 0) {
      this.#onIdle?.();
      this.#onIdle = null;
    }
  }

  #handle(url: FetchUrl, request: HttpRequest, call: Call): Promise<HttpResponse> {
    let destination: Destination;
    try {
      destination = this.#options.outbound.destination(url.hostname, url.port, url.protocol === "https:");
    } catch (error) {
      return localReplyLayer(this.#options.context)(() => Promise.reject(error))(request, call);
    }
    call.requestedAddress = destination.address;
    if (destination.kind === "http") {
      if (url.protocol === "http:") return destination.handler(request, call);
      // A sidecar would see a ClientHello where it expects a request. Without TLS it must not be sent in any case.
      return localReplyLayer(this.#options.context)(() => Promise.reject(tlsWhereHttpIs(url)))(request, call);
    }
    const { proxy, address } = destination;
    const applicationTls = url.protocol === "https:" ? url.hostname.replace(/^\[|\]$/g, "") : null;
    const send: Handler<HttpRequest, HttpResponse, Call> = (request, call) =>
      this.#sendThroughTcp(
        proxy,
        new UpstreamAttempt({
          destination: address,
          downstreamAddress: address,
          alpnOverride: TCP_ALPN,
          applicationTls,
          requiresMutualTls: call.requiresMutualTls,
        }),
        request,
        call,
      );
    const { context, filters } = this.#options;
    return localReplyLayer(context)(filters?.(send) ?? send)(request, call);
  }

  /** HTTP through a TCP proxy: cluster and endpoint are the mesh's choice, the messages are not looked at. */
  #sendThroughTcp(
    proxy: TcpProxy,
    attempt: UpstreamAttempt,
    request: HttpRequest,
    call: Call,
  ): Promise<HttpResponse> {
    const name = pickCluster(proxy, this.#options.context.random);
    const target = this.#options.clusters.target(name);
    if (target === null) {
      throw new MeshError("NO_CLUSTER_FOUND", `Cannot reach '${request.authority}': the mesh has no cluster '${name}'`);
    }
    call.cluster = target.cluster;
    if (name === BLACK_HOLE) {
      // A sidecar resets such a connection; what speaks HTTP is told what a sidecar's HTTP listener says.
      request.body?.cancel();
      return Promise.resolve(localReply(request, call, {
        status: 502,
        flag: "UH",
        details: "no_healthy_upstream",
        body:
          `Cannot reach '${request.authority}': the mesh lets only registered hosts through (REGISTRY_ONLY); add a ` +
          "ServiceEntry for it",
      }));
    }
    call.exchange.onCancel((reason) => attempt.exchange.cancel(reason));
    return target.send(request, attempt).then((response) => {
      call.endpoint = attempt.host?.endpoint ?? null;
      call.upstream = attempt.exchange.connection;
      call.response = response;
      call.responseCodeDetails = "via_upstream";
      attempt.exchange.onComplete((error) => call.settle(error));
      return response;
    });
  }
}

function tlsWhereHttpIs(url: FetchUrl): MeshError {
  return new MeshError(
    "UPSTREAM_PROTOCOL_ERROR",
    `Cannot reach '${url.authority}' by https: the mesh knows that port as plain HTTP and encrypts it itself; use ` +
      "http:, or name the Service's port 'https' or 'tls'",
  );
}

/** The cluster without endpoints that stands for "nobody may go there". */
const BLACK_HOLE = "BlackHoleCluster";

/** The peer exchange of TCP is not spoken here, so its protocol name is not offered. */
const TCP_ALPN = new Map([["HTTP/1.1", ["istio"]], ["HTTP/2", ["istio"]]] as const);

function pickCluster(proxy: TcpProxy, random: Random): string {
  const { clusters } = proxy;
  if (clusters.length === 1) return clusters[0]!.name;
  let left = random() * clusters.reduce((sum, { weight }) => sum + weight, 0);
  for (const { name, weight } of clusters) {
    left -= weight;
    if (left < 0) return name;
  }
  return clusters.at(-1)!.name;
}
