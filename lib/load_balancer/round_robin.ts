import { type Random, randomInt } from "../internal/random.ts";
import type { Host } from "./host.ts";
import type { Picker, WeightedHost } from "./load_balancer.ts";

/**
 * ROUND_ROBIN: each host in turn where the weights are equal, else earliest deadline first, exact over each cycle of
 * picks (the sum of the whole weights). The first host is a random one, so that many clients do not start alike.
 */
export class RoundRobinPicker<H extends Host> implements Picker<H> {
  readonly #hosts: readonly H[];
  /** Where weights differ; `null` where each host has its turn. */
  readonly #weighted: (() => H) | null;
  #next = 0;

  /**
   * @param hosts The hosts.
   * @param random Source of randomness.
   * @param former The picker of the list as it was before: turns go on from where it stands.
   * @default {null} for `former`
   */
  constructor(hosts: readonly WeightedHost<H>[], random: Random, former: Picker<H> | null = null) {
    this.#hosts = hosts.map(({ host }) => host);
    const equal = hosts.every(({ weight }) => weight === hosts[0]!.weight);
    this.#weighted = equal ? null : weightedTurn(hosts, random);
    if (hosts.length === 0) return;
    this.#next = former instanceof RoundRobinPicker ? former.#next % hosts.length : randomInt(random, hosts.length);
  }

  pick(): H | null {
    if (this.#weighted !== null) return this.#weighted();
    const host = this.#hosts[this.#next];
    if (host === undefined) return null;
    this.#next = this.#next + 1 === this.#hosts.length ? 0 : this.#next + 1;
    return host;
  }
}

interface Slot<H> {
  readonly host: H;
  readonly weight: number;
  readonly order: number;
  /** How often the host is due in this cycle, counting from 1. */
  count: number;
}

/**
 * The deadline of a host's n-th pick is `n / weight`, computed afresh rather than added up: a division rounds equal
 * fractions to equal numbers, so a cycle holds each host exactly `weight` times.
 */
function weightedTurn<H extends Host>(hosts: readonly WeightedHost<H>[], random: Random): () => H {
  const cycle = hosts.reduce((sum, { weight }) => sum + weight, 0);
  const heap: Slot<H>[] = hosts.map(({ host, weight }, order) => ({ host, weight, order, count: 1 }));
  let picks = 0;
  const restart = () => {
    picks = 0;
    for (const slot of heap) slot.count = 1;
    for (let i = (heap.length >> 1) - 1; i >= 0; i--) sink(heap, i);
  };
  restart();
  const turn = () => {
    const top = heap[0]!;
    top.count++;
    if (++picks >= cycle) restart();
    else sink(heap, 0);
    return top.host;
  };
  // Bounded: skipping further than the number of hosts adds nothing to the mixing.
  for (let skip = randomInt(random, Math.min(cycle, hosts.length)); skip > 0; skip--) turn();
  return turn;
}

function sink<H>(heap: Slot<H>[], index: number): void {
  const slot = heap[index]!;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, slot)) break;
    heap[index] = heap[child]!;
    index = child;
  }
  heap[index] = slot;
}

function before(a: Slot<unknown>, b: Slot<unknown>): boolean {
  const dueA = a.count / a.weight;
  const dueB = b.count / b.weight;
  return dueA < dueB || (dueA === dueB && a.order < b.order);
}
