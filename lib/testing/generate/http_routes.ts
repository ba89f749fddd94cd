import { packAny } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigCoreV3HeaderValueOption as HeaderValueOption,
  EnvoyConfigRouteV3HeaderMatcher as HeaderMatcher,
  EnvoyConfigRouteV3RetryPolicy as RetryPolicy,
  EnvoyConfigRouteV3Route as Route,
  EnvoyConfigRouteV3RouteAction as RouteAction,
  EnvoyConfigRouteV3RouteMatch as RouteMatch,
  EnvoyConfigRouteV3WeightedClusterClusterWeight as ClusterWeight,
  EnvoyTypeMatcherV3StringMatcher as StringMatcher,
  EnvoyTypeV3FractionalPercent as FractionalPercent,
} from "../../protobuf/gen/messages.ts";
import { jsonToStruct } from "../../protobuf/well_known.ts";
import { qualify, selects } from "../kinds/kind.ts";
import type {
  Fault,
  HeaderOperations,
  Headers,
  HttpMatch,
  HttpRoute,
  NamedMatch,
  Retries,
  RouteDestination,
  StringMatch,
  VirtualService,
} from "../kinds/virtual_service.ts";
import type { Named } from "../mesh_view.ts";
import { clusterName, duration, type GenerateContext } from "./context.ts";

const DEFAULT_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/** Retries istiod gives every route that says nothing about them. */
export function defaultRetryPolicy(): RetryPolicy {
  return retryPolicy(DEFAULT_RETRY_ON, 2);
}

function retryPolicy(retryOn: string, attempts: number): RetryPolicy {
  return {
    retryOn,
    numRetries: { value: attempts },
    retryHostPredicate: [{
      name: "envoy.retry_host_predicates.previous_hosts",
      typedConfig: packAny("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate", {}),
    }],
    hostSelectionRetryMaxAttempts: 5,
  };
}

/** The routes of a VirtualService as they apply to this caller on this port. */
export function httpRoutes(context: GenerateContext, service: Named<VirtualService>, port: number): Route[] {
  const routes: Route[] = [];
  for (const http of service.value.http) {
    if (http.matches.length === 0) {
      routes.push(route(context, service, http, undefined, port));
      // What follows a catch-all can never be reached.
      return routes;
    }
    for (const match of http.matches) {
      if (!appliesTo(context, match, port)) continue;
      routes.push(route(context, service, http, match, port));
      if (isCatchAll(match)) return routes;
    }
  }
  return routes;
}

/** Whether the parts of a match that istiod decides itself hold: the caller and the port. */
function appliesTo({ view, node }: GenerateContext, match: HttpMatch, port: number): boolean {
  return selects(match.sourceLabels, view.labelsOf(node)) &&
    (match.sourceNamespace === undefined || match.sourceNamespace === node.namespace) &&
    (match.port === undefined || match.port === port);
}

function isCatchAll(match: HttpMatch): boolean {
  return (match.uri === undefined || (match.uri.kind === "prefix" && match.uri.value === "/")) &&
    match.headers.length === 0 && match.queryParams.length === 0 && match.method === undefined;
}

function route(
  context: GenerateContext,
  service: Named<VirtualService>,
  http: HttpRoute,
  match: HttpMatch | undefined,
  port: number,
): Route {
  const only = http.destinations.length === 1 ? http.destinations[0] : undefined;
  const host = only === undefined ? service.name : hostOf(context, service, only);
  const headers = mergeHeaders(http.headers, only?.headers);
  const config = `/apis/networking.istio.io/v1/namespaces/${service.namespace}/virtual-service/${service.name}`;
  return {
    ...(http.name === "" ? {} : { name: http.name }),
    match: routeMatch(match),
    ...action(context, service, http, port),
    metadata: { filterMetadata: { istio: jsonToStruct({ config }) } },
    decorator: { operation: `${host}:${only?.port ?? port}${operation(match)}` },
    ...headerChanges(headers),
    ...(http.fault === undefined ? {} : { typedPerFilterConfig: { "envoy.filters.http.fault": fault(http.fault) } }),
  };
}

function operation(match: HttpMatch | undefined): string {
  const uri = match?.uri;
  return uri === undefined ? "/*" : uri.kind === "prefix" ? `${uri.value}*` : uri.value;
}

function routeMatch(match: HttpMatch | undefined): RouteMatch {
  if (match === undefined) return { prefix: "/" };
  const method: NamedMatch[] = match.method === undefined
    ? []
    : [{ name: ":method", match: match.method, invert: false }];
  const headers = [...match.headers].sort(byName);
  const params = [...match.queryParams].sort(byName);
  const matchers = [...headers.filter((item) => !item.invert), ...headers.filter((item) => item.invert), ...method];
  return {
    ...uriMatch(match.uri),
    caseSensitive: match.ignoreUriCase ? {} : { value: true },
    ...(matchers.length === 0 ? {} : { headers: matchers.map(headerMatcher) }),
    ...(params.length === 0 ? {} : {
      queryParameters: params.map(({ name, match }) => ({
        name,
        ...(match === null ? { presentMatch: true } : { stringMatch: stringMatcher(match) }),
      })),
    }),
  };
}

function byName(a: NamedMatch, b: NamedMatch): number {
  return a.name < b.name ? -1 : 1;
}

function uriMatch(uri: StringMatch | undefined): RouteMatch {
  switch (uri?.kind) {
    case undefined:
      return { prefix: "/" };
    case "exact":
      return { path: uri!.value };
    case "prefix":
      return { prefix: uri!.value };
    case "regex":
      return { safeRegex: { regex: uri!.value } };
  }
}

function headerMatcher({ name, match, invert }: NamedMatch): HeaderMatcher {
  return {
    name,
    ...(match === null ? { presentMatch: true } : { stringMatch: stringMatcher(match) }),
    ...(invert ? { invertMatch: true } : {}),
  };
}

function stringMatcher(match: StringMatch): StringMatcher {
  return match.kind === "regex" ? { safeRegex: { regex: match.value } } : { [match.kind]: match.value };
}

function action(context: GenerateContext, service: Named<VirtualService>, http: HttpRoute, port: number): Route {
  if (http.redirect !== undefined) {
    const { uri, authority, code } = http.redirect;
    return {
      redirect: {
        ...(authority === undefined ? {} : { hostRedirect: authority }),
        ...(uri === undefined ? {} : { pathRedirect: uri }),
        ...(code === 301 ? {} : { responseCode: REDIRECT_CODES[code] ?? "MOVED_PERMANENTLY" }),
      },
    };
  }
  if (http.directResponse !== undefined) {
    const { status, body } = http.directResponse;
    return { directResponse: { status, ...(body === undefined ? {} : { body: { inlineString: body } }) } };
  }
  return { route: routeAction(context, service, http, port) };
}

/** Envoy's names of the redirect codes. */
const REDIRECT_CODES: Readonly<Record<number, string>> = {
  302: "FOUND",
  303: "SEE_OTHER",
  307: "TEMPORARY_REDIRECT",
  308: "PERMANENT_REDIRECT",
};

function routeAction(
  context: GenerateContext,
  service: Named<VirtualService>,
  http: HttpRoute,
  port: number,
): RouteAction {
  const timeout = http.timeoutMs === undefined ? {} : duration(http.timeoutMs);
  const retry = http.retries === undefined ? defaultRetryPolicy() : retries(http.retries);
  const { uri, authority, regex } = http.rewrite ?? {};
  return {
    ...destination(context, service, http.destinations, port),
    ...(uri === undefined ? {} : { prefixRewrite: uri }),
    ...(regex === undefined ? {} : { regexRewrite: { pattern: { regex: regex.match }, substitution: regex.rewrite } }),
    ...(authority === undefined ? {} : { hostRewriteLiteral: authority }),
    timeout,
    ...(retry === undefined ? {} : { retryPolicy: retry }),
    ...(http.mirrors.length === 0 ? {} : {
      requestMirrorPolicies: http.mirrors.map((mirror) => ({
        cluster: clusterName(mirror.port ?? port, mirror.subset, hostOf(context, service, mirror)),
        runtimeFraction: { defaultValue: mirror.percent === 100 ? { numerator: 100 } : perMillion(mirror.percent) },
        traceSampled: {},
        disableShadowHostSuffixAppend: true,
      })),
    }),
    maxGrpcTimeout: timeout,
  };
}

/** The cluster, or the share of each. Without a port of its own a destination takes the listener's, as in istiod. */
function destination(
  context: GenerateContext,
  service: Named<VirtualService>,
  destinations: readonly RouteDestination[],
  port: number,
): RouteAction {
  const cluster = (item: RouteDestination) =>
    clusterName(item.port ?? port, item.subset, hostOf(context, service, item));
  if (destinations.length === 1) return { cluster: cluster(destinations[0]!) };
  return {
    weightedClusters: {
      clusters: destinations.filter((item) => item.weight !== 0).map((item): ClusterWeight => ({
        name: cluster(item),
        weight: { value: item.weight ?? 0 },
        ...headerChanges(item.headers),
      })),
    },
  };
}

function hostOf(context: GenerateContext, service: Named<VirtualService>, item: { host: string }): string {
  return qualify(item.host, service.namespace, context.view.settings.domain);
}

/** Asks for other priorities after every second try. */
const PREVIOUS_PRIORITIES = {
  name: "envoy.retry_priorities.previous_priorities",
  typedConfig: {
    typeUrl: "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
    // `update_frequency: 2`; the message is not in the descriptors, nothing else of enmesh reads it.
    value: Uint8Array.of(0x08, 0x02),
  },
};

function retries(retries: Retries): RetryPolicy | undefined {
  if (retries.attempts === 0) return undefined;
  const words = (retries.retryOn ?? DEFAULT_RETRY_ON).split(",").map((word) => word.trim());
  // Status codes among the words become the list that `retriable-status-codes` stands for.
  const codes = words.filter((word) => /^\d+$/.test(word)).map(Number);
  const conditions = words.filter((word) => !/^\d+$/.test(word));
  if (codes.length > 0 && !conditions.includes("retriable-status-codes")) conditions.push("retriable-status-codes");
  return {
    ...retryPolicy(conditions.join(","), retries.attempts),
    ...(codes.length === 0 ? {} : { retriableStatusCodes: codes }),
    ...(retries.remoteLocalities ? { retryPriority: PREVIOUS_PRIORITIES } : {}),
    ...(retries.perTryTimeoutMs === undefined ? {} : { perTryTimeout: duration(retries.perTryTimeoutMs) }),
    ...(retries.backoffMs === undefined ? {} : { retryBackOff: { baseInterval: duration(retries.backoffMs) } }),
  };
}

function fault({ delay, abort }: Fault) {
  return packAny("envoy.extensions.filters.http.fault.v3.HTTPFault", {
    ...(delay === undefined
      ? {}
      : { delay: { fixedDelay: duration(delay.fixedMs), percentage: perMillion(delay.percent) } }),
    ...(abort === undefined ? {} : {
      abort: {
        ...(abort.grpcStatus === undefined
          ? { httpStatus: abort.httpStatus ?? 503 }
          : { grpcStatus: abort.grpcStatus }),
        percentage: perMillion(abort.percent),
      },
    }),
  });
}

function perMillion(percent: number): FractionalPercent {
  return { numerator: Math.round(percent * 10_000), denominator: "MILLION" };
}

function mergeHeaders(own: Headers, only: Headers | undefined): Headers {
  if (only === undefined) return own;
  return { request: merge(own.request, only.request), response: merge(own.response, only.response) };
}

function merge(a: HeaderOperations, b: HeaderOperations): HeaderOperations {
  return { set: { ...a.set, ...b.set }, add: { ...a.add, ...b.add }, remove: [...a.remove, ...b.remove] };
}

interface HeaderChanges {
  requestHeadersToAdd?: HeaderValueOption[];
  requestHeadersToRemove?: string[];
  responseHeadersToAdd?: HeaderValueOption[];
  responseHeadersToRemove?: string[];
}

function headerChanges({ request, response }: Headers): HeaderChanges {
  const requestAdd = additions(request);
  const responseAdd = additions(response);
  return {
    ...(requestAdd.length === 0 ? {} : { requestHeadersToAdd: requestAdd }),
    ...(request.remove.length === 0 ? {} : { requestHeadersToRemove: [...request.remove] }),
    ...(responseAdd.length === 0 ? {} : { responseHeadersToAdd: responseAdd }),
    ...(response.remove.length === 0 ? {} : { responseHeadersToRemove: [...response.remove] }),
  };
}

function additions(operations: HeaderOperations): HeaderValueOption[] {
  return [
    ...Object.entries(operations.set).map(([key, value]) => ({
      header: { key, value },
      appendAction: "OVERWRITE_IF_EXISTS_OR_ADD",
    })),
    ...Object.entries(operations.add).map(([key, value]) => ({ header: { key, value } })),
  ];
}
