import type { RouteMatch } from "./route.ts";

/** A match that every request with a path fulfils. */
export const MATCH_EVERYTHING: RouteMatch = {
  path: { kind: "prefix", value: "/" },
  caseSensitive: true,
  headers: [],
  queryParameters: [],
  runtimeFraction: null,
  grpc: false,
  dynamicMetadata: [],
};
