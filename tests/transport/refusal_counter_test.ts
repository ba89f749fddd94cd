import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { exposeMetrics } from "../../lib/telemetry/exposition.ts";
import { MetricRegistry } from "../../lib/telemetry/metric_registry.ts";
import { countingConnector, refusalCounter } from "../../lib/transport/refusal_counter.ts";
import type { Connector } from "../../lib/transport/connector.ts";

Deno.test("countingConnector() counts each failure by its reason, logs refusals and passes everything on", async () => {
  const registry = new MetricRegistry();
  const address = { hostname: "127.0.0.1", port: 1 };
  let kind: "timeout" | "expired" = "timeout";
  const failing: Connector = {
    connect(target) {
      target.onTransportFailure?.({ kind, reason: `too ${kind}`, address });
      return Promise.reject(new MeshError("UPSTREAM_CONNECTION_FAILURE", "Cannot connect"));
    },
  };
  const lines: string[] = [];
  const logger = { log: (level: string, message: string) => void lines.push(`${level}: ${message}`) };
  const connector = countingConnector(failing, refusalCounter(registry, "outbound"), logger);
  const seen: string[] = [];
  for (kind of ["timeout", "timeout", "expired"] as const) {
    await assert.rejects(
      connector.connect({
        address,
        tls: null,
        connectTimeoutMs: 1,
        onTransportFailure: ({ reason }) => seen.push(reason),
      }),
    );
  }
  assert.deepEqual(seen, ["too timeout", "too timeout", "too expired"]);
  assert.deepEqual(lines, ["info: Refused the server at '127.0.0.1:1': too expired"]);
  assert.match(
    exposeMetrics(registry),
    /enmesh_refused_connections_total\{direction="outbound",reason="expired"\} 1\n[^]*reason="timeout"\} 2\n/,
  );
});
