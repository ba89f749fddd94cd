import type { Call } from "../http/call.ts";
import type { HttpRequest } from "../http/message.ts";
import { type Hash64, xxHash64 } from "../internal/xx_hash64.ts";
import type { HashPolicy } from "../resource/route.ts";
import { queryParameter } from "./request_path.ts";

/** Computes the hash of a request for consistent load balancing; `null` where nothing to hash was found. */
export type RequestHash = (request: HttpRequest, call: Call) => Hash64 | null;

/**
 * Compiles the hash policies of a route; `null` where there are none. The hashes are combined in order as Envoy does
 * (rotated by one bit, then mixed by exclusive or); a terminal policy that yields one ends the computation.
 */
export function compileHashPolicies(policies: readonly HashPolicy[]): RequestHash | null {
  if (policies.length === 0) return null;
  const sources = policies.map((policy) => ({ terminal: policy.terminal, read: compileSource(policy) }));
  return (request, call) => {
    let hash: Hash64 | null = null;
    for (const { terminal, read } of sources) {
      const next = read(request, call);
      if (next !== null) hash = hash === null ? next : combine(hash, next);
      if (terminal && hash !== null) break;
    }
    return hash;
  };
}

function compileSource(policy: HashPolicy): RequestHash {
  switch (policy.kind) {
    case "header":
      return headerSource(policy.name);
    case "cookie":
      return (request) => hashOf(cookieValue(request, policy.name));
    case "source_ip":
      return (_, call) => hashOf(call.downstream?.remote.hostname);
    case "query_parameter":
      return (request) => hashOf(queryParameter(request.path, policy.name));
    case "filter_state":
      return (_, call) => hashOf(call.filterState?.get(policy.key));
  }
}

function hashOf(value: string | null | undefined): Hash64 | null {
  return value === null || value === undefined ? null : xxHash64(value);
}

function headerSource(name: string): (request: HttpRequest) => Hash64 | null {
  switch (name) {
    case ":authority":
    case "host":
      return (request) => xxHash64(request.authority);
    case ":path":
      return (request) => xxHash64(request.path);
    case ":method":
      return (request) => xxHash64(request.method);
  }
  return (request) => {
    // Envoy sorts several values, so that their order on the wire does not matter; each hash is the seed of the next.
    let hash: Hash64 | null = null;
    for (const value of request.headers.getAll(name).sort()) {
      hash = hash === null ? xxHash64(value) : xxHash64(value, hash);
    }
    return hash;
  };
}

function cookieValue(request: HttpRequest, name: string): string | null {
  for (const header of request.headers.getAll("cookie")) {
    for (const part of header.split(";")) {
      const equals = part.indexOf("=");
      if (equals < 0 || part.slice(0, equals).trim() !== name) continue;
      const value = part.slice(equals + 1).trim();
      const bare = value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
      return bare === "" ? null : bare;
    }
  }
  return null;
}

function combine(before: Hash64, next: Hash64): Hash64 {
  return {
    hi: (((before.hi << 1) | (before.lo >>> 31)) ^ next.hi) >>> 0,
    lo: (((before.lo << 1) | (before.hi >>> 31)) ^ next.lo) >>> 0,
  };
}
