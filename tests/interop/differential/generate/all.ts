import type { DifferentialCase } from "../case.ts";

/** Every generated case of a seed. */
export function generatedCases(_seed: number): DifferentialCase[] {
  return [];
}
