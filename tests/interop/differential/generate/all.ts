import type { DifferentialCase } from "../case.ts";
import { hashCase, headerCase, redirectCase, rewriteCase, weightCase } from "./actions.ts";
import { matchingCase, pathFormCase, virtualHostCase } from "./matching.ts";
import { generateRetryCases } from "./retries.ts";
import { Source } from "./source.ts";

/** What is generated, and how many of it. A generator sees nothing but its own seed: others may be added at the end. */
const GENERATORS: readonly (readonly [
  topic: string,
  count: number,
  make: (source: Source, name: string) => DifferentialCase,
])[] = [
  ["matching", 120, matchingCase],
  ["virtual hosts", 60, virtualHostCase],
  ["path form", 40, pathFormCase],
  ["rewrites", 70, rewriteCase],
  ["redirects", 50, redirectCase],
  ["headers", 70, headerCase],
  ["hashes", 30, hashCase],
  ["weights", 10, weightCase],
];

/** Every generated case of a seed. */
export function generatedCases(seed: number): DifferentialCase[] {
  const drawn = GENERATORS.flatMap(([topic, count, make], at) =>
    Array.from({ length: count }, (_, index) => {
      const own = Math.imul(seed, 0x9e3779b1) + (at << 16) + index;
      return make(new Source(own), `generated: ${topic} ${index} (seed ${seed})`);
    })
  );
  return [...drawn, ...generateRetryCases(seed)];
}
