import type { DifferentialCase } from "../case.ts";
import { generateRetryCases } from "./retries.ts";

/** Every generated case of a seed. */
export function generatedCases(seed: number): DifferentialCase[] {
  return [...generateRetryCases(seed)];
}
