import type { DifferentialCase } from "../case.ts";
import { ACTION_CASES } from "./actions.ts";
import { HEADER_CASES } from "./headers.ts";
import { MATCHING_CASES } from "./matching.ts";

/** Every case written by hand. */
export const CASES: readonly DifferentialCase[] = [...MATCHING_CASES, ...ACTION_CASES, ...HEADER_CASES];
