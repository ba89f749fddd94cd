import type { FilterContext, HttpFilterType } from "../lib/filter/http_filter.ts";
import { LocalRateLimiter, type LocalRateLimiterSettings } from "../lib/filter/local_rate_limiter.ts";
import { routeConfig } from "../lib/filter/route_config.ts";
import type { TokenBucket, TokenBucketSettings } from "../lib/filter/token_bucket.ts";
import type { Call } from "../lib/http/call.ts";
import type { HttpRequest, HttpResponse } from "../lib/http/message.ts";
import type { Clock } from "../lib/internal/clock.ts";
import type { Random } from "../lib/internal/random.ts";
import type {
  EnvoyConfigCoreV3RuntimeFractionalPercent,
  EnvoyExtensionsFiltersHttpLocal_ratelimitV3LocalRateLimit,
  EnvoyTypeV3TokenBucket,
} from "../lib/protobuf/gen/messages.ts";
import { decode } from "../lib/protobuf/registry.ts";
import type { FractionalPercent } from "../lib/resource/common.ts";
import { Issues } from "../lib/resource/issues.ts";
import {
  checkNumber,
  flag,
  parseEnum,
  parseFraction,
  parseNumber,
  parsePositiveDuration,
  required,
} from "../lib/resource/parse_common.ts";
import { parseHeaderMutations } from "../lib/resource/parse_header_mutations.ts";
import type { ForwardAction, RateLimit } from "../lib/resource/route.ts";
import { compileHeaderMutations, type HeaderMutator } from "../lib/router/header_mutator.ts";
import { localReply } from "../lib/router/local_reply.ts";
import { compileRateLimits, type Descriptor } from "../lib/router/rate_limit_descriptors.ts";
import type { ConnectionInfo } from "../lib/transport/byte_stream.ts";

const NAME = "envoy.filters.http.local_ratelimit";
const CONFIG = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
const VIRTUAL_HOST = { OVERRIDE: "override", INCLUDE: "include", IGNORE: "ignore" } as const;
/** Envoy takes no shorter interval between fills, in milliseconds. */
const MIN_FILL_INTERVAL = 50;

/** A `LocalRateLimit`, ready for use. Its buckets last as long as the resource it stands in, whatever stacks are built. */
class RateLimitSettings {
  readonly unsupported: readonly string[];
  readonly enabled: FractionalPercent | null;
  readonly enforced: FractionalPercent | null;
  readonly status: number;
  readonly grpcStatus: number | undefined;
  readonly stage: number;
  readonly tellsLimits: boolean;
  readonly requestHeaders: HeaderMutator | null;
  readonly responseHeaders: HeaderMutator | null;
  readonly #limits: LocalRateLimiterSettings;
  readonly #perConnection: boolean;
  readonly #virtualHost: "override" | "include" | "ignore";
  #limiter: LocalRateLimiter | null = null;
  readonly #ofConnections = new WeakMap<ConnectionInfo, LocalRateLimiter>();
  readonly #compiled = new WeakMap<
    readonly RateLimit[],
    (request: HttpRequest, call: Call) => Descriptor[]
  >();

  constructor(issues: Issues, config: EnvoyExtensionsFiltersHttpLocal_ratelimitV3LocalRateLimit, ofRoute: boolean) {
    required(issues, "stat_prefix", config.statPrefix);
    if (ofRoute && config.tokenBucket === undefined) issues.invalid("token_bucket", "it must be given for a route");
    if (config.localClusterRateLimit !== undefined) issues.unsupport("local_cluster_rate_limit", "sharing of limits");
    this.#limits = {
      bucket: config.tokenBucket === undefined ? null : readBucket(issues, "token_bucket", config.tokenBucket),
      descriptors: (config.descriptors ?? []).map((descriptor, index) => ({
        entries: (descriptor.entries ?? []).map(({ key, value }) => [key ?? "", value ?? ""] as const),
        bucket: readBucket(issues, `descriptors[${index}].token_bucket`, descriptor.tokenBucket ?? {}),
      })),
      alwaysConsumeDefault: flag(config.alwaysConsumeDefaultTokenBucket, true),
    };
    this.enabled = readFraction(issues, "filter_enabled", config.filterEnabled);
    this.enforced = readFraction(issues, "filter_enforced", config.filterEnforced);
    const code = config.status?.code;
    const status = typeof code === "number" ? code : HTTP_STATUS[code ?? ""] ?? 429;
    this.status = status < 400 ? 429 : status;
    this.grpcStatus = config.rateLimitedAsResourceExhausted === true ? 8 : undefined;
    this.stage = checkNumber(issues, "stage", config.stage ?? 0, { max: 10 });
    this.tellsLimits = config.enableXRatelimitHeaders === "DRAFT_VERSION_03";
    this.#virtualHost = parseEnum(issues, "vh_rate_limits", config.vhRateLimits, VIRTUAL_HOST, "override");
    this.#perConnection = config.localRateLimitPerDownstreamConnection ?? false;
    const mutators = compileHeaderMutations([
      parseHeaderMutations(issues, "", {
        ...(config.requestHeadersToAddWhenNotEnforced === undefined
          ? {}
          : { requestHeadersToAdd: config.requestHeadersToAddWhenNotEnforced }),
        ...(config.responseHeadersToAdd === undefined ? {} : { responseHeadersToAdd: config.responseHeadersToAdd }),
      }),
    ]);
    this.requestHeaders = mutators.request;
    this.responseHeaders = mutators.response;
    this.unsupported = issues.unsupported.map(({ path, what }) => `${path}: ${what}`);
  }

  /** The limiter of a call: one for all, or one for each connection that brings calls. */
  limiter(call: Call, clock: Clock): LocalRateLimiter {
    const connection = this.#perConnection ? call.downstream : null;
    if (connection === null) return this.#limiter ??= new LocalRateLimiter(this.#limits, clock);
    let limiter = this.#ofConnections.get(connection);
    if (limiter === undefined) {
      limiter = new LocalRateLimiter(this.#limits, clock);
      this.#ofConnections.set(connection, limiter);
    }
    return limiter;
  }

  /** What the route and its virtual host describe the request by. */
  descriptors(request: HttpRequest, call: Call, context: FilterContext): Descriptor[] {
    const { chosen } = call;
    const action = chosen?.route.action;
    if (this.#limits.descriptors.length === 0 || action?.kind !== "forward") return [];
    const ofRoute = this.#describe(action.rateLimits, request, call, context);
    return this.#includesVirtualHost(action)
      ? [...ofRoute, ...this.#describe(chosen!.virtualHost.rateLimits, request, call, context)]
      : ofRoute;
  }

  #includesVirtualHost(action: ForwardAction): boolean {
    if (action.includeVirtualHostRateLimits || this.#virtualHost === "include") return true;
    return this.#virtualHost === "override" && action.rateLimits.length === 0;
  }

  #describe(limits: readonly RateLimit[], request: HttpRequest, call: Call, context: FilterContext): Descriptor[] {
    let compiled = this.#compiled.get(limits);
    if (compiled === undefined) {
      compiled = compileRateLimits(limits, this.stage, context.telemetry?.node.cluster ?? "");
      this.#compiled.set(limits, compiled);
    }
    return compiled(request, call);
  }
}

function readBucket(issues: Issues, path: string, bucket: EnvoyTypeV3TokenBucket): TokenBucketSettings {
  const fillIntervalMs = parsePositiveDuration(issues, `${path}.fill_interval`, bucket.fillInterval, 0);
  if (bucket.fillInterval === undefined) issues.invalid(`${path}.fill_interval`, "it must be given");
  else if (fillIntervalMs > 0 && fillIntervalMs < MIN_FILL_INTERVAL) {
    issues.invalid(`${path}.fill_interval`, "it must be at least 0.05s", `${fillIntervalMs / 1000}s`);
  }
  return {
    maxTokens: checkNumber(issues, `${path}.max_tokens`, bucket.maxTokens ?? 0),
    tokensPerFill: parseNumber(issues, `${path}.tokens_per_fill`, bucket.tokensPerFill, 1, { min: 1 }),
    fillIntervalMs,
  };
}

function readFraction(
  issues: Issues,
  path: string,
  fraction: EnvoyConfigCoreV3RuntimeFractionalPercent | undefined,
): FractionalPercent | null {
  return fraction === undefined ? null : parseFraction(issues, `${path}.default_value`, fraction.defaultValue);
}

/** Envoy's `envoy.type.v3.StatusCode` by name, of those that refuse. */
const HTTP_STATUS: Readonly<Record<string, number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  PaymentRequired: 402,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  ProxyAuthenticationRequired: 407,
  RequestTimeout: 408,
  Conflict: 409,
  Gone: 410,
  LengthRequired: 411,
  PreconditionFailed: 412,
  PayloadTooLarge: 413,
  URITooLong: 414,
  UnsupportedMediaType: 415,
  RangeNotSatisfiable: 416,
  ExpectationFailed: 417,
  MisdirectedRequest: 421,
  UnprocessableEntity: 422,
  Locked: 423,
  FailedDependency: 424,
  UpgradeRequired: 426,
  PreconditionRequired: 428,
  TooManyRequests: 429,
  RequestHeaderFieldsTooLarge: 431,
  InternalServerError: 500,
  NotImplemented: 501,
  BadGateway: 502,
  ServiceUnavailable: 503,
  GatewayTimeout: 504,
  HTTPVersionNotSupported: 505,
  VariantAlsoNegotiates: 506,
  InsufficientStorage: 507,
  LoopDetected: 508,
  NotExtended: 510,
  NetworkAuthenticationRequired: 511,
};

function readSettings(bytes: Uint8Array, ofRoute: boolean): RateLimitSettings {
  const issues = new Issues();
  const settings = new RateLimitSettings(issues, decode(CONFIG, bytes), ofRoute);
  if (issues.errors.length > 0) throw new TypeError(issues.errors.join("; "));
  return settings;
}

function isSettings(value: object): value is RateLimitSettings {
  return value instanceof RateLimitSettings;
}

/**
 * `envoy.filters.http.local_ratelimit`: lets so many requests through and answers the rest with 429 (flag `RL`), by the
 * bucket of the filter or the route, and by those of descriptors that `rate_limits` of the route make.
 */
export const localRateLimitFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes) {
    const settings = readSettings(bytes, false);
    return {
      unsupported: settings.unsupported,
      create: (context, name = NAME) => {
        return function localRateLimit(next) {
          return (request, call) => {
            const found = routeConfig(call, name, isSettings);
            if (found.kind === "disabled") return next(request, call);
            const used = found.config ?? settings;
            if (!isHit(used.enabled, context.random)) return next(request, call);
            const { allowed, bucket } = used.limiter(call, context.clock)
              .take(used.descriptors(request, call, context));
            const told = used.tellsLimits ? bucket : null;
            if (allowed) return tell(next(request, call), told);
            if (!isHit(used.enforced, context.random)) {
              used.requestHeaders?.(request.headers, call);
              return tell(next(request, call), told);
            }
            return tell(Promise.resolve(refuse(used, request, call)), told);
          };
        };
      },
    };
  },
  perRoute: { configTypes: [CONFIG], parse: (bytes) => readSettings(bytes, true) },
};

function isHit(fraction: FractionalPercent | null, random: Random): boolean {
  if (fraction === null) return false;
  return fraction.numerator >= fraction.denominator || random() * fraction.denominator < fraction.numerator;
}

function refuse(settings: RateLimitSettings, request: HttpRequest, call: Call): HttpResponse {
  request.body?.cancel();
  const { status, grpcStatus } = settings;
  const response = localReply(request, call, {
    status,
    flag: "RL",
    details: "local_rate_limited",
    body: "local_rate_limited",
    ...(grpcStatus === undefined ? {} : { grpcStatus }),
  });
  call.response = response;
  settings.responseHeaders?.(response.headers, call);
  return response;
}

/** Tells the caller how much is left of the bucket that decided. */
function tell(response: Promise<HttpResponse>, bucket: TokenBucket | null): Promise<HttpResponse> {
  if (bucket === null) return response;
  return response.then((response) => {
    response.headers.append("x-ratelimit-limit", String(bucket.settings.maxTokens));
    response.headers.append("x-ratelimit-remaining", String(bucket.remaining));
    response.headers.append("x-ratelimit-reset", String(bucket.resetSeconds));
    return response;
  });
}
