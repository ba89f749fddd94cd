import type { DifferentialCase } from "../case.ts";
import { ACTION_CASES } from "./actions.ts";
import { FILTER_CASES } from "./filters.ts";
import { HEADER_CASES } from "./headers.ts";
import { MATCHING_CASES } from "./matching.ts";
import { REDIRECT_CASES } from "./redirects.ts";
import { RETRY_CASES } from "./retries.ts";
import { TIMEOUT_CASES } from "./timeouts.ts";

/** Every case written by hand. */
export const CASES: readonly DifferentialCase[] = [
  ...ACTION_CASES,
  ...FILTER_CASES,
  ...HEADER_CASES,
  ...MATCHING_CASES,
  ...REDIRECT_CASES,
  ...RETRY_CASES,
  ...TIMEOUT_CASES,
];
