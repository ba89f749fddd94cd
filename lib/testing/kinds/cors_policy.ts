import type { Fields } from "../fields.ts";
import { parseStringMatches, type StringMatch } from "./string_match.ts";

/** What browsers of other origins may do. */
export interface CorsPolicy {
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  /** How long a browser may keep the answer, in whole seconds. */
  readonly maxAgeSeconds: number | undefined;
  readonly allowCredentials: boolean | undefined;
  /** Whether a preflight request of an origin that does not match goes on to the destination. @default {true} */
  readonly forwardUnmatchedPreflights: boolean;
}

/** Reads `corsPolicy`. */
export function parseCorsPolicy(fields: Fields | undefined): CorsPolicy | undefined {
  if (fields === undefined) return undefined;
  fields.only(
    "allowOrigin",
    "allowOrigins",
    "allowMethods",
    "allowHeaders",
    "exposeHeaders",
    "maxAge",
    "allowCredentials",
    "unmatchedPreflights",
  );
  const exact = fields.strings("allowOrigin").map((value): StringMatch => ({ kind: "exact", value }));
  const maxAgeMs = fields.durationMs("maxAge");
  return {
    allowOrigins: fields.has("allowOrigins") ? parseStringMatches(fields, "allowOrigins") : exact,
    allowMethods: fields.strings("allowMethods"),
    allowHeaders: fields.strings("allowHeaders"),
    exposeHeaders: fields.strings("exposeHeaders"),
    maxAgeSeconds: maxAgeMs === undefined ? undefined : Math.trunc(maxAgeMs / 1000),
    allowCredentials: fields.boolean("allowCredentials"),
    forwardUnmatchedPreflights: fields.oneOf("unmatchedPreflights", ["UNSPECIFIED", "FORWARD", "IGNORE"]) !== "IGNORE",
  };
}
