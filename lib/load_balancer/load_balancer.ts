import type { Hash64 } from "../internal/xx_hash64.ts";
import type { Json } from "../protobuf/well_known.ts";
import type { Host } from "./host.ts";

/** A host the request asks for (Envoy's upstream override host). */
export interface OverrideHost {
  /** `ip:port`. */
  readonly address: string;
  /** Whether the request fails where that host cannot be taken. */
  readonly strict: boolean;
}

/** Priorities that a retry avoids. */
export interface ExcludedPriorities {
  readonly priorities: readonly number[];
  /** Called where no other priority has hosts to offer: none is avoided any more, and counting begins anew. */
  reset(): void;
}

/** What a choice may depend on. */
export interface PickContext {
  /** The hash of the request; `null` where no hash policy gave one (the choice is then random). */
  readonly hash: Hash64 | null;
  /** Hosts to be avoided, for they were tried before or by their metadata; `null` for none (`retry_host_predicate`). */
  readonly excluded: { includes(host: Host): boolean } | null;
  /** Priorities to be avoided where others have hosts; `null` for none (Envoy's `previous_priorities` predicate). */
  readonly excludedPriorities: ExcludedPriorities | null;
  /** How often to choose again when an excluded host came up (`host_selection_retry_max_attempts`). */
  readonly maxReselections: number;
  /** Where the caller wanted to go, `ip:port`; only for ORIGINAL_DST. */
  readonly destination: string | null;
  /** Metadata of `envoy.lb` that the host must have (`metadata_match`), for subsets; the same object for each request. */
  readonly subset: Readonly<Record<string, Json>> | null;
  /** A host named by a session; `null` for none, and for every attempt but the first. */
  readonly override: OverrideHost | null;
  /** Headers of the request, which may name hosts (the policy `override_host`). */
  readonly headers: { get(name: string): string | undefined } | null;
  /** How many attempts came before this one. */
  readonly attempt: number;
}

/** Chooses hosts. One is made for each host set; it is replaced, not changed, when the set changes. */
export interface LoadBalancer<H extends Host> {
  /** A host, or `null` where none may be used. */
  pick(context: PickContext): H | null;
}

/** Chooses among the hosts of one list, without priorities and localities: the part that differs from policy to policy. */
export interface Picker<H extends Host> {
  /**
   * @param hash Hash of the request; `null` for none.
   * @param attempt 0 at first, then counting up when the former choice was refused.
   * @returns `null` only where the list is empty.
   */
  pick(hash: Hash64 | null, attempt: number): H | null;
}

/** A host with its share of the traffic, in no particular unit. */
export interface WeightedHost<H extends Host> {
  readonly host: H;
  readonly weight: number;
}

/**
 * Makes the picker of one list.
 *
 * @param hosts The hosts with their weights. For policies that hash these are parts of 1, with the weights of localities
 * applied.
 * @param former The picker of the same list before it changed, to go on from; `null` for none.
 */
export type PickerFactory<H extends Host> = (
  hosts: readonly WeightedHost<H>[],
  former: Picker<H> | null,
) => Picker<H>;
