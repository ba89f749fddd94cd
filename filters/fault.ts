import type { FilterContext, HttpFilterType } from "../lib/filter/http_filter.ts";
import { routeConfig } from "../lib/filter/route_config.ts";
import { hasGrpcContentType } from "../lib/formatter/grpc_status.ts";
import type { Call } from "../lib/http/call.ts";
import type { HttpRequest, HttpResponse } from "../lib/http/message.ts";
import { compileRequestHeaderMatch } from "../lib/matcher/header_matcher.ts";
import type {
  EnvoyExtensionsFiltersHttpFaultV3HTTPFault,
  EnvoyTypeV3FractionalPercent,
} from "../lib/protobuf/gen/messages.ts";
import { decode } from "../lib/protobuf/registry.ts";
import { durationMs } from "../lib/protobuf/well_known.ts";
import type { FractionalPercent } from "../lib/resource/common.ts";
import { Issues } from "../lib/resource/issues.ts";
import { parseFraction } from "../lib/resource/parse_common.ts";
import { parseHeaderMatches } from "../lib/resource/parse_route_match.ts";
import { localReply } from "../lib/router/local_reply.ts";

const NAME = "envoy.filters.http.fault";
const CONFIG = "envoy.extensions.filters.http.fault.v3.HTTPFault";

/** How long a request waits: a fixed time, or what its `x-envoy-fault-delay-request` header says. */
interface Delay {
  readonly fixedMs: number | null;
  readonly share: FractionalPercent;
}

/** What a request is refused with: an HTTP status, a gRPC status, or what its headers say. */
interface Abort {
  readonly http: number | null;
  readonly grpc: number | null;
  readonly byHeader: boolean;
  readonly share: FractionalPercent;
}

/** An `HTTPFault`, ready for use. */
class FaultSettings {
  readonly delay: Delay | null;
  readonly abort: Abort | null;
  readonly maxActive: number;
  /** Whether the fault is meant for this request, apart from shares. */
  readonly isFor: (request: HttpRequest, call: Call) => boolean;

  constructor(issues: Issues, fault: EnvoyExtensionsFiltersHttpFaultV3HTTPFault) {
    this.delay = readDelay(issues, fault);
    this.abort = readAbort(issues, fault);
    this.maxActive = fault.maxActiveFaults?.value ?? Infinity;
    if (fault.responseRateLimit !== undefined) issues.unsupport("response_rate_limit", "response rate limit");
    const headers = parseHeaderMatches(issues, "headers", fault.headers);
    const matches = issues.errors.length > 0 ? [] : headers.map((match) => compileRequestHeaderMatch(match));
    const cluster = fault.upstreamCluster ?? "";
    const nodes = fault.downstreamNodes === undefined ? null : new Set(fault.downstreamNodes);
    this.isFor = (request, call) =>
      (cluster === "" || call.chosen?.clusterName === cluster) &&
      (nodes === null || nodes.has(request.headers.get("x-envoy-downstream-service-node") ?? "")) &&
      matches.every((holds) => holds(request));
  }
}

function readDelay(issues: Issues, { delay }: EnvoyExtensionsFiltersHttpFaultV3HTTPFault): Delay | null {
  if (delay === undefined) return null;
  const share = readShare(issues, "delay.percentage", delay.percentage);
  if (delay.headerDelay !== undefined) return { fixedMs: null, share };
  const fixedMs = durationMs(delay.fixedDelay) ?? 0;
  if (fixedMs <= 0) issues.invalid("delay.fixed_delay", "it must be above 0", fixedMs);
  return { fixedMs, share };
}

function readAbort(issues: Issues, { abort }: EnvoyExtensionsFiltersHttpFaultV3HTTPFault): Abort | null {
  if (abort === undefined) return null;
  const share = readShare(issues, "abort.percentage", abort.percentage);
  const http = abort.httpStatus ?? null;
  const byHeader = abort.headerAbort !== undefined;
  if (http !== null && (http < 200 || http >= 600)) {
    issues.invalid("abort.http_status", "it must be from 200 to 599", http);
  }
  if (http === null && abort.grpcStatus === undefined && !byHeader) issues.invalid("abort", "it must say with what");
  return { http, grpc: abort.grpcStatus ?? null, byHeader, share };
}

/** Without a percentage nothing is hit, as in Envoy. */
function readShare(issues: Issues, path: string, percent: EnvoyTypeV3FractionalPercent | undefined): FractionalPercent {
  return parseFraction(issues, path, percent);
}

function readSettings(bytes: Uint8Array): { settings: FaultSettings; unsupported: readonly string[] } {
  const issues = new Issues();
  const settings = new FaultSettings(issues, decode(CONFIG, bytes));
  if (issues.errors.length > 0) throw new TypeError(issues.errors.join("; "));
  return { settings, unsupported: issues.unsupported.map(({ path, what }) => `${path}: ${what}`) };
}

function isSettings(value: object): value is FaultSettings {
  return value instanceof FaultSettings;
}

/** `envoy.filters.http.fault`: delays and refuses a share of the requests, to see how callers take it. */
export const faultFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes) {
    const { settings, unsupported } = readSettings(bytes);
    // Counted with the plan, which outlives stacks: a push must not lift the limit.
    const active = new ActiveFaults();
    return {
      unsupported,
      create: (context, name = NAME) =>
        function fault(next) {
          return (request, call) => {
            const found = routeConfig(call, name, isSettings);
            if (found.kind === "disabled") return next(request, call);
            const chosen = found.config ?? settings;
            if ((chosen.delay === null && chosen.abort === null) || !chosen.isFor(request, call)) {
              return next(request, call);
            }
            return inject(chosen, request, call, context, active, () => next(request, call));
          };
        },
    };
  },
  perRoute: { configTypes: [CONFIG], parse: (bytes) => readSettings(bytes).settings },
};

/** Faults under way, one a request however many kinds hit it. */
class ActiveFaults {
  #count = 0;

  /** Counts the request as hit until it is over; `false` when `max` others are. */
  tryBegin(call: Call, max: number): boolean {
    if (this.#count >= max) return false;
    this.#count++;
    call.exchange.onComplete(() => this.#count--);
    return true;
  }
}

async function inject(
  settings: FaultSettings,
  request: HttpRequest,
  call: Call,
  context: FilterContext,
  active: ActiveFaults,
  next: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  let counted = false;
  const begin = () => counted ||= active.tryBegin(call, settings.maxActive);
  const delayMs = settings.delay === null ? 0 : delayOf(settings.delay, request, context);
  if (delayMs > 0 && begin()) {
    call.addFlag("DI");
    await wait(delayMs, call, context);
  }
  const abort = settings.abort === null ? null : abortOf(settings.abort, request, context);
  if (abort === null || !begin()) return await next();
  request.body?.cancel();
  const grpcStatus = abort.grpc === null ? {} : { grpcStatus: abort.grpc };
  return localReply(request, call, {
    status: abort.status,
    body: "fault filter abort",
    details: "fault_filter_abort",
    flag: "FI",
    ...grpcStatus,
  });
}

function delayOf(delay: Delay, request: HttpRequest, context: FilterContext): number {
  const asked = delay.fixedMs ?? headerNumber(request, "x-envoy-fault-delay-request");
  return asked !== null &&
      isHit(delay.share, request, "x-envoy-fault-delay-request-percentage", delay.fixedMs === null, context)
    ? asked
    : 0;
}

function abortOf(
  abort: Abort,
  request: HttpRequest,
  context: FilterContext,
): { status: number; grpc: number | null } | null {
  if (!isHit(abort.share, request, "x-envoy-fault-abort-request-percentage", abort.byHeader, context)) return null;
  const http = abort.byHeader ? headerNumber(request, "x-envoy-fault-abort-request") : abort.http;
  if (http !== null && http >= 200 && http < 600) return { status: http, grpc: null };
  const grpc = abort.byHeader ? headerNumber(request, "x-envoy-fault-abort-grpc-request") : abort.grpc;
  // A gRPC status means nothing to other callers: Envoy gives those 200 with the text.
  return grpc === null ? null : { status: 200, grpc: hasGrpcContentType(request.headers) ? grpc : null };
}

/** Rolls the dice. Where headers control the fault they may lower the configured share, never raise it. */
function isHit(
  share: FractionalPercent,
  request: HttpRequest,
  header: string,
  byHeader: boolean,
  { random }: FilterContext,
): boolean {
  const asked = byHeader ? headerNumber(request, header) : null;
  const numerator = asked === null ? share.numerator : Math.min(asked, share.numerator);
  return numerator >= share.denominator || random() * share.denominator < numerator;
}

function headerNumber(request: HttpRequest, name: string): number | null {
  const value = request.headers.get(name);
  return value !== undefined && /^[0-9]{1,9}$/.test(value) ? Number(value) : null;
}

/** Waits, or gives up with the caller, or where a limit of time passes meanwhile. */
function wait(ms: number, call: Call, { clock }: FilterContext): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.timer(ms, resolve, { ref: true });
    const giveUp = (reason: unknown) => {
      timer.cancel();
      reject(reason);
    };
    call.onAbandon = giveUp;
    call.exchange.onCancel(giveUp);
  });
}
