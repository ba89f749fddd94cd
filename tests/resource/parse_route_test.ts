import assert from "node:assert/strict";
import type {
  EnvoyConfigRouteV3Route,
  EnvoyConfigRouteV3RouteAction,
  EnvoyConfigRouteV3RouteConfiguration,
  EnvoyConfigRouteV3RouteMatch,
} from "../../lib/protobuf/gen/messages.ts";
import { encode, packAny } from "../../lib/protobuf/registry.ts";
import {
  FILTER_DISABLED,
  FILTER_UNSUPPORTED,
  type FilterParsers,
  NO_FILTER_PARSERS,
} from "../../lib/resource/filter_parsers.ts";
import { parseRoute } from "../../lib/resource/parse_route.ts";
import type { ForwardAction, Route, RouteConfiguration } from "../../lib/resource/route.ts";

const ANY = { match: { prefix: "/" } };
const NO_HEADERS = { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] };

function parse(fields: EnvoyConfigRouteV3RouteConfiguration, parsers: FilterParsers = NO_FILTER_PARSERS) {
  return parseRoute(encode("envoy.config.route.v3.RouteConfiguration", { name: "80", ...fields }), parsers);
}

function configOf(fields: EnvoyConfigRouteV3RouteConfiguration, parsers?: FilterParsers) {
  const result = parse(fields, parsers);
  assert.ok(result.ok, result.ok ? "" : result.errors.join("\n"));
  return { config: result.value, unsupported: result.unsupported };
}

function routeOf(route: EnvoyConfigRouteV3Route, parsers?: FilterParsers): { route: Route; unsupported: string[] } {
  const { config, unsupported } = configOf({ virtualHosts: [{ name: "v", domains: ["*"], routes: [route] }] }, parsers);
  return { route: config.virtualHosts[0]!.routes[0]!, unsupported: unsupported.map(({ path }) => path) };
}

function forward(action: EnvoyConfigRouteV3RouteAction): ForwardAction {
  const { route } = routeOf({ ...ANY, route: { cluster: "c", ...action } });
  assert.ok(route.action.kind === "forward");
  return route.action;
}

function errors(route: EnvoyConfigRouteV3Route): readonly string[] {
  const result = parse({ virtualHosts: [{ name: "v", domains: ["*"], routes: [route] }] });
  assert.equal(result.ok, false, "it must not be valid");
  return result.ok ? [] : result.errors;
}

function assertErrors(found: readonly string[], ...patterns: RegExp[]): void {
  for (const pattern of patterns) {
    assert.ok(found.some((error) => pattern.test(error)), `${pattern} is missing in:\n${found.join("\n")}`);
  }
  assert.equal(found.length, patterns.length, found.join("\n"));
}

Deno.test("An empty route configuration is one (istiod sends it for an unknown name)", () => {
  assert.deepEqual(
    configOf({}).config,
    {
      name: "80",
      virtualHosts: [],
      hostsByDomain: null,
      headers: NO_HEADERS,
      ignorePortInHostMatching: false,
      mostSpecificHeaderMutationsWins: false,
      internalOnlyHeaders: [],
      perFilterConfig: new Map(),
    } satisfies RouteConfiguration,
  );
});

Deno.test("A route action gets Envoy's defaults", () => {
  assert.deepEqual(
    forward({}),
    {
      kind: "forward",
      cluster: { kind: "name", name: "c" },
      clusterNotFoundStatus: 503,
      priority: "default",
      prefixRewrite: null,
      regexRewrite: null,
      pathTemplateRewrite: null,
      hostRewrite: null,
      appendXForwardedHost: false,
      timeoutMs: 15_000,
      idleTimeoutMs: null,
      maxGrpcTimeoutMs: null,
      grpcTimeoutOffsetMs: 0,
      streamDuration: null,
      retryPolicy: null,
      mirrors: [],
      hashPolicies: [],
      upgrades: {},
      subset: null,
      internalRedirect: null,
      rateLimits: [],
      includeVirtualHostRateLimits: false,
    } satisfies ForwardAction,
  );
});

Deno.test("Every part of a route action", () => {
  assert.deepEqual(
    forward({
      clusterNotFoundResponseCode: "INTERNAL_SERVER_ERROR",
      prefixRewrite: "/new",
      hostRewriteLiteral: "h",
      appendXForwardedHost: true,
      timeout: {},
      idleTimeout: { seconds: 5 },
      maxStreamDuration: { maxStreamDuration: {}, grpcTimeoutHeaderMax: { seconds: 2 } },
      maxGrpcTimeout: { seconds: 9 },
      retryPolicy: {},
      requestMirrorPolicies: [{ cluster: "m" }, {
        cluster: "n",
        disableShadowHostSuffixAppend: true,
        runtimeFraction: { defaultValue: { numerator: 3, denominator: "MILLION" } },
      }],
      hashPolicy: [
        { header: { headerName: "X-User" }, terminal: true },
        { cookie: { name: "sid", ttl: { seconds: 60 }, path: "/" } },
        { connectionProperties: { sourceIp: true } },
        { connectionProperties: {} },
        { queryParameter: { name: "q" } },
        { filterState: { key: "k" } },
      ],
      upgradeConfigs: [{ upgradeType: "WebSocket" }, { upgradeType: "CONNECT", enabled: { value: false } }],
      metadataMatch: { filterMetadata: { "envoy.lb": { fields: { version: { stringValue: "v1" } } } } },
      internalRedirectPolicy: {
        maxInternalRedirects: { value: 3 },
        redirectResponseCodes: [302, 307, 200],
        allowCrossSchemeRedirect: true,
        responseHeadersToCopy: ["X-Copy"],
        predicates: [
          {
            typedConfig: {
              typeUrl: "type.googleapis.com/envoy.extensions.internal_redirect.previous_routes.v3.PreviousRoutesConfig",
            },
          },
          {
            typedConfig: {
              typeUrl:
                "type.googleapis.com/envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig",
              value: encode("envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig", {
                allowedRouteNames: ["a", "b"],
              }),
            },
          },
        ],
      },
      rateLimits: [{
        stage: { value: 2 },
        actions: [
          { genericKey: { descriptorValue: "all" } },
          { requestHeaders: { headerName: "X-User", descriptorKey: "user" } },
          { remoteAddress: {} },
        ],
      }],
      includeVhRateLimits: { value: true },
    }),
    {
      kind: "forward",
      cluster: { kind: "name", name: "c" },
      clusterNotFoundStatus: 500,
      priority: "default",
      prefixRewrite: "/new",
      regexRewrite: null,
      pathTemplateRewrite: null,
      hostRewrite: { kind: "literal", value: "h" },
      appendXForwardedHost: true,
      timeoutMs: 0,
      idleTimeoutMs: 5_000,
      maxGrpcTimeoutMs: 9_000,
      grpcTimeoutOffsetMs: 0,
      streamDuration: { maxMs: 0, grpcHeaderMaxMs: 2_000, grpcHeaderOffsetMs: 0 },
      retryPolicy: {
        retryOn: [],
        numRetries: 1,
        perTryTimeoutMs: null,
        perTryIdleTimeoutMs: null,
        retriableStatusCodes: [],
        retriableHeaders: [],
        retriableRequestHeaders: [],
        previousHosts: false,
        omitCanaryHosts: false,
        omitHostMetadata: [],
        hostSelectionRetryMaxAttempts: 1,
        backoff: null,
        rateLimitedBackoff: null,
        previousPriorities: null,
      },
      mirrors: [
        { cluster: "m", header: null, shadowSuffix: true, fraction: { numerator: 100, denominator: 100 } },
        { cluster: "n", header: null, shadowSuffix: false, fraction: { numerator: 3, denominator: 1_000_000 } },
      ],
      hashPolicies: [
        { kind: "header", name: "x-user", regexRewrite: null, terminal: true },
        { kind: "cookie", name: "sid", ttlMs: 60_000, path: "/", attributes: [], terminal: false },
        { kind: "source_ip", terminal: false },
        { kind: "query_parameter", name: "q", terminal: false },
        { kind: "filter_state", key: "k", terminal: false },
      ],
      upgrades: { websocket: true, connect: false },
      subset: { version: "v1" },
      internalRedirect: {
        maxRedirects: 3,
        statuses: [302, 307],
        allowCrossScheme: true,
        responseHeadersToCopy: ["x-copy"],
        predicates: [{ kind: "previous_routes" }, { kind: "allow_listed_routes", routes: ["a", "b"] }],
      },
      rateLimits: [{
        stage: 2,
        actions: [
          { kind: "generic_key", key: "generic_key", value: "all" },
          { kind: "request_headers", header: "x-user", key: "user", skipIfAbsent: false },
          { kind: "remote_address" },
        ],
      }],
      includeVirtualHostRateLimits: true,
    } satisfies ForwardAction,
  );
  assert.equal(forward({ maxGrpcTimeout: {} }).maxGrpcTimeoutMs, 0);
});

Deno.test("Rewrites of hosts and paths", () => {
  const regex = { pattern: { regex: "^/(a+)" }, substitution: "/\\1" };
  assert.deepEqual(forward({ regexRewrite: regex }).regexRewrite, { pattern: "^/(a+)", substitution: "/\\1" });
  assert.deepEqual(forward({ autoHostRewrite: { value: true } }).hostRewrite, { kind: "auto" });
  assert.equal(forward({ autoHostRewrite: { value: false } }).hostRewrite, null);
  assert.deepEqual(forward({ hostRewriteHeader: "X-Host" }).hostRewrite, { kind: "header", value: "x-host" });
  assert.deepEqual(forward({ hostRewritePathRegex: regex }).hostRewrite, {
    kind: "path_regex",
    value: "^/(a+)",
    substitution: "/\\1",
  });
  const typedConfig = packAny("envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig", {
    pathTemplateRewrite: "/x/{id}",
  });
  const route = { cluster: "c", pathRewritePolicy: { name: "t", typedConfig } };
  const template = (pathTemplate: string) => ({
    pathMatchPolicy: {
      name: "t",
      typedConfig: packAny("envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig", { pathTemplate }),
    },
  });
  const { action } = routeOf({ match: template("/{id}"), route }).route;
  assert.ok(action.kind === "forward");
  assert.equal(action.pathTemplateRewrite, "/x/{id}");
  assertErrors(errors({ match: template("/{other}"), route }), /path_rewrite_policy': .*has no variable 'id'/);
  assertErrors(errors({ match: template("/{a}{b}"), route }), /path_match_policy/);
  assertErrors(errors({ ...ANY, route }), /path_rewrite_policy': it needs a 'path_match_policy' with a template/);
});

Deno.test("Weighted clusters add up, and carry their own changes", () => {
  const action = forward({
    cluster: undefined as unknown as string,
    weightedClusters: {
      clusters: [
        { name: "a", weight: { value: 75 }, requestHeadersToAdd: [{ header: { key: "X-Variant", value: "v" } }] },
        { name: "b", weight: { value: 25 }, hostRewriteLiteral: "b.test" },
      ],
    },
  });
  assert.ok(action.cluster.kind === "weighted");
  assert.equal(action.cluster.totalWeight, 100);
  assert.deepEqual(action.cluster.clusters[0]?.headers.requestAdd, [
    { name: "x-variant", value: "v", action: "append_if_exists_or_add", keepEmptyValue: false },
  ]);
  assert.equal(action.cluster.clusters[1]?.hostRewrite, "b.test");
  assertErrors(errors({ ...ANY, route: { weightedClusters: { clusters: [{ name: "a" }] } } }), /must not all be 0/);
});

Deno.test("Retry policies", () => {
  const policy = forward({
    retryPolicy: {
      retryOn: "5xx, gateway-error,,retriable-status-codes",
      numRetries: { value: 0 },
      perTryTimeout: { nanos: 400_000_000 },
      retriableStatusCodes: [503],
      retryHostPredicate: [
        { name: "envoy.retry_host_predicates.previous_hosts" },
        { name: "envoy.retry_host_predicates.omit_canary_hosts" },
        {
          name: "envoy.retry_host_predicates.omit_host_metadata",
          typedConfig: {
            typeUrl: "type.googleapis.com/envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig",
            value: encode("envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig", {
              metadataMatch: { filterMetadata: { "envoy.lb": { fields: { version: { stringValue: "v1" } } } } },
            }),
          },
        },
      ],
      retryPriority: {
        name: "envoy.retry_priorities.previous_priorities",
        typedConfig: {
          typeUrl:
            "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
          value: encode("envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig", {
            updateFrequency: 2,
          }),
        },
      },
      hostSelectionRetryMaxAttempts: 5,
      retryBackOff: { baseInterval: { nanos: 50_000_000 } },
      rateLimitedRetryBackOff: { resetHeaders: [{ name: "Retry-After" }, { name: "X", format: "UNIX_TIMESTAMP" }] },
    },
  }).retryPolicy;
  assert.deepEqual(policy, {
    retryOn: ["5xx", "gateway-error", "retriable-status-codes"],
    numRetries: 0,
    perTryTimeoutMs: 400,
    perTryIdleTimeoutMs: null,
    retriableStatusCodes: [503],
    retriableHeaders: [],
    retriableRequestHeaders: [],
    previousHosts: true,
    omitCanaryHosts: true,
    omitHostMetadata: [{ version: "v1" }],
    hostSelectionRetryMaxAttempts: 5,
    backoff: { baseMs: 50, maxMs: 500 },
    rateLimitedBackoff: {
      resetHeaders: [{ name: "retry-after", format: "seconds" }, { name: "x", format: "unix_timestamp" }],
      maxMs: 300_000,
    },
    previousPriorities: { updateFrequency: 2 },
  });
  assertErrors(
    errors({
      ...ANY,
      route: {
        cluster: "c",
        retryPolicy: { retryBackOff: { baseInterval: { seconds: 2 }, maxInterval: { seconds: 1 } } },
      },
    }),
    /retry_back_off\.max_interval': it must not be below 'base_interval'/,
  );
});

Deno.test("Matches: paths", () => {
  const path = (match: EnvoyConfigRouteV3RouteMatch) => routeOf({ match, route: { cluster: "c" } }).route.match.path;
  assert.deepEqual(path({ prefix: "/a" }), { kind: "prefix", value: "/a" });
  assert.deepEqual(path({ prefix: "" }), { kind: "prefix", value: "" });
  assert.deepEqual(path({ path: "/a" }), { kind: "path", value: "/a" });
  assert.deepEqual(path({ pathSeparatedPrefix: "/a" }), { kind: "path_separated_prefix", value: "/a" });
  assert.deepEqual(path({ safeRegex: { regex: "/[0-9]+" } }), { kind: "regex", value: "/[0-9]+" });
  assert.deepEqual(path({ connectMatcher: {} }), { kind: "connect" });
  const typedConfig = packAny("envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig", {
    pathTemplate: "/x/{id}",
  });
  assert.deepEqual(path({ pathMatchPolicy: { name: "t", typedConfig } }), { kind: "template", value: "/x/{id}" });
  const bad = (match: EnvoyConfigRouteV3RouteMatch) => errors({ match, route: { cluster: "c" } });
  assertErrors(bad({}), /match': it must say which paths match/);
  assertErrors(bad({ pathSeparatedPrefix: "/a/" }), /path_separated_prefix'.*'\/a\/'/);
  assertErrors(bad({ safeRegex: { regex: "(" } }), /safe_regex\.regex': RE2 does not accept it.*current value is '\('/);
  assertErrors(bad({ safeRegex: { regex: "a(?=b)" } }), /RE2 does not accept it/);
});

Deno.test("Matches: headers, query parameters and the rest", () => {
  const { match } = routeOf({
    match: {
      prefix: "/",
      caseSensitive: { value: false },
      grpc: {},
      runtimeFraction: { defaultValue: { numerator: 5 } },
      headers: [
        { name: "X-A", stringMatch: { exact: "1", ignoreCase: true } },
        { name: ":method", exactMatch: "GET", invertMatch: true },
        { name: "n", rangeMatch: { start: -5, end: 5 } },
        { name: "p" },
        { name: "q", presentMatch: false, treatMissingHeaderAsEmpty: true },
        { name: "r", safeRegexMatch: { regex: "a+" } },
      ],
      queryParameters: [{ name: "k" }, { name: "v", stringMatch: { prefix: "x" } }],
      dynamicMetadata: [{ filter: "f", path: [{ key: "k" }], value: { stringMatch: { exact: "v" } } }],
    },
    route: { cluster: "c" },
  }).route;
  assert.equal(match.caseSensitive, false);
  assert.equal(match.grpc, true);
  assert.deepEqual(match.runtimeFraction, { numerator: 5, denominator: 100 });
  const plain = { invert: false, treatMissingAsEmpty: false };
  assert.deepEqual(match.headers, [
    { ...plain, name: "x-a", match: { kind: "string", string: { kind: "exact", value: "1", ignoreCase: true } } },
    {
      ...plain,
      name: ":method",
      match: { kind: "string", string: { kind: "exact", value: "GET", ignoreCase: false } },
      invert: true,
    },
    { ...plain, name: "n", match: { kind: "range", start: -5, end: 5 } },
    { ...plain, name: "p", match: { kind: "present", present: true } },
    { ...plain, name: "q", match: { kind: "present", present: false }, treatMissingAsEmpty: true },
    { ...plain, name: "r", match: { kind: "string", string: { kind: "regex", value: "a+", ignoreCase: false } } },
  ]);
  assert.deepEqual(match.queryParameters, [
    { name: "k", match: { kind: "present", present: true } },
    { name: "v", match: { kind: "prefix", value: "x", ignoreCase: false } },
  ]);
  assert.deepEqual(match.dynamicMetadata, [
    { filter: "f", path: ["k"], value: { kind: "exact", value: "v", ignoreCase: false }, invert: false },
  ]);
});

Deno.test("A route with an unsupported condition or action answers 500 at its place: nothing falls through it", () => {
  const cases: EnvoyConfigRouteV3Route[] = [
    { match: { prefix: "/a", tlsContext: {} }, route: { cluster: "c" } },
    { match: { pathMatchPolicy: { name: "odd" } }, route: { cluster: "c" } },
    { match: { prefix: "/a", headers: [{ name: "h", stringMatch: { custom: {} } }] }, route: { cluster: "c" } },
    {
      match: { prefix: "/a", dynamicMetadata: [{ filter: "f", path: [{ key: "k" }], value: { boolMatch: true } }] },
      redirect: {},
    },
    { match: { prefix: "/a" }, route: { clusterSpecifierPlugin: "p" } },
    { match: { prefix: "/a" }, filterAction: {} },
  ];
  for (const fields of cases) {
    const { route, unsupported } = routeOf(fields);
    assert.equal(unsupported.length, 1, JSON.stringify(fields));
    assert.ok(route.action.kind === "direct_response", JSON.stringify(fields));
    assert.equal(route.action.status, 500);
    assert.match(route.action.body, /is not supported/);
  }
  const { config } = configOf({ virtualHosts: [{ name: "v", domains: ["*"], matcher: {} }] });
  assert.equal(config.virtualHosts[0]?.routes.at(-1)?.action.kind, "direct_response");
});

Deno.test("Redirects and direct responses", () => {
  const redirect =
    routeOf({ ...ANY, redirect: { httpsRedirect: true, pathRedirect: "", responseCode: "FOUND" } }).route;
  assert.deepEqual(redirect.action, {
    kind: "redirect",
    scheme: "https",
    host: null,
    port: null,
    path: null,
    prefixRewrite: null,
    regexRewrite: null,
    status: 302,
    stripQuery: false,
  });
  const response = routeOf({ ...ANY, directResponse: { status: 418, body: { inlineString: "short" } } }).route;
  assert.deepEqual(response.action, { kind: "direct_response", status: 418, body: "short" });
  assert.deepEqual(routeOf({ ...ANY, nonForwardingAction: {} }).route.action, { kind: "non_forwarding" });
  assertErrors(errors({ ...ANY, directResponse: { status: 99 } }), /status': it must be from 200 to 599.*'99'/);
  const long = { status: 200, body: { inlineString: "x".repeat(4097) } };
  assertErrors(errors({ ...ANY, directResponse: long }), /body': it must not be longer than 4096/);
});

Deno.test("Header changes: actions, and names that nobody may change", () => {
  const { headers } = routeOf({
    ...ANY,
    route: { cluster: "c" },
    requestHeadersToAdd: [
      { header: { key: "A", value: "1" }, append: { value: false } },
      { header: { key: "b", value: "2" }, appendAction: "ADD_IF_ABSENT", keepEmptyValue: true },
    ],
    responseHeadersToRemove: ["Server-Timing"],
  }).route;
  assert.deepEqual(headers.requestAdd, [
    { name: "a", value: "1", action: "overwrite_if_exists_or_add", keepEmptyValue: false },
    { name: "b", value: "2", action: "add_if_absent", keepEmptyValue: true },
  ]);
  assert.deepEqual(headers.responseRemove, ["server-timing"]);
  assertErrors(
    errors({
      ...ANY,
      route: { cluster: "c" },
      requestHeadersToAdd: [{ header: { key: ":path", value: "/" } }, { header: { key: "a b", value: "" } }],
      requestHeadersToRemove: ["Host", ""],
    }),
    /request_headers_to_add\[0\]\.header\.key': headers that start with ':'.*':path'/,
    /request_headers_to_add\[1\]\.header\.key': it is not a header name, current value is 'a b'/,
    /request_headers_to_remove\[0\]'.*'host'/,
    /request_headers_to_remove\[1\]': it must not be empty/,
  );
});

Deno.test("Virtual hosts: domains are lower case and unique", () => {
  const { config } = configOf({ virtualHosts: [{ name: "v", domains: ["A.test", "*.b", "c.*"] }] });
  assert.deepEqual(config.virtualHosts[0]?.domains, ["a.test", "*.b", "c.*"]);
  const result = parse({
    virtualHosts: [{ name: "v", domains: ["a", "a*b"] }, { name: "w", domains: ["A", ""] }, { name: "x" }],
  });
  assertErrors(
    result.ok ? [] : result.errors,
    /virtual_hosts\[1\]\.domains': virtual host 'v' has it too, current value is 'a'/,
    /virtual_hosts\[1\]\.domains\[1\]'/,
    /virtual_hosts\[2\]\.domains': it must not be empty/,
  );
});

Deno.test("Mirrors: those of the most specific level that has any", () => {
  const mirror = (cluster: string) => [{ cluster }];
  const { config } = configOf({
    requestMirrorPolicies: mirror("config"),
    virtualHosts: [
      { name: "v", domains: ["v"], routes: [{ ...ANY, route: { cluster: "c" } }] },
      {
        name: "w",
        domains: ["w"],
        requestMirrorPolicies: mirror("host"),
        routes: [
          { ...ANY, route: { cluster: "c" } },
          { ...ANY, route: { cluster: "c", requestMirrorPolicies: mirror("route") } },
        ],
      },
    ],
  });
  const mirrors = config.virtualHosts.flatMap((host) => host.routes).map(({ action }) =>
    action.kind === "forward" ? action.mirrors.map(({ cluster }) => cluster) : []
  );
  assert.deepEqual(mirrors, [["config"], ["host"], ["route"]]);
});

Deno.test("Per-route configuration of filters", () => {
  const parsers: FilterParsers = {
    ...NO_FILTER_PARSERS,
    perRoute: new Map([["google.protobuf.StringValue", {
      parse(bytes) {
        if (bytes.length === 0) throw new Error("It is empty");
        return { bytes: bytes.length };
      },
    }]]),
    skip: new Set(["skipped"]),
  };
  const known = packAny("google.protobuf.StringValue", { value: "x" });
  const unknown = packAny("google.protobuf.BoolValue", { value: true });
  const wrapped = (fields: { config?: typeof known; disabled?: boolean; isOptional?: boolean }) =>
    packAny("envoy.config.route.v3.FilterConfig", fields);
  const { route, unsupported } = routeOf({
    ...ANY,
    route: { cluster: "c" },
    typedPerFilterConfig: {
      plain: known,
      wrapped: wrapped({ config: known }),
      off: wrapped({ disabled: true }),
      optional: wrapped({ config: unknown, isOptional: true }),
      skipped: unknown,
      unknown,
    },
  }, parsers);
  assert.deepEqual([...route.perFilterConfig.keys()].sort(), ["off", "plain", "unknown", "wrapped"]);
  assert.equal(route.perFilterConfig.get("unknown"), FILTER_UNSUPPORTED);
  assert.deepEqual(route.perFilterConfig.get("wrapped"), { bytes: 3 });
  assert.equal(route.perFilterConfig.get("off"), FILTER_DISABLED);
  assert.deepEqual(unsupported, ["virtual_hosts[0].routes[0].typed_per_filter_config[unknown]"]);
  const result = parse({
    virtualHosts: [{
      name: "v",
      domains: ["*"],
      typedPerFilterConfig: { bad: packAny("google.protobuf.StringValue", {}), nothing: wrapped({}) },
    }],
  }, parsers);
  assertErrors(
    result.ok ? [] : result.errors,
    /typed_per_filter_config\[bad\]': 'google\.protobuf\.StringValue' is not valid \(It is empty\)/,
    /typed_per_filter_config\[nothing\]\.config': it must hold the configuration of a filter/,
  );
});

Deno.test("A hostile resource does not make the report grow without bound", () => {
  const virtualHosts = Array.from({ length: 1_000 }, () => ({ name: "", domains: ["x".repeat(10_000)] }));
  const result = parse({ virtualHosts });
  assert.ok(!result.ok);
  assert.equal(result.errors.length, 101);
  assert.match(result.errors.at(-1)!, /There are \d+ more errors/);
  assert.ok(result.errors.every((error) => error.length < 400));
});
