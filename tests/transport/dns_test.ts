import assert from "node:assert/strict";
import { systemResolve } from "../../lib/transport/dns.ts";

Deno.test("The system resolver knows localhost, and families are kept apart", async () => {
  const { addresses, ttlMs } = await systemResolve("localhost", "v4_only");
  assert.deepEqual([addresses[0], ttlMs], ["127.0.0.1", null]);
  assert.equal((await systemResolve("localhost", "v4_preferred")).addresses[0], "127.0.0.1");
});

Deno.test("A name that cannot exist is an error", async () => {
  await assert.rejects(systemResolve("does-not-exist.invalid", "auto"));
});
