import type { Hash64 } from "../internal/xx_hash64.ts";
import type { Host } from "./host.ts";

/** What a choice may depend on. */
export interface PickContext {
  /** The hash of the request; `null` where no hash policy gave one (the choice is then random). */
  readonly hash: Hash64 | null;
  /** Hosts to be avoided, for they were tried before or by their metadata; `null` for none (`retry_host_predicate`). */
  readonly excluded: { includes(host: Host): boolean } | null;
  /** How often to choose again when an excluded host came up (`host_selection_retry_max_attempts`). */
  readonly maxReselections: number;
  /** Where the caller wanted to go, `ip:port`; only for ORIGINAL_DST. */
  readonly destination: string | null;
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
 * @param hosts The hosts with their weights; with locality weights applied where the policy has no notion of localities.
 */
export type PickerFactory<H extends Host> = (hosts: readonly WeightedHost<H>[]) => Picker<H>;
