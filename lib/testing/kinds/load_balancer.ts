import type { Fields } from "../fields.ts";
import { type LocalitySetting, parseLocalitySetting } from "./locality_setting.ts";

/** How a cluster picks an endpoint. */
export type SimpleLoadBalancer = "LEAST_REQUEST" | "ROUND_ROBIN" | "RANDOM" | "PASSTHROUGH";

/** Endpoints that are new get less than their share at first; `undefined` leaves Envoy's default. */
export interface Warmup {
  readonly durationMs: number;
  readonly minimumPercent: number | undefined;
  readonly aggression: number | undefined;
}

/** What a request is hashed by. */
export type HashKey =
  | { readonly kind: "header"; readonly name: string }
  | {
    readonly kind: "cookie";
    readonly name: string;
    readonly path: string | undefined;
    readonly ttlMs: number | undefined;
    readonly attributes: readonly { readonly name: string; readonly value: string }[];
  }
  | { readonly kind: "sourceIp" }
  | { readonly kind: "query"; readonly name: string };

/** Requests with one hash go to one endpoint. */
export interface ConsistentHash {
  readonly key: HashKey;
  /** `size` is that of the smallest ring, `undefined` for Envoy's default, or of Maglev's table. */
  readonly table: { readonly kind: "ring" | "maglev"; readonly size: number | undefined };
}

/** `loadBalancer` of a policy. */
export interface LoadBalancer {
  readonly simple: SimpleLoadBalancer | undefined;
  readonly consistentHash: ConsistentHash | undefined;
  readonly locality: LocalitySetting | undefined;
  readonly warmup: Warmup | undefined;
}

/** istiod's smallest ring where nothing is said about it. */
const DEFAULT_RING_SIZE = 1024;
const SIMPLE = ["UNSPECIFIED", "LEAST_CONN", "LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "PASSTHROUGH"] as const;

/** Reads `loadBalancer`, `undefined` where absent. */
export function parseLoadBalancer(fields: Fields | undefined): LoadBalancer | undefined {
  if (fields === undefined) return undefined;
  fields.only("simple", "consistentHash", "localityLbSetting", "warmup", "warmupDurationSecs");
  const consistentHash = parseConsistentHash(fields.object("consistentHash"));
  const simple = fields.oneOf("simple", SIMPLE);
  if (simple !== undefined && consistentHash !== undefined) {
    throw fields.error("simple", "must not be there beside 'consistentHash'");
  }
  const older = fields.durationMs("warmupDurationSecs");
  return {
    simple: simple === "UNSPECIFIED" ? undefined : simple === "LEAST_CONN" ? "LEAST_REQUEST" : simple,
    consistentHash,
    locality: parseLocalitySetting(fields.object("localityLbSetting")),
    warmup: parseWarmup(fields.object("warmup")) ??
      (older === undefined ? undefined : { durationMs: older, minimumPercent: undefined, aggression: undefined }),
  };
}

function parseWarmup(fields: Fields | undefined): Warmup | undefined {
  if (fields === undefined) return undefined;
  fields.only("duration", "minimumPercent", "aggression");
  const durationMs = fields.durationMs("duration");
  if (durationMs === undefined) throw fields.error("duration", "is required");
  return {
    durationMs,
    minimumPercent: fields.number("minimumPercent", 0, 100) ?? 10,
    aggression: fields.number("aggression", 1) ?? 1,
  };
}

function parseConsistentHash(fields: Fields | undefined): ConsistentHash | undefined {
  if (fields === undefined) return undefined;
  fields.only(
    "httpHeaderName",
    "httpCookie",
    "useSourceIp",
    "httpQueryParameterName",
    "ringHash",
    "maglev",
    "minimumRingSize",
  );
  return { key: parseKey(fields), table: parseTable(fields) };
}

function parseKey(fields: Fields): HashKey {
  const keys: HashKey[] = [];
  const header = fields.string("httpHeaderName");
  if (header) keys.push({ kind: "header", name: header });
  const cookie = fields.object("httpCookie");
  if (cookie !== undefined) keys.push(parseCookie(cookie));
  if (fields.boolean("useSourceIp") === true) keys.push({ kind: "sourceIp" });
  const query = fields.string("httpQueryParameterName");
  if (query) keys.push({ kind: "query", name: query });
  if (keys.length === 1) return keys[0]!;
  throw fields.error(
    "httpHeaderName",
    "must be there, or one of 'httpCookie', 'useSourceIp' and 'httpQueryParameterName' in its place",
  );
}

function parseCookie(fields: Fields): HashKey {
  fields.only("name", "path", "ttl", "attributes");
  return {
    kind: "cookie",
    name: fields.requiredString("name"),
    path: fields.string("path"),
    ttlMs: fields.durationMs("ttl"),
    attributes: fields.list("attributes").map((attribute) => {
      attribute.only("name", "value");
      return { name: attribute.requiredString("name"), value: attribute.string("value") ?? "" };
    }),
  };
}

function parseTable(fields: Fields): ConsistentHash["table"] {
  const maglev = fields.object("maglev");
  maglev?.only("tableSize");
  if (maglev !== undefined) {
    const size = maglev.number("tableSize", 2);
    if (size === undefined) throw maglev.error("tableSize", "is required, a prime number");
    return { kind: "maglev", size };
  }
  const ring = fields.object("ringHash");
  ring?.only("minimumRingSize");
  if (ring !== undefined) return { kind: "ring", size: ring.number("minimumRingSize") || undefined };
  return { kind: "ring", size: fields.number("minimumRingSize") || DEFAULT_RING_SIZE };
}
