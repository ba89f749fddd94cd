import { BytesBody } from "../http/body.ts";
import { HeaderList } from "../http/header_list.ts";
import type { HttpRequest } from "../http/message.ts";
import { compileStringMatch, type StringMatcher } from "../matcher/string_matcher.ts";
import type { HttpHealthCheck, StatusRange } from "../resource/health_check.ts";
import type { CheckResult } from "./health_check_state.ts";
import { GOOD_ANSWER, type HealthProbe, NETWORK_FAILURE } from "./health_probe.ts";
import type { HealthAnswer, HealthRequests } from "./health_request.ts";
import { containsInOrder } from "./payload_match.ts";

/** What is looked at of content without a limit of its own. */
const MAX_CONTENT_BYTES = 1 << 24;

/** What an {@linkcode HttpHealthProbe} works with. */
export interface HttpHealthProbeOptions {
  readonly what: HttpHealthCheck;
  /** Authority of the request. */
  readonly authority: string;
  /** Whether the host is spoken to in TLS: `https` then. */
  readonly secure: boolean;
  readonly requests: HealthRequests;
  /** Changes the request's headers as configured. */
  readonly changeHeaders: (headers: HeaderList) => void;
  /** Counts that a name was compared (`verify_cluster`). */
  readonly onServiceName: () => void;
}

/** A request whose answer has a good status and, where that is configured, the content and the service name expected. */
export class HttpHealthProbe implements HealthProbe {
  readonly #options: HttpHealthProbeOptions;
  readonly #serviceName: StringMatcher | null;

  /** @param options What to ask and to expect. */
  constructor(options: HttpHealthProbeOptions) {
    this.#options = options;
    const { serviceName } = options.what;
    this.#serviceName = serviceName === null ? null : compileStringMatch(serviceName);
  }

  async check(signal: AbortSignal): Promise<CheckResult> {
    const { what, requests } = this.#options;
    const limit = what.receive.length === 0 ? 0 : what.responseBufferSize || MAX_CONTENT_BYTES;
    try {
      return this.#judge(await requests.send(this.#request(), limit, signal));
    } catch {
      return NETWORK_FAILURE;
    }
  }

  close(): void {
    this.#options.requests.close();
  }

  #request(): HttpRequest {
    const { what, authority, secure, changeHeaders } = this.#options;
    const headers = new HeaderList(["user-agent", "Envoy/HC"]);
    changeHeaders(headers);
    const { send } = what;
    if (send !== null) headers.set("content-length", String(send.length));
    return {
      method: what.method,
      scheme: secure ? "https" : "http",
      authority,
      path: what.path,
      headers,
      body: send === null ? null : new BytesBody(send),
      protocol: what.protocol === "http2" ? "HTTP/2" : "HTTP/1.1",
    };
  }

  #judge({ response, content }: HealthAnswer): CheckResult {
    const { what, onServiceName } = this.#options;
    const { status, headers } = response;
    const refusesTraffic = headers.has("x-envoy-immediate-health-check-fail");
    const bad = (retriable: boolean, refuses = false): CheckResult => ({
      healthy: false,
      kind: "active",
      retriable,
      refusesTraffic: refuses,
    });
    if (!containsInOrder(content, what.receive)) return bad(false, refusesTraffic);
    if (!within(status, what.expectedStatuses)) return bad(within(status, what.retriableStatuses), refusesTraffic);
    if (this.#serviceName !== null) {
      onServiceName();
      if (!this.#serviceName(headers.get("x-envoy-upstream-healthchecked-cluster") ?? "")) return bad(false);
    }
    return headers.has("x-envoy-degraded") ? { healthy: true, degraded: true } : GOOD_ANSWER;
  }
}

function within(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(({ start, end }) => status >= start && status < end);
}
