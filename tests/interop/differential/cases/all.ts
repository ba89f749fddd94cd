import type { DifferentialCase } from "../case.ts";
import { MATCHING_CASES } from "./matching.ts";

/** Every case written by hand. */
export const CASES: readonly DifferentialCase[] = [...MATCHING_CASES];
