import type { Random } from "../internal/random.ts";
import { type Hash64, hashModulo, xxHash64 } from "../internal/xx_hash64.ts";
import type { Host } from "./host.ts";
import type { Picker, WeightedHost } from "./load_balancer.ts";
import { randomHash } from "./random_hash.ts";

/** MAGLEV: the same table as Envoy builds of the same hosts (their order does not matter). */
export class MaglevPicker<H extends Host> implements Picker<H> {
  readonly #hosts: readonly H[];
  readonly #table: Uint32Array;
  readonly #random: Random;

  /**
   * @param hosts The hosts, with weights that are parts of 1.
   * @param tableSize Size of the table, a prime; Envoy's default is 65537.
   * @param random Used where a request has no hash.
   */
  constructor(hosts: readonly WeightedHost<H>[], tableSize: number, random: Random) {
    const sorted = hosts.slice().sort((a, b) => compareBytes(a.host.hashKey, b.host.hashKey));
    this.#hosts = sorted.map(({ host }) => host);
    this.#table = sorted.length === 0 ? new Uint32Array(0) : buildTable(sorted, tableSize);
    this.#random = random;
  }

  pick(hash: Hash64 | null, attempt: number): H | null {
    const size = this.#table.length;
    if (size === 0) return null;
    let key = hash ?? randomHash(this.#random);
    // Envoy: `hash ^= ~0 - attempt + 1`, which is the negation of `attempt`, in 64 bits.
    if (attempt > 0) key = { hi: ~key.hi >>> 0, lo: (key.lo ^ -attempt) >>> 0 };
    return this.#hosts[this.#table[hashModulo(key, size)]!]!;
  }
}

const ONE: Hash64 = { hi: 0, lo: 1 };

function buildTable(hosts: readonly WeightedHost<Host>[], size: number): Uint32Array {
  const EMPTY = 0xffffffff;
  const table = new Uint32Array(size).fill(EMPTY);
  const rows = hosts.map(({ host, weight }) => ({
    position: hashModulo(xxHash64(host.hashKey), size),
    skip: hashModulo(xxHash64(host.hashKey, ONE), size - 1) + 1,
    weight,
    target: 0,
  }));
  const most = rows.reduce((most, { weight }) => Math.max(most, weight), 0);
  // A host of the greatest weight has its turn in every round, one of a third of it in every third.
  for (let round = 1, filled = 0; filled < size; round++) {
    for (let i = 0; i < rows.length && filled < size; i++) {
      const row = rows[i]!;
      if (round * row.weight < row.target) continue;
      row.target += most;
      while (table[row.position] !== EMPTY) row.position = (row.position + row.skip) % size;
      table[row.position] = i;
      row.position = (row.position + row.skip) % size;
      filled++;
    }
  }
  return table;
}

function compareBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
