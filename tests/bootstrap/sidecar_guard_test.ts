import assert from "node:assert/strict";
import { findSidecar, sidecarPresent } from "../../lib/bootstrap/sidecar_guard.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { listen } from "../../lib/transport/acceptor.ts";
import { createConnector } from "../../lib/transport/connector.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";

Deno.test("something that accepts on the capture port is a sidecar, nothing there is none", async () => {
  const registry = new HandleRegistry();
  const options = { registry, clock: systemClock, logger: silentLogger };
  const connector = createConnector(options);
  const acceptor = await listen({ hostname: "127.0.0.1", port: 0 }, (connection) => connection.destroy(), options);
  const { port } = acceptor.addr;
  assert.equal(await findSidecar(connector, port), "present");
  await acceptor.close();
  assert.equal(await findSidecar(connector, port), "none");
  await registry.idle();
});

Deno.test({
  name: "without permission to look nobody knows",
  permissions: { net: false },
  fn: async () => {
    const connector = createConnector({ registry: new HandleRegistry(), clock: systemClock });
    assert.equal(await findSidecar(connector), "unknown");
  },
});

Deno.test("the error says what to do", () => {
  const error = sidecarPresent();
  assert.equal(error.code, "SIDECAR_PRESENT");
  assert.match(error.message, /sidecar\.istio\.io\/inject: "false"/);
});
