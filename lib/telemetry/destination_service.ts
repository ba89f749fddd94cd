import type { Json } from "../protobuf/well_known.ts";

/** What of a cluster names the service behind it; `Cluster` has this shape. */
export interface ServiceCluster {
  /** For example `outbound|80||cart.shop.svc.cluster.local`. */
  readonly name: string;
  /** Its `filter_metadata`. */
  readonly metadata: Readonly<Record<string, Readonly<Record<string, Json>>>>;
}

/** The labels `destination_service`, `_service_name` and `_service_namespace`; empty where not known. */
export interface DestinationService {
  /** Full name of the service, or the host the caller asked for. */
  readonly host: string;
  /** Short name of the service, or of the catch-all cluster. */
  readonly name: string;
  /** Namespace of the service. */
  readonly namespace: string;
}

/** Routes of the mesh's outbound policy and the name that traffic on them is counted under. */
const CATCH_ALL_ROUTES: ReadonlyMap<string, string> = new Map([
  ["block_all", "BlackHoleCluster"],
  ["allow_any", "PassthroughCluster"],
]);

const CATCH_ALL_CLUSTERS: ReadonlySet<string> = new Set([
  "BlackHoleCluster",
  "PassthroughCluster",
  "InboundPassthroughCluster",
  "InboundPassthroughClusterIpv4",
  "InboundPassthroughClusterIpv6",
]);

/** Hosts come from callers: beyond so many different ones the memory of them starts anew. */
const MAX_HOSTS = 1000;

/** Whether a cluster stands for no service: passthrough of either direction, and the black hole. */
export function isCatchAllCluster(name: string): boolean {
  return CATCH_ALL_CLUSTERS.has(name);
}

/**
 * Names the destination service of a request as Istio's stats filter does: the first service in the cluster's metadata,
 * else (where the configuration allows it) the host the caller asked for; traffic of a catch-all route or cluster is
 * counted under the name of that cluster. The same answer is the same object, so that it can key a series.
 */
export class DestinationServices {
  readonly #ofCluster: WeakMap<ServiceCluster, DestinationService> = new WeakMap();
  readonly #ofHost: Map<string, DestinationService> = new Map();

  /**
   * The destination service of a request.
   *
   * @param cluster The chosen cluster, `null` for none.
   * @param routeName Name of the chosen route.
   * @param fallbackHost The request's authority; `null` where `disable_host_header_fallback` is set.
   */
  of(cluster: ServiceCluster | null, routeName: string | null, fallbackHost: string | null): DestinationService {
    const catchAll = routeName === null ? undefined : CATCH_ALL_ROUTES.get(routeName);
    if (catchAll !== undefined) return this.#host(fallbackHost ?? "", catchAll);
    if (cluster === null) return this.#host(fallbackHost ?? "", null);
    const known = this.#ofCluster.get(cluster);
    if (known !== undefined) return known;
    if (CATCH_ALL_CLUSTERS.has(cluster.name)) return this.#host(fallbackHost ?? "", cluster.name);
    const service = serviceOf(cluster);
    if (service === null) return this.#host(fallbackHost ?? "", null);
    this.#ofCluster.set(cluster, service);
    return service;
  }

  #host(host: string, name: string | null): DestinationService {
    const key = name === null ? host : `${name} ${host}`;
    let service = this.#ofHost.get(key);
    if (service === undefined) {
      if (this.#ofHost.size >= MAX_HOSTS) this.#ofHost.clear();
      service = { host, name: name ?? host, namespace: "" };
      this.#ofHost.set(key, service);
    }
    return service;
  }
}

function serviceOf(cluster: ServiceCluster): DestinationService | null {
  const services = cluster.metadata["istio"]?.["services"];
  const service = Array.isArray(services) ? services[0] : undefined;
  if (typeof service !== "object" || service === null || Array.isArray(service)) return null;
  const { host, name, namespace } = service;
  if (typeof host !== "string") return null;
  return {
    host,
    name: typeof name === "string" ? name : host.split(".", 1)[0]!,
    namespace: typeof namespace === "string" ? namespace : "",
  };
}
