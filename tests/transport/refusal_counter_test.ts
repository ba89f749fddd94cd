import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { exposeMetrics } from "../../lib/telemetry/exposition.ts";
import { MetricRegistry } from "../../lib/telemetry/metric_registry.ts";
import { countingConnector, refusalCounter } from "../../lib/transport/refusal_counter.ts";
import type { Connector } from "../../lib/transport/connector.ts";

Deno.test("countingConnector() counts each failure by its reason and passes it on", async () => {
  const registry = new MetricRegistry();
  const address = { hostname: "127.0.0.1", port: 1 };
  const failing: Connector = {
    connect(target) {
      target.onTransportFailure?.({ kind: "timeout", reason: "too slow", address });
      return Promise.reject(new MeshError("UPSTREAM_CONNECTION_FAILURE", "Cannot connect"));
    },
  };
  const connector = countingConnector(failing, refusalCounter(registry, "outbound"));
  const seen: string[] = [];
  for (let i = 0; i < 2; i++) {
    await assert.rejects(
      connector.connect({
        address,
        tls: null,
        connectTimeoutMs: 1,
        onTransportFailure: ({ reason }) => seen.push(reason),
      }),
    );
  }
  assert.deepEqual(seen, ["too slow", "too slow"]);
  assert.match(
    exposeMetrics(registry),
    /enmesh_refused_connections_total\{direction="outbound",reason="timeout"\} 2\n/,
  );
});
