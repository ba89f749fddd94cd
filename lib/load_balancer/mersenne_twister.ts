const SIZE = 624;
const SHIFT = 397;

/**
 * MT19937, the generator of `std::mt19937`: Envoy seeds one with the hash of a request to find another host where the
 * hash's own has too much to do, so the same hash goes the same way.
 */
export class MersenneTwister {
  readonly #state = new Uint32Array(SIZE);
  #next = SIZE;

  /** @param seed 32 bits. */
  constructor(seed: number) {
    const state = this.#state;
    state[0] = seed;
    for (let i = 1; i < SIZE; i++) {
      const former = state[i - 1]! ^ (state[i - 1]! >>> 30);
      state[i] = Math.imul(former, 1812433253) + i;
    }
  }

  /** The next number of 32 bits. */
  next(): number {
    if (this.#next === SIZE) this.#generate();
    let value = this.#state[this.#next++]!;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    value ^= value >>> 18;
    return value >>> 0;
  }

  /** A number in [0, below), uniform: drawn again where the last, incomplete share of the range was hit. */
  below(below: number): number {
    const share = Math.floor(0x100000000 / below);
    for (;;) {
      const value = Math.floor(this.next() / share);
      if (value < below) return value;
    }
  }

  #generate(): void {
    const state = this.#state;
    for (let i = 0; i < SIZE; i++) {
      const mixed = (state[i]! & 0x80000000) | (state[(i + 1) % SIZE]! & 0x7fffffff);
      state[i] = state[(i + SHIFT) % SIZE]! ^ (mixed >>> 1) ^ ((mixed & 1) === 0 ? 0 : 0x9908b0df);
    }
    this.#next = 0;
  }
}
