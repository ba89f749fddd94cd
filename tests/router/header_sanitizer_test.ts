import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import { sanitizeRequestHeaders } from "../../lib/router/header_sanitizer.ts";

Deno.test("What steers the proxy is taken out, the rest stays in order", () => {
  const headers = new HeaderList([
    "x-envoy-retry-on",
    "5xx",
    "accept",
    "*/*",
    "x-envoy-max-retries",
    "9",
    "x-envoy-attempt-count",
    "1",
    "x-envoy-upstream-rq-timeout-ms",
    "1",
    "x-envoy-upstream-rq-timeout-ms",
    "2",
    "x-forwarded-for",
    "10.0.0.1",
    "x-envoy-decorator-operation",
    "op",
  ]);
  sanitizeRequestHeaders(headers);
  assert.deepEqual([...headers.entries()].map(([name]) => name), [
    "accept",
    "x-envoy-attempt-count",
    "x-forwarded-for",
    "x-envoy-decorator-operation",
  ]);
});

Deno.test("What only the router takes off goes inbound, where there is none", () => {
  const headers = () => new HeaderList(["x-envoy-upstream-stream-duration-ms", "1"]);
  const [inbound, outbound] = [headers(), headers()];
  sanitizeRequestHeaders(inbound, "inbound");
  sanitizeRequestHeaders(outbound, "outbound");
  assert.deepEqual([inbound.size, outbound.size], [0, 1]);
});
