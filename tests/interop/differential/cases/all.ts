import type { DifferentialCase } from "../case.ts";
import { ACTION_CASES } from "./actions.ts";
import { FILTER_CASES } from "./filters.ts";
import { GRPC_WEB_CASES } from "./grpc_web.ts";
import { HASH_CASES } from "./hashes.ts";
import { HEADER_MATCHING_CASES } from "./header_matching.ts";
import { HTTP_FILTER_CASES } from "./http_filters.ts";
import { HEADER_CASES } from "./headers.ts";
import { LIMIT_CASES } from "./limits.ts";
import { MATCHING_CASES } from "./matching.ts";
import { INTERNAL_REDIRECT_CASES } from "./internal_redirects.ts";
import { RETRY_CASES } from "./retries.ts";
import { TIMEOUT_CASES } from "./timeouts.ts";
import { MIRROR_CASES } from "./mirrors.ts";
import { PATH_CASES } from "./paths.ts";
import { REDIRECT_CASES } from "./redirects.ts";
import { REWRITE_CASES } from "./rewrites.ts";
import { UPGRADE_CASES } from "./upgrades.ts";
import { WEIGHT_CASES } from "./weights.ts";
import { RETRY_PLACE_CASES } from "./retry_places.ts";
import { DELAY_CASES } from "./delays.ts";
import { TRAILER_CASES } from "./trailers.ts";
import { VIRTUAL_HOST_CASES } from "./virtual_hosts.ts";

/** Every case written by hand. */
export const CASES: readonly DifferentialCase[] = [
  ...VIRTUAL_HOST_CASES,
  ...PATH_CASES,
  ...HEADER_MATCHING_CASES,
  ...MATCHING_CASES,
  ...ACTION_CASES,
  ...REDIRECT_CASES,
  ...REWRITE_CASES,
  ...LIMIT_CASES,
  ...MIRROR_CASES,
  ...HASH_CASES,
  ...HEADER_CASES,
  ...FILTER_CASES,
  ...HTTP_FILTER_CASES,
  ...GRPC_WEB_CASES,
  ...INTERNAL_REDIRECT_CASES,
  ...RETRY_CASES,
  ...TIMEOUT_CASES,
  ...TRAILER_CASES,
  ...DELAY_CASES,
  ...RETRY_PLACE_CASES,
  ...WEIGHT_CASES,
  ...UPGRADE_CASES,
];
