import type { Call } from "../http/call.ts";
import { cookieValue } from "../http/cookie_value.ts";
import type { HeaderList } from "../http/header_list.ts";
import type { HttpRequest } from "../http/message.ts";
import { type Hash64, xxHash64 } from "../internal/xx_hash64.ts";
import { compileRegex } from "../matcher/regex.ts";
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
      return headerSource(policy);
    case "cookie": {
      const { name, ttlMs } = policy;
      if (ttlMs === null) return (request) => hashOf(cookieValue(request.headers, name));
      return (request, call) => hashOf(cookieValue(request.headers, name) ?? makeCookie(call, name));
    }
    case "source_ip":
      return (_, call) => hashOf(call.remoteIp);
    case "query_parameter":
      return (request) => hashOf(queryParameter(request.path, policy.name));
    case "filter_state":
      return (_, call) => hashOf(call.filterState?.get(policy.key));
  }
}

function hashOf(value: string | null | undefined): Hash64 | null {
  return value === null || value === undefined ? null : xxHash64(value);
}

/** The value of a cookie that the caller will be told to keep; one for all attempts of a call. */
function makeCookie(call: Call, name: string): string {
  const made = call.madeCookies ??= new Map();
  let value = made.get(name);
  if (value === undefined) made.set(name, value = crypto.getRandomValues(new Uint8Array(8)).toHex());
  return value!;
}

/** Adds the cookies that were made for a call to its response. */
export type CookieWriter = (headers: HeaderList, call: Call) => void;

/**
 * Compiles what tells the caller of cookies made for hashing; `null` where the policies make none.
 *
 * @see Envoy `Http::Utility::makeSetCookieValue`.
 */
export function compileCookies(policies: readonly HashPolicy[]): CookieWriter | null {
  const tails = new Map<string, string>();
  for (const policy of policies) {
    if (policy.kind !== "cookie" || policy.ttlMs === null || tails.has(policy.name)) continue;
    let tail = policy.ttlMs >= 1000 ? `; Max-Age=${Math.floor(policy.ttlMs / 1000)}` : "";
    if (policy.path !== "") tail += `; Path=${policy.path}`;
    for (const { name, value } of policy.attributes) tail += value === "" ? `; ${name}` : `; ${name}=${value}`;
    tails.set(policy.name, `${tail}; HttpOnly`);
  }
  if (tails.size === 0) return null;
  return (headers, call) => {
    for (const [name, value] of call.madeCookies ?? []) {
      headers.append("set-cookie", `${name}="${value}"${tails.get(name) ?? ""}`);
    }
  };
}

function headerSource(
  { name, regexRewrite }: HashPolicy & { kind: "header" },
): (request: HttpRequest) => Hash64 | null {
  const rewrite = compileValueRewrite(regexRewrite);
  switch (name) {
    case ":authority":
    case "host":
      return (request) => xxHash64(rewrite(request.authority));
    case ":path":
      return (request) => xxHash64(rewrite(request.path));
    case ":method":
      return (request) => xxHash64(rewrite(request.method));
  }
  return (request) => {
    // Envoy sorts several values, so that their order on the wire does not matter; each hash is the seed of the next.
    let hash: Hash64 | null = null;
    for (const value of request.headers.getAll(name).map(rewrite).sort()) {
      hash = hash === null ? xxHash64(value) : xxHash64(value, hash);
    }
    return hash;
  };
}

function compileValueRewrite(rewrite: { pattern: string; substitution: string } | null): (value: string) => string {
  if (rewrite === null) return (value) => value;
  const regex = compileRegex(rewrite.pattern);
  return (value) => regex.replaceAll(value, rewrite.substitution);
}

function combine(before: Hash64, next: Hash64): Hash64 {
  return {
    hi: (((before.hi << 1) | (before.lo >>> 31)) ^ next.hi) >>> 0,
    lo: (((before.lo << 1) | (before.hi >>> 31)) ^ next.lo) >>> 0,
  };
}
