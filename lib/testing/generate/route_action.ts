import type {
  EnvoyConfigRouteV3RouteAction as RouteAction,
  EnvoyConfigRouteV3WeightedClusterClusterWeight as ClusterWeight,
} from "../../protobuf/gen/messages.ts";
import type { Destination, WeightedDestination } from "../kinds/destination.ts";
import type { HttpRoute, Mirror } from "../kinds/http_route.ts";
import { clusterName, duration, type GenerateContext } from "./context.ts";
import { destinationHash, hashPolicy } from "./hash_policy.ts";
import { authorityOf, headerChanges } from "./header_changes.ts";
import { perMillion } from "./percent.ts";
import { retryPolicy } from "./retry_policy.ts";

/** Where the requests of a route go, and how. */
export function routeAction(context: GenerateContext, http: HttpRoute, port: number): RouteAction {
  const timeout = http.timeoutMs === undefined ? {} : duration(http.timeoutMs);
  const hashes = http.destinations.filter((item) => isUsed(http, item)).map((item) => destinationHash(context, item));
  const hashPolicies = hashes.filter((hash) => hash !== undefined).map(hashPolicy);
  // Only a single destination's hash counts for retries.
  const retry = retryPolicy(http.retries, http.destinations.length === 1 && hashPolicies.length > 0);
  const mirrors = http.mirrors.filter(({ percent }) => percent !== 0);
  return {
    ...clusterSpecifier(http, port),
    ...rewrites(http),
    timeout,
    ...(retry === undefined ? {} : { retryPolicy: retry }),
    ...(hashPolicies.length === 0 ? {} : { hashPolicy: hashPolicies }),
    ...(mirrors.length === 0 ? {} : { requestMirrorPolicies: mirrors.map((mirror) => mirrorPolicy(mirror, port)) }),
    maxGrpcTimeout: timeout,
  };
}

/** The cluster of a destination. Without a port of its own it takes the listener's, as in istiod. */
export function destinationCluster({ host, subset, port }: Destination, listenerPort: number): string {
  return clusterName(port ?? listenerPort, subset, host);
}

/** Among several destinations those without weight are left out. */
function isUsed(http: HttpRoute, { weight }: WeightedDestination): boolean {
  return http.destinations.length === 1 || weight > 0;
}

function clusterSpecifier(http: HttpRoute, port: number): RouteAction {
  const [first, ...others] = http.destinations;
  if (first !== undefined && others.length === 0) return { cluster: destinationCluster(first, port) };
  return {
    weightedClusters: {
      clusters: http.destinations.filter((item) => isUsed(http, item)).map((item): ClusterWeight => {
        const authority = authorityOf(item.headers);
        return {
          name: destinationCluster(item, port),
          weight: { value: item.weight },
          ...headerChanges(item.headers),
          ...(authority === undefined ? {} : { hostRewriteLiteral: authority }),
        };
      }),
    },
  };
}

function rewrites({ rewrite, headers, destinations }: HttpRoute): RouteAction {
  const single = destinations.length === 1 ? authorityOf(destinations[0]!.headers) : undefined;
  const authority = rewrite?.authority ?? (authorityOf(headers) || undefined) ?? single;
  const { uri, regex } = rewrite ?? {};
  return {
    ...(regex === undefined
      ? uri === undefined ? {} : { prefixRewrite: uri }
      : { regexRewrite: { pattern: { regex: regex.match }, substitution: regex.rewrite } }),
    ...(authority === undefined ? {} : { hostRewriteLiteral: authority }),
  };
}

function mirrorPolicy(mirror: Mirror, port: number): NonNullable<RouteAction["requestMirrorPolicies"]>[number] {
  const { percent } = mirror;
  return {
    cluster: destinationCluster(mirror, port),
    runtimeFraction: { defaultValue: percent === undefined ? { numerator: 100 } : perMillion(percent) },
    traceSampled: {},
    disableShadowHostSuffixAppend: true,
  };
}
