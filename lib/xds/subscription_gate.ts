import type { SubscriptionSource } from "./resource_sink.ts";
import { inRequestOrder, waitsFor } from "./type_urls.ts";

/** The names of a subscription as they go on the wire: `*` stands for everything. */
export type Names = ReadonlySet<string>;

const EVERYTHING: Names = new Set(["*"]);
const NOTHING: Names = new Set();

/**
 * Decides what is requested in which order. The first time, some types wait for others (listeners for the answer on
 * clusters); once a type was answered, on whatever stream, nothing waits for it again: a reconnect declares everything
 * at once.
 */
export class SubscriptionGate {
  readonly #source: SubscriptionSource;
  readonly #answered = new Set<string>();

  /** @param source What is wanted. */
  constructor(source: SubscriptionSource) {
    this.#source = source;
  }

  /** Notes that a response of the type has arrived. */
  answered(typeUrl: string): void {
    this.#answered.add(typeUrl);
  }

  /** Types to look at, in request order: those wanted and those already requested. */
  order(requested: Iterable<string>): string[] {
    return inRequestOrder([...this.#source.types(), ...requested]);
  }

  /** What is wanted of the type, as wire names. */
  wanted(typeUrl: string): Names {
    const wanted = this.#source.wanted(typeUrl);
    return wanted === null ? NOTHING : wanted === "*" ? EVERYTHING : wanted;
  }

  /** Whether the type may be requested for the first time on this stream, given what was requested on it. */
  open(typeUrl: string, requested: ReadonlyMap<string, unknown>): boolean {
    const prior = waitsFor(typeUrl);
    if (prior === null || this.#answered.has(prior.type) || this.wanted(prior.type).size === 0) return true;
    return prior.event === "requested" && requested.has(prior.type);
  }
}
