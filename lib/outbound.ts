/**
 * The outbound stack: from a host and port the application names to the answer of an endpoint.
 *
 * @module
 */
import { MeshError } from "./errors.ts";
import { accessLogLayers, type OpenAccessLog } from "./filter/access_log_layers.ts";
import { connectionManagerLayer } from "./filter/connection_manager_layer.ts";
import { currentNetworkFilter } from "./filter/discovered_filter.ts";
import {
  type CompiledFilterChains,
  compileFilterChains,
  type ConnectionFacts,
  selectFilterChain,
} from "./filter/filter_chain_match.ts";
import type { FilterContext, HttpLayer } from "./filter/http_filter.ts";
import { httpFilterLayers } from "./filter/http_filter_layers.ts";
import { localReplyLayer } from "./filter/local_reply_layer.ts";
import { routeLayer } from "./filter/route_layer.ts";
import { streamLimitsLayer } from "./filter/stream_limits_layer.ts";
import { upgradeLayer } from "./filter/upgrade_layer.ts";
import { watchingLayers } from "./filter/watching_layers.ts";
import type { Call } from "./http/call.ts";
import type { HttpRequest, HttpResponse } from "./http/message.ts";
import { type Handler, stack } from "./internal/layer.ts";
import { formatAddress } from "./internal/socket_address.ts";
import type { HttpConnectionManager } from "./resource/http_connection_manager.ts";
import type { Listener, TcpProxy } from "./resource/listener.ts";
import type { Snapshot, SnapshotSource } from "./resource/snapshot.ts";
import { isIpAddress } from "./upstream/dns_resolver.ts";

/** Answers a request of the application. */
export type OutboundHandler = Handler<HttpRequest, HttpResponse, Call>;

/** Where a connection of the application goes, by the listener its host and port pick. */
export type Destination =
  /** Through the HTTP filters and routes of a listener. */
  | { readonly kind: "http"; readonly handler: OutboundHandler; readonly address: string }
  /** Through a TCP proxy: the mesh does not look at the bytes. */
  | { readonly kind: "tcp"; readonly proxy: TcpProxy; readonly address: string };

/** What the stack is made of. */
export interface OutboundOptions {
  readonly snapshots: SnapshotSource;
  readonly context: FilterContext;
  readonly openAccessLog: OpenAccessLog;
  /** The innermost handler: retries, timeouts, cluster, endpoint, pool. */
  readonly router: OutboundHandler;
  /** Filters of the application (`mesh.use`). @default {none} */
  readonly filters?: HttpLayer | undefined;
}

/** Destinations remembered per snapshot; an application that asks for endless hosts does not grow it further. */
const MAX_REMEMBERED = 4096;

/** Chooses listener and filter chain as a sidecar would for a connection to that address, and builds their stacks. */
export class Outbound {
  readonly #options: OutboundOptions;
  readonly #stacks = new WeakMap<HttpConnectionManager, OutboundHandler>();
  #remembered = new Map<string, Destination>();
  readonly #unsubscribe: () => void;

  /** @param options Configuration, what filters use, and the router. */
  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#unsubscribe = options.snapshots.subscribe((_, change) => {
      if (change.listeners.size > 0 || change.extensions.size > 0 || change.nameTable) this.#remembered = new Map();
    });
  }

  /** Stops following the configuration. */
  close(): void {
    this.#unsubscribe();
  }

  /**
   * The destination of a host and port.
   *
   * @param hostname Host of the URL, lower case; IPv6 with or without brackets.
   * @param port Port of the URL.
   * @param applicationTls Whether the application itself speaks TLS (`https:`): the mesh then sees opaque bytes.
   * @throws {MeshError} `NO_ROUTE_FOUND` where no listener or chain takes such a connection.
   */
  destination(hostname: string, port: number, applicationTls: boolean): Destination {
    const key = `${hostname} ${port} ${applicationTls}`;
    let destination = this.#remembered.get(key);
    if (destination === undefined) {
      destination = this.#resolve(hostname.replace(/^\[|\]$/g, ""), port, applicationTls);
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(key, destination);
    }
    return destination;
  }

  #resolve(hostname: string, port: number, applicationTls: boolean): Destination {
    const snapshot = this.#options.snapshots.current;
    const [listener, ip] = pickListener(snapshot, addressesOf(snapshot, hostname), port);
    const where = formatAddress({ hostname, port });
    if (listener === null) {
      throw new MeshError(
        "NO_ROUTE_FOUND",
        `Cannot reach '${where}': the mesh has sent no listener for it and no outbound policy; check that istiod ` +
          "knows this workload",
      );
    }
    const facts = applicationConnection(hostname, ip, port, applicationTls);
    const chain = selectFilterChain(this.#chains(listener), facts);
    const address = formatAddress({ hostname: ip ?? hostname, port });
    for (const configured of chain?.filters ?? []) {
      const filter = currentNetworkFilter(configured, this.#options.context.extension);
      switch (filter.kind) {
        case "http_connection_manager":
          return { kind: "http", handler: this.#stack(filter.config), address };
        case "tcp_proxy":
          return { kind: "tcp", proxy: filter.config, address };
        case "unsupported":
          throw new MeshError(
            "FILTER_CONFIG_NOT_FOUND",
            `Cannot reach '${where}': the mesh requires network filter '${filter.name}' (${filter.typeUrl}), which ` +
              `this version does not support; set unsupportedFilters: { "${filter.name}": "skip" } to go without it`,
          );
      }
    }
    throw new MeshError(
      "NO_ROUTE_FOUND",
      `Cannot reach '${where}': no filter chain of listener '${listener.name}' takes this connection`,
    );
  }

  readonly #compiled = new WeakMap<Listener, CompiledFilterChains>();

  #chains(listener: Listener): CompiledFilterChains {
    let chains = this.#compiled.get(listener);
    if (chains === undefined) this.#compiled.set(listener, chains = compileFilterChains(listener));
    return chains;
  }

  #stack(manager: HttpConnectionManager): OutboundHandler {
    let handler = this.#stacks.get(manager);
    if (handler === undefined) this.#stacks.set(manager, handler = outboundStack(manager, this.#options));
    return handler;
  }
}

/** The stack of an outbound HTTP listener, outermost layer first. */
export function outboundStack(
  manager: HttpConnectionManager,
  { snapshots, context, openAccessLog, router, filters }: OutboundOptions,
): OutboundHandler {
  const layers: HttpLayer[] = [
    // Outermost, so that every request leaves a line, whoever answered it.
    ...accessLogLayers(manager.accessLogs, openAccessLog, context),
    // Statistics count every answer, also those the mesh gives by itself further in.
    ...watchingLayers(manager.httpFilters, context),
    // Turns what any layer below throws into the answer a sidecar would give.
    localReplyLayer(context),
    // Before any filter: routes and policies must see headers nobody could forge and one form of the path.
    connectionManagerLayer(manager),
    // Filters find their per-route configuration on the call, so the route is chosen before them.
    routeLayer(manager, snapshots, context.random),
    // Routes limit how long a stream may last, and what filters take of it counts.
    streamLimitsLayer(manager, context.clock),
    // Routes may allow an upgrade or forbid it, and what is forbidden is no filter's business.
    upgradeLayer(manager),
    // In the order of the mesh: peer metadata, ALPN, fault, CORS.
    ...httpFilterLayers(manager.httpFilters, context),
    // Next to the router: they see the request as it leaves, and the response before anybody here has changed it.
    ...(filters === undefined ? [] : [filters]),
  ];
  return stack(layers, router);
}

/** Addresses of a host by the mesh's own names: an IP address is its own. */
export function addressesOf(snapshot: Snapshot, hostname: string): readonly string[] {
  return isIpAddress(hostname) ? [hostname] : snapshot.nameTable.lookup(hostname) ?? [];
}

/**
 * What a sidecar would see of a connection of the application.
 *
 * @param hostname Host the application names, IPv6 without brackets.
 * @param ip Its address; `null` where the mesh knows none.
 * @param port Port the application names.
 * @param applicationTls Whether the application itself speaks TLS.
 */
export function applicationConnection(
  hostname: string,
  ip: string | null,
  port: number,
  applicationTls: boolean,
): ConnectionFacts {
  return {
    // A name that is not of the mesh has no address before DNS is asked, which only some clusters do.
    destination: { hostname: ip ?? "0.0.0.0", port },
    serverName: applicationTls && !isIpAddress(hostname) ? hostname : "",
    transportProtocol: applicationTls ? "tls" : "raw_buffer",
    applicationProtocols: applicationTls ? ["h2", "http/1.1"] : ["http/1.1"],
    source: { hostname: "127.0.0.1", port: 0 },
  };
}

/** The listener of the first address that has one, then the port's, then the outbound policy's. */
export function pickListener(
  snapshot: Snapshot,
  addresses: readonly string[],
  port: number,
): [Listener | null, string | null] {
  for (const ip of addresses) {
    const listener = snapshot.outboundListener(ip, port);
    if (listener !== null) return [listener, ip];
  }
  const wildcard = snapshot.outboundListener("0.0.0.0", port) ?? snapshot.virtualOutbound;
  return [wildcard, addresses[0] ?? null];
}
