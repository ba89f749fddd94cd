import type { HeaderList } from "../http/header_list.ts";

/**
 * Headers a caller may not set, for they steer the proxy: what Envoy's connection manager removes
 * (`ConnectionManagerUtility::cleanInternalHeaders`) from requests that are not internal. A sidecar runs with
 * `use_remote_address: false` and, since Envoy 1.33, without addresses counted as internal: every request is external
 * and none is an edge request, so that `x-envoy-decorator-operation` and its like pass. (`x-envoy-original-dst-host` passes as in
 * Envoy; it steers nothing unless a cluster is configured to read it.)
 */
const INTERNAL: ReadonlySet<string> = new Set([
  "x-envoy-internal",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-hedge-on-per-try-timeout",
]);

/**
 * Removes from a request what only a proxy may set. One pass, and nothing is written where nothing is to go.
 *
 * @param headers Headers of the request.
 */
export function sanitizeRequestHeaders(headers: HeaderList): void {
  const { pairs } = headers;
  let found: string[] | null = null;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!;
    if (name.startsWith("x-envoy-") && INTERNAL.has(name)) (found ??= []).push(name);
  }
  for (const name of found ?? []) headers.delete(name);
}
