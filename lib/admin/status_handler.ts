import { EXPOSITION_CONTENT_TYPE } from "../telemetry/exposition.ts";
import type { StatusView } from "./admin_view.ts";
import { textResponse } from "./text_response.ts";

/** What is answered on one port of the status endpoints. */
export type StatusPath = "/stats/prometheus" | "/metrics" | "/healthz/ready" | "/drain";

/** Paths on the port that pilot-agent serves metrics and probes on. */
export const AGENT_STATUS_PATHS: readonly StatusPath[] = ["/stats/prometheus", "/metrics", "/healthz/ready", "/drain"];
/** Paths on the readiness port of a sidecar. */
export const READINESS_PATHS: readonly StatusPath[] = ["/healthz/ready"];
/** Paths on the Prometheus port of a sidecar. */
export const PROMETHEUS_PATHS: readonly StatusPath[] = ["/stats/prometheus", "/metrics"];

/** Whether an address is of this host alone. */
export function isLoopback(hostname: string): boolean {
  return hostname === "::1" || /^(::ffff:)?127\./.test(hostname);
}

/**
 * Answers the status ports of a workload: 15090 (`PROMETHEUS_PATHS`), 15021 (`READINESS_PATHS`) and 15020
 * (`AGENT_STATUS_PATHS`). They listen on the pod's address, so they show no configuration; only this host may drain.
 */
export function statusHandler(
  view: StatusView,
  paths: readonly StatusPath[],
): (request: Request, info: { readonly remoteHostname: string }) => Response {
  return (request, { remoteHostname }) => {
    const path = new URL(request.url).pathname;
    const known = paths.find((candidate) => candidate === path);
    if (known === undefined) return textResponse("not found\n", 404);
    if (known === "/drain") return answerDrain(request, view, remoteHostname);
    if (request.method !== "GET" && request.method !== "HEAD") return methodNotAllowed(request.method, "GET");
    if (known === "/healthz/ready") return answerReadiness(view);
    return new Response(view.metrics(), { headers: { "content-type": EXPOSITION_CONTENT_TYPE } });
  };
}

/** 405 in Envoy's words. */
export function methodNotAllowed(method: string, required: string): Response {
  return textResponse(`Method ${method} not allowed, ${required} required.`, 405);
}

/** Starts draining, for callers on this host; the answer comes at once. */
export function answerDrain(request: Request, view: StatusView, remoteHostname: string): Response {
  if (request.method !== "POST") return methodNotAllowed(request.method, "POST");
  if (!isLoopback(remoteHostname)) return textResponse("Only requests from localhost are allowed\n", 403);
  view.drain();
  return textResponse("OK\n");
}

/** The readiness probe: 200 with no content, or 503 with the reason, as pilot-agent answers it. */
function answerReadiness(view: StatusView): Response {
  const readiness = view.readiness();
  return readiness.ready ? textResponse("") : textResponse(`workload is not ready: ${readiness.reason}\n`, 503);
}
