import assert from "node:assert/strict";
import { systemResolve } from "../../lib/transport/dns.ts";
import { timeToLive } from "../../lib/transport/dns_ttl.ts";

Deno.test("The system resolver knows localhost, and families are kept apart", async () => {
  const { addresses, ttlMs } = await systemResolve("localhost", "v4_only");
  assert.deepEqual([addresses[0], ttlMs], ["127.0.0.1", null]);
  assert.equal((await systemResolve("localhost", "v4_preferred")).addresses[0], "127.0.0.1");
});

Deno.test("The time to live is told where it is asked for and DNS knows the addresses", async () => {
  const records = [{ address: "192.0.2.1", ttl: 30 }, { address: "192.0.2.2", ttl: 20 }];
  const asked: number[] = [];
  const ask = (_: string, family: 4 | 6) => {
    asked.push(family);
    return Promise.resolve(records);
  };
  assert.equal(await timeToLive("a.example", ["192.0.2.2"], ask), 20_000);
  assert.equal(await timeToLive("a.example", ["2001:db8::1"], ask), null, "the hosts file says something else");
  assert.equal(await timeToLive("a.example", ["192.0.2.1"], () => Promise.reject(new Error("No such name"))), null);
  assert.deepEqual(asked, [4, 6]);
  assert.equal(await systemResolve("does-not-exist.invalid", "auto", true).catch(() => null), null);
});

Deno.test("A name that cannot exist is an error", async () => {
  await assert.rejects(systemResolve("does-not-exist.invalid", "auto"));
});
