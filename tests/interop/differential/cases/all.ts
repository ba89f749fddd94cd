import type { DifferentialCase } from "../case.ts";
import { ACTION_CASES } from "./actions.ts";
import { HTTP_FILTER_CASES } from "./http_filters.ts";
import { HEADER_CASES } from "./headers.ts";
import { MATCHING_CASES } from "./matching.ts";
import { INTERNAL_REDIRECT_CASES } from "./internal_redirects.ts";
import { RETRY_CASES } from "./retries.ts";
import { TIMEOUT_CASES } from "./timeouts.ts";

/** Every case written by hand. */
export const CASES: readonly DifferentialCase[] = [
  ...ACTION_CASES,
  ...HTTP_FILTER_CASES,
  ...HEADER_CASES,
  ...MATCHING_CASES,
  ...INTERNAL_REDIRECT_CASES,
  ...RETRY_CASES,
  ...TIMEOUT_CASES,
];
