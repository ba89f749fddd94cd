import type { HttpFilterType } from "../lib/filter/http_filter.ts";
import { routeConfig } from "../lib/filter/route_config.ts";
import type { Call } from "../lib/http/call.ts";
import { HeaderList } from "../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../lib/http/message.ts";
import type { Random } from "../lib/internal/random.ts";
import { compileStringMatch, type StringMatcher } from "../lib/matcher/string_matcher.ts";
import type { EnvoyExtensionsFiltersHttpCorsV3CorsPolicy } from "../lib/protobuf/gen/messages.ts";
import { decode } from "../lib/protobuf/registry.ts";
import { Issues } from "../lib/resource/issues.ts";
import { parseFraction, parseStringMatch } from "../lib/resource/parse_common.ts";

const NAME = "envoy.filters.http.cors";
const CONFIG = "envoy.extensions.filters.http.cors.v3.Cors";
const POLICY = "envoy.extensions.filters.http.cors.v3.CorsPolicy";

/** A `CorsPolicy`, ready for use. Empty strings are absent, as in protobuf. */
class CorsPolicy {
  readonly allowsOrigin: StringMatcher;
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly maxAge: string;
  readonly allowCredentials: boolean;
  readonly allowPrivateNetworkAccess: boolean;
  readonly forwardNotMatchingPreflights: boolean;
  /** Part of the requests it applies to, from 0 to 1. */
  readonly enabled: number;

  constructor(issues: Issues, policy: EnvoyExtensionsFiltersHttpCorsV3CorsPolicy) {
    this.allowsOrigin = compileOrigins(issues, policy);
    this.allowMethods = policy.allowMethods ?? "";
    this.allowHeaders = policy.allowHeaders ?? "";
    this.exposeHeaders = policy.exposeHeaders ?? "";
    this.maxAge = policy.maxAge ?? "";
    this.allowCredentials = policy.allowCredentials?.value ?? false;
    this.allowPrivateNetworkAccess = policy.allowPrivateNetworkAccess?.value ?? false;
    // Envoy's default.
    this.forwardNotMatchingPreflights = policy.forwardNotMatchingPreflights?.value ?? true;
    const enabled = policy.filterEnabled?.defaultValue;
    const fraction = enabled === undefined ? null : parseFraction(issues, "filter_enabled.default_value", enabled);
    this.enabled = fraction === null ? 1 : fraction.numerator / fraction.denominator;
  }

  applies(random: Random): boolean {
    return this.enabled >= 1 || random() < this.enabled;
  }
}

function compileOrigins(issues: Issues, policy: EnvoyExtensionsFiltersHttpCorsV3CorsPolicy): StringMatcher {
  const matchers: StringMatcher[] = [];
  for (const [index, match] of (policy.allowOriginStringMatch ?? []).entries()) {
    const parsed = parseStringMatch(issues, `allow_origin_string_match[${index}]`, match);
    if (parsed !== null && issues.errors.length === 0) matchers.push(compileStringMatch(parsed));
  }
  // A matcher that matches the text `*` allows every origin.
  if (matchers.some((matches) => matches("*"))) return () => true;
  return (origin) => matchers.some((matches) => matches(origin));
}

function isPolicy(value: object): value is CorsPolicy {
  return value instanceof CorsPolicy;
}

/**
 * `envoy.filters.http.cors`: answers preflight requests and marks responses for browsers, by the policy of the route.
 * The most specific policy applies whole; Envoy would fill its gaps from less specific ones, which Istio never sends.
 */
export const corsFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes) {
    decode(CONFIG, bytes);
    return {
      create: ({ random }, name = NAME) =>
        function cors(next) {
          return (request, call) => {
            const origin = request.headers.get("origin");
            if (origin === undefined || origin === "") return next(request, call);
            const found = routeConfig(call, name, isPolicy);
            const policy = found.kind === "config" ? found.config : null;
            if (policy === null || !policy.applies(random)) return next(request, call);
            const allowed = policy.allowsOrigin(origin);
            if (isPreflight(request) && (allowed || !policy.forwardNotMatchingPreflights)) {
              return Promise.resolve(answerPreflight(request, call, policy, allowed ? origin : null));
            }
            const response = next(request, call);
            return allowed ? response.then((response) => markResponse(response, policy, origin)) : response;
          };
        },
    };
  },
  perRoute: {
    configTypes: [POLICY],
    parse(bytes) {
      const issues = new Issues();
      const policy = new CorsPolicy(issues, decode(POLICY, bytes));
      if (issues.errors.length > 0) throw new TypeError(issues.errors.join("; "));
      return policy;
    },
  },
};

function isPreflight(request: HttpRequest): boolean {
  return request.method === "OPTIONS" && (request.headers.get("access-control-request-method") ?? "") !== "";
}

/** Answers with what is allowed, or (origin `null`) with nothing allowed. */
function answerPreflight(request: HttpRequest, call: Call, policy: CorsPolicy, origin: string | null): HttpResponse {
  const headers = new HeaderList();
  if (origin !== null) headers.append("access-control-allow-origin", origin);
  if (policy.allowCredentials) headers.append("access-control-allow-credentials", "true");
  appendAllowed(headers, "access-control-allow-methods", policy.allowMethods, request, "access-control-request-method");
  appendAllowed(
    headers,
    "access-control-allow-headers",
    policy.allowHeaders,
    request,
    "access-control-request-headers",
  );
  if (policy.maxAge !== "") headers.append("access-control-max-age", policy.maxAge);
  if (
    policy.allowPrivateNetworkAccess && request.headers.get("access-control-request-private-network") === "true"
  ) headers.append("access-control-allow-private-network", "true");
  if (origin !== null && policy.exposeHeaders !== "") {
    headers.append("access-control-expose-headers", policy.exposeHeaders);
  }
  headers.append("content-length", "0");
  request.body?.cancel();
  call.responseCodeDetails = "cors_response";
  return { status: 200, headers, body: null };
}

/** `*` allows whatever is asked for. */
function appendAllowed(headers: HeaderList, name: string, allowed: string, request: HttpRequest, asked: string): void {
  if (allowed !== "") headers.append(name, allowed === "*" ? request.headers.get(asked) ?? "" : allowed);
}

function markResponse(response: HttpResponse, policy: CorsPolicy, origin: string): HttpResponse {
  response.headers.set("access-control-allow-origin", origin);
  if (policy.allowCredentials) response.headers.set("access-control-allow-credentials", "true");
  if (policy.exposeHeaders !== "") response.headers.set("access-control-expose-headers", policy.exposeHeaders);
  return response;
}
