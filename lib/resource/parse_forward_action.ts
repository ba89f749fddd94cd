import type {
  EnvoyConfigRouteV3RouteAction,
  EnvoyConfigRouteV3RouteActionHashPolicy,
  EnvoyConfigRouteV3RouteActionRequestMirrorPolicy,
  EnvoyConfigRouteV3WeightedCluster,
  EnvoyTypeMatcherV3RegexMatchAndSubstitute,
} from "../protobuf/gen/messages.ts";
import { messageName, unpackAny } from "../protobuf/registry.ts";
import type { FilterParsers } from "./filter_parsers.ts";
import { type Issues, reasonOf } from "./issues.ts";
import {
  flag,
  parseDuration,
  parseEnum,
  parseFraction,
  parseMetadata,
  parseNumber,
  parseRegex,
  required,
} from "./parse_common.ts";
import { parseHeaderMutations } from "./parse_header_mutations.ts";
import { parseInternalRedirect } from "./parse_internal_redirect.ts";
import { parsePerFilterConfig } from "./parse_per_filter_config.ts";
import { parseRateLimits } from "./parse_rate_limits.ts";
import { parseRetryPolicy } from "./parse_retry_policy.ts";
import { reportIgnored } from "./report_ignored.ts";
import type { ForwardAction, HashPolicy, Mirror, StreamDuration, WeightedCluster } from "./route.ts";

const NOT_FOUND_STATUS = { SERVICE_UNAVAILABLE: 503, NOT_FOUND: 404, INTERNAL_SERVER_ERROR: 500 } as const;
const PRIORITIES = { DEFAULT: "default", HIGH: "high" } as const;
const REWRITE_TEMPLATE = "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig";
const DEFAULT_TIMEOUT_MS = 15_000;

/** Reads a route action; `null` where the way to choose a cluster is unsupported, the route must refuse then. */
export function parseForwardAction(
  issues: Issues,
  path: string,
  action: EnvoyConfigRouteV3RouteAction,
  parsers: FilterParsers,
): ForwardAction | null {
  const cluster = parseClusterChoice(issues, path, action, parsers);
  if (action.hedgePolicy?.hedgeOnPerTryTimeout === true) issues.unsupport(`${path}.hedge_policy`, "hedge_policy");
  if (action.cors !== undefined) issues.unsupport(`${path}.cors`, "cors");
  reportIgnored(issues, `${path}.`, action, ["retry_policy_typed_config"]);
  const forward: Omit<ForwardAction, "cluster"> = {
    kind: "forward",
    clusterNotFoundStatus: parseEnum(
      issues,
      `${path}.cluster_not_found_response_code`,
      action.clusterNotFoundResponseCode,
      NOT_FOUND_STATUS,
      503,
    ),
    priority: parseEnum(issues, `${path}.priority`, action.priority, PRIORITIES, "default"),
    prefixRewrite: action.prefixRewrite || null,
    regexRewrite: parseRegexRewrite(issues, `${path}.regex_rewrite`, action.regexRewrite),
    pathTemplateRewrite: parseTemplateRewrite(issues, `${path}.path_rewrite_policy`, action),
    hostRewrite: parseHostRewrite(issues, path, action),
    appendXForwardedHost: action.appendXForwardedHost ?? false,
    timeoutMs: parseDuration(issues, `${path}.timeout`, action.timeout, DEFAULT_TIMEOUT_MS),
    idleTimeoutMs: parseDuration(issues, `${path}.idle_timeout`, action.idleTimeout, null),
    maxGrpcTimeoutMs: parseDuration(issues, `${path}.max_grpc_timeout`, action.maxGrpcTimeout, null),
    grpcTimeoutOffsetMs: parseDuration(issues, `${path}.grpc_timeout_offset`, action.grpcTimeoutOffset, 0),
    streamDuration: parseStreamDuration(issues, `${path}.max_stream_duration`, action),
    retryPolicy: action.retryPolicy === undefined
      ? null
      : parseRetryPolicy(issues, `${path}.retry_policy`, action.retryPolicy),
    mirrors: parseMirrors(issues, `${path}.request_mirror_policies`, action.requestMirrorPolicies),
    hashPolicies: (action.hashPolicy ?? [])
      .map((policy, index) => parseHashPolicy(issues, `${path}.hash_policy[${index}]`, policy))
      .filter((policy) => policy !== null),
    upgrades: Object.fromEntries(
      (action.upgradeConfigs ?? []).map((upgrade, index) => [
        required(issues, `${path}.upgrade_configs[${index}].upgrade_type`, upgrade.upgradeType).toLowerCase(),
        flag(upgrade.enabled, true),
      ]),
    ),
    subset: parseMetadata(action.metadataMatch)["envoy.lb"] ?? null,
    internalRedirect: parseInternalRedirect(issues, path, action),
    rateLimits: parseRateLimits(issues, `${path}.rate_limits`, action.rateLimits),
    includeVirtualHostRateLimits: flag(action.includeVhRateLimits, false),
  };
  if (forward.prefixRewrite !== null && forward.regexRewrite !== null) {
    issues.invalid(`${path}.regex_rewrite`, "it cannot stand beside 'prefix_rewrite'");
  }
  return cluster === null ? null : { ...forward, cluster };
}

function parseClusterChoice(
  issues: Issues,
  path: string,
  action: EnvoyConfigRouteV3RouteAction,
  parsers: FilterParsers,
): ForwardAction["cluster"] | null {
  if (action.cluster !== undefined) {
    return { kind: "name", name: required(issues, `${path}.cluster`, action.cluster) };
  }
  if (action.weightedClusters !== undefined) {
    return parseWeightedClusters(issues, `${path}.weighted_clusters`, action.weightedClusters, parsers);
  }
  if (action.clusterHeader !== undefined) {
    return { kind: "header", header: required(issues, `${path}.cluster_header`, action.clusterHeader).toLowerCase() };
  }
  const plugin = action.clusterSpecifierPlugin ?? action.inlineClusterSpecifierPlugin?.extension?.name;
  if (plugin !== undefined) issues.unsupport(`${path}.cluster_specifier_plugin`, plugin);
  else issues.invalid(path, "it must name a cluster");
  return null;
}

function parseWeightedClusters(
  issues: Issues,
  path: string,
  weighted: EnvoyConfigRouteV3WeightedCluster,
  parsers: FilterParsers,
): ForwardAction["cluster"] | null {
  const clusters: WeightedCluster[] = [];
  let totalWeight = 0;
  for (const [index, entry] of (weighted.clusters ?? []).entries()) {
    const entryPath = `${path}.clusters[${index}]`;
    const weight = parseNumber(issues, `${entryPath}.weight`, entry.weight, 0, { max: 0xffffffff });
    totalWeight += weight;
    clusters.push({
      name: entry.clusterHeader ? "" : required(issues, `${entryPath}.name`, entry.name),
      header: entry.clusterHeader?.toLowerCase() || null,
      weight,
      headers: parseHeaderMutations(issues, `${entryPath}.`, entry),
      hostRewrite: entry.hostRewriteLiteral || null,
      ...(entry.metadataMatch === undefined ? {} : { subset: parseMetadata(entry.metadataMatch)["envoy.lb"] ?? null }),
      perFilterConfig: parsePerFilterConfig(issues, entryPath, entry.typedPerFilterConfig, parsers),
    });
  }
  if (totalWeight === 0) issues.invalid(path, "the weights must not all be 0");
  if (totalWeight > 0xffffffff) {
    issues.invalid(path, "the weights must not add up to more than 4294967295", totalWeight);
  }
  return { kind: "weighted", clusters, totalWeight, drawHeader: weighted.headerName?.toLowerCase() || null };
}

/** Reads a rewrite by regular expression, of routes and redirects. */
export function parseRegexRewrite(
  issues: Issues,
  path: string,
  rewrite: EnvoyTypeMatcherV3RegexMatchAndSubstitute | undefined,
): { pattern: string; substitution: string } | null {
  if (rewrite === undefined) return null;
  return { pattern: parseRegex(issues, `${path}.pattern`, rewrite.pattern), substitution: rewrite.substitution ?? "" };
}

function parseTemplateRewrite(issues: Issues, path: string, action: EnvoyConfigRouteV3RouteAction): string | null {
  const any = action.pathRewritePolicy?.typedConfig;
  if (action.pathRewritePolicy === undefined) return null;
  if (any === undefined || messageName(any.typeUrl ?? "") !== REWRITE_TEMPLATE) {
    issues.unsupport(path, any?.typeUrl ?? action.pathRewritePolicy.name ?? "");
    return null;
  }
  try {
    const { pathTemplateRewrite } = unpackAny(REWRITE_TEMPLATE, any);
    return required(issues, `${path}.typed_config.path_template_rewrite`, pathTemplateRewrite);
  } catch (error) {
    issues.invalid(`${path}.typed_config`, `it cannot be read (${reasonOf(error)})`);
    return null;
  }
}

function parseHostRewrite(
  issues: Issues,
  path: string,
  action: EnvoyConfigRouteV3RouteAction,
): ForwardAction["hostRewrite"] {
  if (action.hostRewriteLiteral) return { kind: "literal", value: action.hostRewriteLiteral };
  if (action.hostRewriteHeader) return { kind: "header", value: action.hostRewriteHeader.toLowerCase() };
  const regex = parseRegexRewrite(issues, `${path}.host_rewrite_path_regex`, action.hostRewritePathRegex);
  if (regex !== null) return { kind: "path_regex", value: regex.pattern, substitution: regex.substitution };
  return flag(action.autoHostRewrite, false) ? { kind: "auto" } : null;
}

/** Reads mirrors; one without a fraction mirrors every request. */
export function parseMirrors(
  issues: Issues,
  path: string,
  policies: readonly EnvoyConfigRouteV3RouteActionRequestMirrorPolicy[] | undefined,
): ForwardAction["mirrors"] {
  const out: Mirror[] = [];
  for (const [index, policy] of (policies ?? []).entries()) {
    const header = policy.clusterHeader?.toLowerCase() || null;
    out.push({
      cluster: header === null ? required(issues, `${path}[${index}].cluster`, policy.cluster) : "",
      header,
      shadowSuffix: policy.disableShadowHostSuffixAppend !== true,
      fraction: policy.runtimeFraction === undefined ? { numerator: 100, denominator: 100 } : parseFraction(
        issues,
        `${path}[${index}].runtime_fraction.default_value`,
        policy.runtimeFraction.defaultValue,
      ),
    });
  }
  return out;
}

function parseHashPolicy(
  issues: Issues,
  path: string,
  policy: EnvoyConfigRouteV3RouteActionHashPolicy,
): HashPolicy | null {
  const terminal = policy.terminal ?? false;
  if (policy.header !== undefined) {
    const name = required(issues, `${path}.header.header_name`, policy.header.headerName).toLowerCase();
    const regexRewrite = parseRegexRewrite(issues, `${path}.header.regex_rewrite`, policy.header.regexRewrite);
    return { kind: "header", name, regexRewrite, terminal };
  }
  if (policy.cookie !== undefined) {
    return {
      kind: "cookie",
      name: required(issues, `${path}.cookie.name`, policy.cookie.name),
      ttlMs: parseDuration(issues, `${path}.cookie.ttl`, policy.cookie.ttl, null),
      path: policy.cookie.path ?? "",
      attributes: (policy.cookie.attributes ?? []).map((attribute, index) => ({
        name: required(issues, `${path}.cookie.attributes[${index}].name`, attribute.name),
        value: attribute.value ?? "",
      })),
      terminal,
    };
  }
  if (policy.connectionProperties !== undefined) {
    return policy.connectionProperties.sourceIp === true ? { kind: "source_ip", terminal } : null;
  }
  if (policy.queryParameter !== undefined) {
    const name = required(issues, `${path}.query_parameter.name`, policy.queryParameter.name);
    return { kind: "query_parameter", name, terminal };
  }
  if (policy.filterState !== undefined) {
    const key = required(issues, `${path}.filter_state.key`, policy.filterState.key);
    return { kind: "filter_state", key, terminal };
  }
  issues.invalid(path, "it must say what to hash");
  return null;
}

function parseStreamDuration(
  issues: Issues,
  path: string,
  { maxStreamDuration: limits }: EnvoyConfigRouteV3RouteAction,
): StreamDuration | null {
  if (limits === undefined) return null;
  return {
    maxMs: parseDuration(issues, `${path}.max_stream_duration`, limits.maxStreamDuration, null),
    grpcHeaderMaxMs: parseDuration(issues, `${path}.grpc_timeout_header_max`, limits.grpcTimeoutHeaderMax, null),
    grpcHeaderOffsetMs: parseDuration(issues, `${path}.grpc_timeout_header_offset`, limits.grpcTimeoutHeaderOffset, 0),
  };
}
