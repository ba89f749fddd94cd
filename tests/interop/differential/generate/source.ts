import type { Random } from "../../../../lib/internal/random.ts";
import { seededRandom } from "../../../support/seeded_random.ts";

/** Choices that a seed determines. */
export class Source {
  readonly #random: Random;

  /** @param seed Another seed makes other choices. */
  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  /** Whether something of that chance happens. */
  chance(chance: number): boolean {
    return this.#random() < chance;
  }

  /** One of several. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** Between `least` and `most` of what `make` makes. */
  list<T>(least: number, most: number, make: (index: number) => T): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, (_, index) => make(index));
  }

  /** Some of several, in their order, each with a chance. */
  some<T>(from: readonly T[], chance: number): T[] {
    return from.filter(() => this.chance(chance));
  }

  /** What `make` makes with a chance, else nothing to spread. */
  maybe<T extends object>(chance: number, make: () => T): T | Record<never, never> {
    return this.chance(chance) ? make() : {};
  }
}
