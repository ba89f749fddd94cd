import assert from "node:assert/strict";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import type { DnsAnswer } from "../../lib/transport/dns.ts";
import { DnsResolver } from "../../lib/upstream/dns_resolver.ts";

function rig(answers: (DnsAnswer | null)[]) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const dns = new DnsResolver({
    clock,
    maxEntries: 2,
    resolve: (hostname) => {
      asked.push(hostname);
      const answer = answers.shift() ?? null;
      return answer === null ? Promise.reject(new Error("No such name")) : Promise.resolve(answer);
    },
  });
  return { clock, dns, asked };
}

const one: DnsAnswer = { addresses: ["192.0.2.1"], ttlMs: 2000 };

Deno.test("Questions under way are shared, answers kept for their TTL", async () => {
  const { clock, dns, asked } = rig([one, one]);
  await Promise.all([dns.resolve("a.example"), dns.resolve("A.example")]);
  await clock.advance(1900);
  await dns.resolve("a.example");
  assert.equal(asked.length, 1);
  await clock.advance(200);
  await dns.resolve("a.example");
  assert.equal(asked.length, 2);
});

Deno.test("A failure is remembered briefly", async () => {
  const { clock, dns, asked } = rig([null, one]);
  await assert.rejects(dns.resolve("a.example"), /No such name/);
  await assert.rejects(dns.resolve("a.example"), /No such name/);
  assert.equal(asked.length, 1);
  await clock.advance(1100);
  assert.deepEqual(await dns.resolve("a.example"), one);
});

Deno.test("Addresses are their own answer", async () => {
  const { dns, asked } = rig([]);
  assert.deepEqual((await dns.resolve("192.0.2.7")).addresses, ["192.0.2.7"]);
  assert.deepEqual((await dns.resolve("2001:db8::1")).addresses, ["2001:db8::1"]);
  assert.deepEqual((await dns.resolve("[2001:db8::1]")).addresses, ["2001:db8::1"]);
  assert.equal(asked.length, 0);
});

Deno.test("The cache is bounded", async () => {
  const { dns, asked } = rig([one, one, one, one]);
  for (const name of ["a", "b", "c", "a"]) await dns.resolve(name);
  assert.deepEqual(asked, ["a", "b", "c", "a"]);
});
