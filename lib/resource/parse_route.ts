import type {
  EnvoyConfigRouteV3DirectResponseAction,
  EnvoyConfigRouteV3RedirectAction,
  EnvoyConfigRouteV3Route,
  EnvoyConfigRouteV3RouteConfiguration,
  EnvoyConfigRouteV3VirtualHost,
} from "../protobuf/gen/messages.ts";
import { compilePathTemplate } from "../matcher/path_template.ts";
import type { ParseResult } from "./common.ts";
import type { FilterParsers } from "./filter_parsers.ts";
import { Issues, reasonOf } from "./issues.ts";
import { MATCH_EVERYTHING } from "./match_everything.ts";
import { checkNumber, parseEnum, parseInlineText, parseMessage, parseMetadata, required } from "./parse_common.ts";
import { parseForwardAction, parseMirrors, parseRegexRewrite } from "./parse_forward_action.ts";
import { parseHeaderMutations } from "./parse_header_mutations.ts";
import { parsePerFilterConfig } from "./parse_per_filter_config.ts";
import { parseRateLimits } from "./parse_rate_limits.ts";
import { parseRetryPolicy } from "./parse_retry_policy.ts";
import { parseRouteMatch } from "./parse_route_match.ts";
import type {
  DirectResponseAction,
  ForwardAction,
  RedirectAction,
  Route,
  RouteAction,
  RouteConfiguration,
  RouteMatch,
  VirtualHost,
} from "./route.ts";
import { reportIgnored } from "./report_ignored.ts";

const REDIRECT_STATUS = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
} as const;
const REQUIRE_TLS = { NONE: "none", EXTERNAL_ONLY: "external_only", ALL: "all" } as const;
const DEFAULT_MAX_BODY = 4096;
/** Envoy's default of `per_connection_buffer_limit_bytes`, which routes can lower and not raise. */
const CONNECTION_BUFFER_LIMIT = 1024 * 1024;

/** What a part of a route configuration inherits from the parts around it. */
export interface Surroundings {
  readonly parsers: FilterParsers;
  readonly maxBody: number;
  readonly mirrors: ForwardAction["mirrors"];
  readonly requestBufferLimit: number;
}

/** Reads `envoy.config.route.v3.RouteConfiguration`. */
export function parseRoute(bytes: Uint8Array, parsers: FilterParsers): ParseResult<RouteConfiguration> {
  return parseMessage(
    "envoy.config.route.v3.RouteConfiguration",
    bytes,
    (issues, message) => parseRouteConfiguration(issues, "", message, parsers),
  );
}

/** Reads a route configuration, of RDS or given in place. `path` is empty or ends with a dot. */
export function parseRouteConfiguration(
  issues: Issues,
  path: string,
  config: EnvoyConfigRouteV3RouteConfiguration,
  parsers: FilterParsers,
): RouteConfiguration {
  const around = parseSurroundings(issues, path, config, parsers);
  const virtualHosts = (config.virtualHosts ?? [])
    .map((host, index) => parseVirtualHost(issues, `${path}virtual_hosts[${index}]`, host, around));
  checkDomains(issues, path, virtualHosts);
  return { ...parseRouteSettings(issues, path, config, parsers), virtualHosts, hostsByDomain: null };
}

/** A route configuration without its virtual hosts. */
export type RouteSettings = Omit<RouteConfiguration, "virtualHosts" | "hostsByDomain">;

/** Reads what a route configuration says for all of its virtual hosts; see {@linkcode parseRouteConfiguration}. */
export function parseRouteSettings(
  issues: Issues,
  path: string,
  config: EnvoyConfigRouteV3RouteConfiguration,
  parsers: FilterParsers,
): RouteSettings {
  if (config.vhds !== undefined) issues.unsupport(`${path}vhds`, "vhds");
  if (config.ignorePathParametersInPathMatching === true) {
    issues.unsupport(`${path}ignore_path_parameters_in_path_matching`, "ignore_path_parameters_in_path_matching");
  }
  return {
    // RDS names are keys; a configuration given in place needs none.
    name: path === "" ? required(issues, "name", config.name) : config.name ?? "",
    headers: parseHeaderMutations(issues, path, config),
    ignorePortInHostMatching: config.ignorePortInHostMatching ?? false,
    mostSpecificHeaderMutationsWins: config.mostSpecificHeaderMutationsWins ?? false,
    internalOnlyHeaders: (config.internalOnlyHeaders ?? []).map((name) => name.toLowerCase()),
    perFilterConfig: parsePerFilterConfig(issues, path.slice(0, -1), config.typedPerFilterConfig, parsers),
  };
}

/** What virtual hosts inherit of their route configuration. */
export function parseSurroundings(
  issues: Issues,
  path: string,
  config: EnvoyConfigRouteV3RouteConfiguration,
  parsers: FilterParsers,
): Surroundings {
  return {
    parsers,
    maxBody: config.maxDirectResponseBodySizeBytes?.value ?? DEFAULT_MAX_BODY,
    mirrors: parseMirrors(issues, `${path}request_mirror_policies`, config.requestMirrorPolicies),
    requestBufferLimit: CONNECTION_BUFFER_LIMIT,
  };
}

/** Envoy refuses a domain that two virtual hosts claim: which one answers would be a matter of luck. */
function checkDomains(issues: Issues, path: string, hosts: readonly VirtualHost[]): void {
  const owners = new Map<string, string>();
  for (const [index, host] of hosts.entries()) {
    for (const domain of host.domains) {
      const owner = owners.get(domain);
      if (owner === undefined) owners.set(domain, host.name);
      else issues.invalid(`${path}virtual_hosts[${index}].domains`, `virtual host '${owner}' has it too`, domain);
    }
  }
}

/** Reads `envoy.config.route.v3.VirtualHost`. */
export function parseVirtualHost(
  issues: Issues,
  path: string,
  host: EnvoyConfigRouteV3VirtualHost,
  outer: Surroundings,
): VirtualHost {
  const domains = host.domains ?? [];
  if (domains.length === 0) issues.invalid(`${path}.domains`, "it must not be empty");
  for (const [index, domain] of domains.entries()) {
    // A star elsewhere than first or last is a character like any other, as in Envoy.
    if (domain === "") issues.invalid(`${path}.domains[${index}]`, "it must not be empty");
  }
  if (host.cors !== undefined) issues.unsupport(`${path}.cors`, "cors");
  reportIgnored(issues, `${path}.`, host, ["retry_policy_typed_config"]);
  if (host.hedgePolicy?.hedgeOnPerTryTimeout === true) issues.unsupport(`${path}.hedge_policy`, "hedge_policy");
  const around = {
    ...outer,
    mirrors: host.requestMirrorPolicies === undefined
      ? outer.mirrors
      : parseMirrors(issues, `${path}.request_mirror_policies`, host.requestMirrorPolicies),
    requestBufferLimit: host.perRequestBufferLimitBytes?.value ?? outer.requestBufferLimit,
  };
  const routes = (host.routes ?? []).map((route, index) =>
    parseOneRoute(issues, `${path}.routes[${index}]`, route, around)
  );
  if (host.matcher !== undefined) {
    issues.unsupport(`${path}.matcher`, "matcher");
    routes.push(refusingRoute("matcher"));
  }
  return {
    name: required(issues, `${path}.name`, host.name),
    domains: domains.map((domain) => domain.toLowerCase()),
    routes,
    retryPolicy: host.retryPolicy === undefined
      ? null
      : parseRetryPolicy(issues, `${path}.retry_policy`, host.retryPolicy),
    headers: parseHeaderMutations(issues, `${path}.`, host),
    includeRequestAttemptCount: host.includeRequestAttemptCount ?? false,
    includeAttemptCountInResponse: host.includeAttemptCountInResponse ?? false,
    includeIsTimeoutRetry: host.includeIsTimeoutRetryHeader ?? false,
    rateLimits: parseRateLimits(issues, `${path}.rate_limits`, host.rateLimits),
    requireTls: parseEnum(issues, `${path}.require_tls`, host.requireTls, REQUIRE_TLS, "none"),
    perFilterConfig: parsePerFilterConfig(issues, path, host.typedPerFilterConfig, outer.parsers),
  };
}

function parseOneRoute(issues: Issues, path: string, route: EnvoyConfigRouteV3Route, around: Surroundings): Route {
  if (route.match === undefined) issues.invalid(`${path}.match`, "it must be given");
  const { match, refuses } = route.match === undefined
    ? { match: MATCH_EVERYTHING, refuses: false }
    : parseRouteMatch(issues, `${path}.match`, route.match);
  const action = parseAction(issues, path, route, around);
  if ("prefixRewrite" in action && action.prefixRewrite !== null && match.path.kind === "template") {
    const field = action.kind === "forward" ? "route" : "redirect";
    issues.invalid(
      `${path}.${field}.prefix_rewrite`,
      "it cannot stand beside a 'path_match_policy'",
      action.prefixRewrite,
    );
  }
  if (action.kind === "forward" && action.pathTemplateRewrite !== null) {
    checkTemplateRewrite(issues, `${path}.route.path_rewrite_policy`, match, action.pathTemplateRewrite);
  }
  return {
    name: route.name ?? "",
    match,
    action: refuses ? refusal("a condition of the route") : action,
    metadata: parseMetadata(route.metadata),
    operation: route.decorator?.operation || null,
    headers: parseHeaderMutations(issues, `${path}.`, route),
    perFilterConfig: parsePerFilterConfig(issues, path, route.typedPerFilterConfig, around.parsers),
    requestBufferLimit: Math.min(
      route.perRequestBufferLimitBytes?.value ?? around.requestBufferLimit,
      CONNECTION_BUFFER_LIMIT,
    ),
  };
}

/** A rewrite by template takes its variables from a match by template. */
function checkTemplateRewrite(issues: Issues, path: string, match: RouteMatch, rewrite: string): void {
  if (match.path.kind !== "template") {
    issues.invalid(path, "it needs a 'path_match_policy' with a template", rewrite);
    return;
  }
  // Refused already.
  if (match.path.value === "") return;
  try {
    compilePathTemplate(match.path.value).compileRewrite(rewrite);
  } catch (error) {
    issues.invalid(path, reasonOf(error), rewrite);
  }
}

function parseAction(issues: Issues, path: string, route: EnvoyConfigRouteV3Route, around: Surroundings): RouteAction {
  if (route.route !== undefined) {
    const action = parseForwardAction(issues, `${path}.route`, route.route, around.parsers);
    if (action === null) return refusal("the choice of a cluster");
    // Envoy: the mirrors of the most specific level that has any.
    return action.mirrors.length > 0 ? action : { ...action, mirrors: around.mirrors };
  }
  if (route.redirect !== undefined) return parseRedirect(issues, `${path}.redirect`, route.redirect);
  if (route.directResponse !== undefined) {
    return parseDirectResponse(issues, `${path}.direct_response`, route.directResponse, around.maxBody);
  }
  if (route.nonForwardingAction !== undefined) return { kind: "non_forwarding" };
  if (route.filterAction !== undefined) {
    issues.unsupport(`${path}.filter_action`, route.filterAction.action?.typeUrl ?? "");
  } else issues.invalid(path, "it must have an action");
  return refusal("the action of the route");
}

/**
 * Answers in the place of a route that cannot be followed. It must stay in the list: without it the request would fall
 * through to a route that was never meant for it.
 */
function refusal(what: string, problem = "is not supported"): DirectResponseAction {
  return { kind: "direct_response", status: 500, body: `Cannot route the request: ${what} ${problem}` };
}

/** Refuses whatever reaches it: stands where routes cannot be followed. */
export function refusingRoute(what: string, problem?: string): Route {
  return {
    name: what,
    match: MATCH_EVERYTHING,
    action: refusal(what, problem),
    metadata: {},
    operation: null,
    headers: parseHeaderMutations(new Issues(), "", {}),
    perFilterConfig: new Map(),
    requestBufferLimit: 0,
  };
}

function parseRedirect(issues: Issues, path: string, redirect: EnvoyConfigRouteV3RedirectAction): RedirectAction {
  return {
    kind: "redirect",
    scheme: redirect.schemeRedirect || (redirect.httpsRedirect === true ? "https" : null),
    host: redirect.hostRedirect || null,
    port: checkNumber(issues, `${path}.port_redirect`, redirect.portRedirect ?? 0, { max: 65_535 }) || null,
    path: redirect.pathRedirect || null,
    prefixRewrite: redirect.prefixRewrite || null,
    regexRewrite: parseRegexRewrite(issues, `${path}.regex_rewrite`, redirect.regexRewrite),
    status: parseEnum(issues, `${path}.response_code`, redirect.responseCode, REDIRECT_STATUS, 301),
    stripQuery: redirect.stripQuery ?? false,
  };
}

function parseDirectResponse(
  issues: Issues,
  path: string,
  response: EnvoyConfigRouteV3DirectResponseAction,
  maxBody: number,
): DirectResponseAction {
  const body = response.body === undefined ? "" : parseInlineText(issues, `${path}.body`, response.body) ?? "";
  if (body.length > maxBody) {
    issues.invalid(`${path}.body`, `it must not be longer than ${maxBody}`, `${body.length} characters`);
  }
  return {
    kind: "direct_response",
    status: checkNumber(issues, `${path}.status`, response.status ?? 0, { min: 200, max: 599 }),
    body,
  };
}
