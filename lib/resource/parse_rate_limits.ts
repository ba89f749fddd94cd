import type {
  EnvoyConfigRouteV3RateLimit,
  EnvoyConfigRouteV3RateLimitAction,
  EnvoyConfigRouteV3RateLimitActionMetaData,
} from "../protobuf/gen/messages.ts";
import type { Issues } from "./issues.ts";
import { flag, parseEnum, parseNumber, required } from "./parse_common.ts";
import { parseHeaderMatches } from "./parse_route_match.ts";
import type { RateLimit, RateLimitAction } from "./route.ts";

const METADATA_SOURCES = { DYNAMIC: "dynamic", ROUTE_ENTRY: "route" } as const;

/**
 * Reads `rate_limits`, the descriptions of requests that the local rate limit filter goes by. Entries with an action that
 * is not supported are reported and left out: such a request is then limited by the filter's own bucket only.
 */
export function parseRateLimits(
  issues: Issues,
  path: string,
  limits: readonly EnvoyConfigRouteV3RateLimit[] | undefined,
): RateLimit[] {
  const out: RateLimit[] = [];
  for (const [index, limit] of (limits ?? []).entries()) {
    const limitPath = `${path}[${index}]`;
    // Runtime keys are set by nobody, so that a limit with one is never disabled; the local filter leaves it out, as Envoy's.
    if ((limit.disableKey ?? "") !== "") continue;
    if (limit.limit !== undefined) issues.unsupport(`${limitPath}.limit`, "limit");
    const stage = parseNumber(issues, `${limitPath}.stage`, limit.stage, 0, { max: 10 });
    if ((limit.actions ?? []).length === 0) issues.invalid(`${limitPath}.actions`, "it must not be empty");
    const actions = (limit.actions ?? []).map((action, at) =>
      parseAction(issues, `${limitPath}.actions[${at}]`, action)
    );
    if (actions.every((action) => action !== null)) out.push({ stage, actions });
  }
  return out;
}

function parseAction(issues: Issues, path: string, action: EnvoyConfigRouteV3RateLimitAction): RateLimitAction | null {
  if (action.sourceCluster !== undefined) return { kind: "source_cluster" };
  if (action.destinationCluster !== undefined) return { kind: "destination_cluster" };
  if (action.remoteAddress !== undefined) return { kind: "remote_address" };
  if (action.maskedRemoteAddress !== undefined) {
    const { v4PrefixMaskLen, v6PrefixMaskLen } = action.maskedRemoteAddress;
    return {
      kind: "masked_remote_address",
      v4Bits: parseNumber(issues, `${path}.masked_remote_address.v4_prefix_mask_len`, v4PrefixMaskLen, 32, { max: 32 }),
      v6Bits: parseNumber(issues, `${path}.masked_remote_address.v6_prefix_mask_len`, v6PrefixMaskLen, 128, {
        max: 128,
      }),
    };
  }
  if (action.requestHeaders !== undefined) {
    const { headerName, descriptorKey, skipIfAbsent } = action.requestHeaders;
    return {
      kind: "request_headers",
      header: required(issues, `${path}.request_headers.header_name`, headerName).toLowerCase(),
      key: required(issues, `${path}.request_headers.descriptor_key`, descriptorKey),
      skipIfAbsent: skipIfAbsent ?? false,
    };
  }
  if (action.genericKey !== undefined) {
    const value = required(issues, `${path}.generic_key.descriptor_value`, action.genericKey.descriptorValue);
    return { kind: "generic_key", key: action.genericKey.descriptorKey || "generic_key", value };
  }
  if (action.headerValueMatch !== undefined) {
    const { descriptorKey, descriptorValue, expectMatch, headers } = action.headerValueMatch;
    return {
      kind: "header_value_match",
      key: descriptorKey || "header_match",
      value: required(issues, `${path}.header_value_match.descriptor_value`, descriptorValue),
      expectMatch: flag(expectMatch, true),
      headers: parseHeaderMatches(issues, `${path}.header_value_match.headers`, headers),
    };
  }
  if (action.metadata !== undefined) return parseMetadataAction(issues, `${path}.metadata`, action.metadata);
  if (action.dynamicMetadata !== undefined) {
    return parseMetadataAction(issues, `${path}.dynamic_metadata`, action.dynamicMetadata);
  }
  const other = action.extension?.name ?? (action.queryParameterValueMatch === undefined ? null : "query parameters");
  if (other === null) issues.invalid(path, "it must say what to describe");
  else issues.unsupport(path, other);
  return null;
}

function parseMetadataAction(
  issues: Issues,
  path: string,
  { descriptorKey, metadataKey, defaultValue, source, skipIfAbsent }: EnvoyConfigRouteV3RateLimitActionMetaData,
): RateLimitAction {
  return {
    kind: "metadata",
    source: parseEnum(issues, `${path}.source`, source, METADATA_SOURCES, "dynamic"),
    filter: required(issues, `${path}.metadata_key.key`, metadataKey?.key),
    path: (metadataKey?.path ?? []).map((segment) => segment.key ?? ""),
    key: required(issues, `${path}.descriptor_key`, descriptorKey),
    fallback: defaultValue ?? "",
    skipIfAbsent: skipIfAbsent ?? false,
  };
}
