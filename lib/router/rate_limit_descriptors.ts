import type { Call } from "../http/call.ts";
import type { HttpRequest } from "../http/message.ts";
import { pseudoHeader } from "../http/pseudo_header.ts";
import { compileRequestHeaderMatch } from "../matcher/header_matcher.ts";
import { cidrRange } from "../resource/cidr.ts";
import type { RateLimit, RateLimitAction } from "../resource/route.ts";

/** One entry of a descriptor. */
export type DescriptorEntry = readonly [key: string, value: string];

/** A request as rate limits see it: several entries, in order. */
export type Descriptor = readonly DescriptorEntry[];

/** What an action says: an entry, nothing (`skip`), or that the whole descriptor does not apply (`none`). */
type Outcome = DescriptorEntry | "skip" | "none";
type CompiledAction = (request: HttpRequest, call: Call) => Outcome;

/**
 * Compiles `rate_limits`: the function gives the descriptors of a request, one for each entry whose actions all say
 * something.
 *
 * @param limits Entries of the route or the virtual host.
 * @param stage Entries of other stages are left out.
 * @param localCluster Our own service cluster, for `source_cluster`.
 * @see Envoy `RateLimitPolicyEntryImpl::populateDescriptors`.
 */
export function compileRateLimits(
  limits: readonly RateLimit[],
  stage: number,
  localCluster: string,
): (request: HttpRequest, call: Call) => Descriptor[] {
  const compiled = limits.filter((limit) => limit.stage === stage)
    .map(({ actions }) => actions.map((action) => compileAction(action, localCluster)));
  return (request, call) => {
    const out: Descriptor[] = [];
    for (const actions of compiled) {
      const descriptor = describe(actions, request, call);
      if (descriptor !== null) out.push(descriptor);
    }
    return out;
  };
}

function describe(actions: readonly CompiledAction[], request: HttpRequest, call: Call): Descriptor | null {
  const entries: DescriptorEntry[] = [];
  for (const action of actions) {
    const outcome = action(request, call);
    if (outcome === "none") return null;
    if (outcome !== "skip") entries.push(outcome);
  }
  return entries;
}

function compileAction(action: RateLimitAction, localCluster: string): CompiledAction {
  switch (action.kind) {
    case "source_cluster":
      return () => ["source_cluster", localCluster];
    case "destination_cluster":
      return (_, call) => ["destination_cluster", call.clusterName ?? ""];
    case "remote_address":
      return (_, call) => ["remote_address", call.forwardedIp ?? call.downstream?.remote.hostname ?? LOCAL];
    case "masked_remote_address":
      return (_, call) => {
        const masked = mask(
          call.forwardedIp ?? call.downstream?.remote.hostname ?? LOCAL,
          action.v4Bits,
          action.v6Bits,
        );
        return masked === null ? "none" : ["masked_remote_address", masked];
      };
    case "request_headers":
      return (request) => {
        const value = pseudoHeader(request, action.header) ?? request.headers.get(action.header);
        return value === undefined ? (action.skipIfAbsent ? "skip" : "none") : [action.key, value];
      };
    case "generic_key":
      return () => [action.key, action.value];
    case "header_value_match": {
      const matches = action.headers.map(compileRequestHeaderMatch);
      return (request) =>
        matches.every((holds) => holds(request)) === action.expectMatch ? [action.key, action.value] : "none";
    }
    case "metadata":
      return (_, call) => {
        const source = action.source === "dynamic"
          ? call.dynamicMetadata?.get(action.filter)
          : call.chosen?.route.metadata[action.filter];
        const found = textAt(source, action.path) || action.fallback;
        return found === "" ? (action.skipIfAbsent ? "skip" : "none") : [action.key, found];
      };
  }
}

/** Where calls of the application itself come from. */
const LOCAL = "127.0.0.1";

/** The range of an address, as text; `null` where it is none. */
function mask(address: string, v4Bits: number, v6Bits: number): string | null {
  const range = cidrRange(address, address.includes(":") ? v6Bits : v4Bits);
  if (range === null) return null;
  const { address: bytes, prefixLength } = range;
  if (bytes.length === 4) return `${bytes.join(".")}/${prefixLength}`;
  const groups = Array.from({ length: 8 }, (_, index) => (bytes[2 * index]! << 8 | bytes[2 * index + 1]!).toString(16));
  // A URL writes an IPv6 address in its short form.
  return `${new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1)}/${prefixLength}`;
}

function textAt(value: unknown, path: readonly string[]): string {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return "";
    at = (at as Record<string, unknown>)[key];
  }
  return typeof at === "string" ? at : "";
}
