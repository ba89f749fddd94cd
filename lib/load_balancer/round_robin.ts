import { type Random, randomInt } from "../internal/random.ts";
import type { Host } from "./host.ts";
import type { Picker, WeightedHost } from "./load_balancer.ts";

/**
 * ROUND_ROBIN: each host in turn where the weights are equal, else earliest deadline first, exact over each cycle of
 * picks (the sum of the whole weights). The first host is a random one, so that many clients do not start alike.
 */
export class RoundRobinPicker<H extends Host> implements Picker<H> {
  readonly #turn: () => H | null;

  /**
   * @param hosts The hosts.
   * @param random Source of randomness.
   */
  constructor(hosts: readonly WeightedHost<H>[], random: Random) {
    const first = hosts[0];
    if (first === undefined) this.#turn = () => null;
    else if (hosts.every(({ weight }) => weight === first.weight)) this.#turn = plainTurn(hosts, random);
    else this.#turn = weightedTurn(hosts, random);
  }

  pick(): H | null {
    return this.#turn();
  }
}

function plainTurn<H extends Host>(hosts: readonly WeightedHost<H>[], random: Random): () => H {
  const plain = hosts.map(({ host }) => host);
  let next = randomInt(random, plain.length);
  return () => {
    const host = plain[next]!;
    next = next + 1 === plain.length ? 0 : next + 1;
    return host;
  };
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
