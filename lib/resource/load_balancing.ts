import type { Json } from "../protobuf/well_known.ts";
import type { HealthStatus } from "./endpoint.ts";

/** Traffic stays in the zone of the caller as far as its endpoints there can take it (`zone_aware_lb_config`). */
export interface ZoneAware {
  /** Percent of requests it applies to. Envoy's default is 100. */
  readonly routingEnabledPercent: number;
  /** Healthy hosts a cluster must have. Envoy's default is 6. */
  readonly minClusterSize: number;
  /** Requests fail rather than reach unhealthy hosts. Envoy's default is `false`. */
  readonly failTrafficOnPanic: boolean;
}

/** What happens to a request for which there is no subset. */
export type SubsetFallback = "no_fallback" | "any_endpoint" | "default_subset";

/** Keys by which hosts are divided into subsets. */
export interface SubsetSelector {
  /** Sorted, without repetition. */
  readonly keys: readonly string[];
  /** `keys_subset` tries again with `fallbackKeys` only; `null` leaves it to the cluster's policy. */
  readonly fallback: SubsetFallback | "keys_subset" | null;
  readonly fallbackKeys: readonly string[];
  /** Each subset has one host, the first. */
  readonly singleHost: boolean;
}

/** `lb_subset_config`, or the policy `envoy.load_balancing_policies.subset`. */
export interface SubsetSettings {
  readonly fallback: SubsetFallback;
  /** Metadata of `envoy.lb` that hosts of the default subset have. */
  readonly defaultSubset: Readonly<Record<string, Json>>;
  readonly selectors: readonly SubsetSelector[];
  /** A request may ask for more keys than a selector has. */
  readonly allowRedundantKeys: boolean;
  /** Subsets share by the weights of localities. */
  readonly localityWeightAware: boolean;
  /** Those weights shrink with the part of the locality that is in the subset. */
  readonly scaleLocalityWeight: boolean;
  /** Any host is taken where the fallback has none. */
  readonly panicModeAny: boolean;
  /** A list in a host's metadata stands for each of its values. */
  readonly listAsAny: boolean;
  /** The request's `fallback_list` holds metadata to try one after the other (`FALLBACK_LIST`). */
  readonly metadataFallbackList: boolean;
}

/** How endpoints are chosen. */
export interface LoadBalancing {
  readonly policy: "round_robin" | "least_request" | "random" | "ring_hash" | "maglev" | "cluster_provided";
  /** Hosts looked at by `least_request`. Envoy's default is 2. */
  readonly choiceCount: number;
  /** Exponent of the active requests in weighted `least_request`. Envoy's default is 1. */
  readonly activeRequestBias: number;
  /** `least_request` looks at every host (`FULL_SCAN`) instead of `choiceCount` of them. */
  readonly fullScan: boolean;
  readonly ringMinimumSize: number;
  readonly ringMaximumSize: number;
  readonly ringHashFunction: "xx_hash" | "murmur_hash_2";
  readonly maglevTableSize: number;
  readonly useHostnameForHashing: boolean;
  /** Percent of the mean load a host may have before a hash goes elsewhere, at least 100; 0 for no bound. */
  readonly hashBalanceFactor: number;
  /** Percent of healthy hosts below which health is ignored; Istio sends 0, Envoy's default is 50. */
  readonly healthyPanicThreshold: number;
  readonly localityWeighted: boolean;
  readonly zoneAware: ZoneAware | null;
  readonly slowStartWindowMs: number;
  readonly slowStartAggression: number;
  readonly slowStartMinWeightPercent: number;
  /** Health in which a host named by the request (a session cookie) is taken. */
  readonly overrideHostStatus: readonly HealthStatus[];
  /** `null` for none. */
  readonly subset: SubsetSettings | null;
  /** Request headers (lower case) that name hosts, of the policy `override_host`; empty for none. */
  readonly overrideHostHeaders: readonly string[];
  /** Connections to every host are closed once idle when hosts come or go. */
  readonly closeConnectionsOnHostSetChange: boolean;
}
