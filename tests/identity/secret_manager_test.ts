import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import type { CertificateSource, IssuedSecret } from "../../lib/identity/certificate_source.ts";
import { SecretManager, type SecretManagerOptions } from "../../lib/identity/secret_manager.ts";
import type { LogLevel } from "../../lib/internal/logger.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import { type IssueOptions, TestCa } from "../support/test_ca.ts";

const SLEEP = "spiffe://cluster.local/ns/default/sa/sleep";
const HOUR = 3_600_000;

const ca = await TestCa.create();

/** A source that answers from a script; the last step repeats. */
class ScriptedSource implements CertificateSource {
  readonly description = "the test CA";
  readonly pollMs: number | null = null;
  calls = 0;
  closed = false;
  constructor(readonly clock: FakeClock, public script: (() => Promise<IssuedSecret>)[]) {}
  fetch(): Promise<IssuedSecret> {
    return this.script[Math.min(this.calls++, this.script.length - 1)]!();
  }
  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

function good(clock: FakeClock, options: IssueOptions = {}, issuer = ca): () => Promise<IssuedSecret> {
  return async () => {
    const { chain, key } = await issuer.issue({
      notBefore: clock.now() - 120_000,
      notAfter: clock.now() + HOUR,
      ...options,
    });
    return { chain, key, roots: [issuer.pem] };
  };
}

const fails = (): Promise<IssuedSecret> =>
  Promise.reject(new MeshError("CONTROL_PLANE_UNAVAILABLE", "Cannot reach it"));

interface Rig {
  clock: FakeClock;
  source: ScriptedSource;
  manager: SecretManager;
  registry: HandleRegistry;
  lines: [LogLevel, string][];
}

function rig(options: Partial<SecretManagerOptions> = {}): Rig {
  const clock = new FakeClock(Date.now());
  const source = new ScriptedSource(clock, [good(clock)]);
  const registry = new HandleRegistry();
  const lines: [LogLevel, string][] = [];
  const logger = { log: (level: LogLevel, message: string) => void lines.push([level, message]) };
  const manager = new SecretManager({
    source,
    spiffeId: SLEEP,
    clock,
    random: () => 0.5,
    registry,
    logger,
    ...options,
  });
  return { clock, source, manager, registry, lines };
}

/** Advances until signing, which runs outside the fake clock, has had its turns. */
async function settle(clock: FakeClock, done: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !done(); i++) await clock.advance(0);
  assert.ok(done(), "nothing happened");
}

Deno.test("the first certificate is offered with its roots, and listeners hear of it", async () => {
  const { manager, registry } = rig();
  let heard = 0;
  manager.subscribe(() => heard++);
  assert.equal(manager.certificate("default"), null);
  await manager.start();
  assert.equal(manager.certificate("default")!.spiffeId, SLEEP);
  assert.equal(manager.trustBundle("ROOTCA")!.roots.length, 1);
  assert.equal(manager.identity!.spiffeId, SLEEP);
  assert.equal(manager.certificate("other"), null);
  assert.equal(heard, 1);
  assert.equal("key" in manager.identity!, false);
  await manager.close();
  assert.equal(registry.total, 0);
});

Deno.test("it is renewed at half of its lifetime", async () => {
  const { clock, manager, source } = rig();
  await manager.start();
  const first = manager.certificate("default")!;
  await clock.advance(HOUR / 2 - 1_000);
  assert.equal(source.calls, 1);
  await clock.advance(2_000);
  await settle(clock, () => manager.certificate("default") !== first);
  assert.equal(source.calls, 2);
  assert.ok(manager.certificate("default")!.version > first.version);
  await manager.close();
});

Deno.test("a failed renewal keeps the certificate and tries again, further and further apart", async () => {
  const { clock, manager, source, lines } = rig();
  await manager.start();
  const first = manager.certificate("default")!;
  source.script = [fails];
  await clock.advance(HOUR / 2 + 1_000);
  assert.equal(manager.certificate("default"), first);
  assert.ok(lines.some(([level, line]) => level === "warning" && line.includes("valid for")));
  const delays: number[] = [];
  for (let i = 0; i < 9; i++) {
    delays.push(clock.nextTimerMs!);
    await clock.advance(clock.nextTimerMs!);
  }
  assert.ok(delays.every((delay, i) => i === 0 || delay > delays[i - 1]! * 1.5 || delay > 100_000), delays.join());
  assert.ok(delays.every((delay) => delay <= 150_000));
  await manager.close();
});

Deno.test("an expired certificate is never offered, and the next one is taken", async () => {
  const { clock, manager, source, lines } = rig();
  await manager.start();
  source.script = [fails];
  await clock.advance(HOUR + 200_000);
  assert.equal(manager.certificate("default"), null);
  assert.ok(lines.some(([level, line]) => level === "error" && line.includes("has expired")));
  source.script = [good(clock)];
  await clock.advance(150_000);
  await settle(clock, () => manager.certificate("default") !== null);
  await manager.close();
});

Deno.test("the start waits through failures, with a line for each, until the signal says stop", async () => {
  const { clock, manager, source, lines } = rig();
  source.script = [fails];
  const stop = new AbortController();
  const started = assert.rejects(manager.start(stop.signal), /Enough/);
  await clock.advance(10_000);
  assert.ok(source.calls >= 3);
  assert.equal(lines.length, source.calls);
  stop.abort(new Error("Enough"));
  await started;
  await manager.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a refusal ends the start at once", async () => {
  const { manager, source } = rig();
  source.script = [() => Promise.reject(new MeshError("IDENTITY_REJECTED", "Cannot get a certificate"))];
  await assert.rejects(manager.start(), { code: "IDENTITY_REJECTED" });
  assert.equal(source.calls, 1);
  await manager.close();
});

Deno.test("a certificate of another service account is refused by name", async () => {
  const { clock, manager, source } = rig();
  source.script = [good(clock, { uris: ["spiffe://cluster.local/ns/default/sa/admin"] })];
  await assert.rejects(manager.start(), (error: MeshError) => {
    assert.equal(error.code, "IDENTITY_REJECTED");
    assert.match(error.message, /sa\/admin.*sa\/sleep/s);
    return true;
  });
  await manager.close();
});

Deno.test("another trust domain is taken with a warning", async () => {
  const { clock, manager, source, lines } = rig();
  source.script = [good(clock, { uris: ["spiffe://td.example/ns/default/sa/sleep"] })];
  await manager.start();
  assert.equal(manager.identity!.spiffeId, "spiffe://td.example/ns/default/sa/sleep");
  assert.ok(lines.some(([level, line]) => level === "warning" && line.includes("TRUST_DOMAIN")));
  await manager.close();
});

Deno.test("a wrong clock is named as the reason", async () => {
  const { clock, manager, source, lines } = rig();
  source.script = [good(clock, { notBefore: clock.now() + HOUR, notAfter: clock.now() + 2 * HOUR })];
  const stop = new AbortController();
  const started = assert.rejects(manager.start(stop.signal));
  await settle(clock, () => lines.length > 0);
  assert.match(lines[0]![1], /check the clock/);
  stop.abort();
  await started;
  await manager.close();
});

Deno.test("a root rotated by the CA replaces the old one; a root of the discovery service is added", async () => {
  const next = await TestCa.create("O=next");
  const { clock, manager, source } = rig();
  await manager.start();
  const before = manager.trustBundle("ROOTCA")!;
  source.script = [good(clock, {}, next)];
  await manager.renew();
  const after = manager.trustBundle("ROOTCA")!;
  assert.equal(after.roots.length, 1);
  assert.notEqual(after.roots[0], before.roots[0]);
  const calls = source.calls;
  manager.setRoots("discovery", [ca.pem]);
  assert.equal(manager.trustBundle("ROOTCA")!.roots.length, 2);
  await settle(clock, () => source.calls === calls + 1);
  await manager.close();
});

Deno.test("nothing is fetched and nothing is left after close, even while fetching", async () => {
  const { clock, manager, source, registry } = rig();
  await manager.start();
  const fetching = Promise.withResolvers<IssuedSecret>();
  source.script = [() => fetching.promise];
  const renewing = manager.renew();
  const first = manager.certificate("default");
  const closed = manager.close();
  fetching.resolve(await good(clock)());
  await Promise.all([renewing, closed]);
  assert.equal(manager.certificate("default"), first);
  assert.equal(source.closed, true);
  assert.equal(registry.total, 0);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("no line carries the key", async () => {
  const { manager, lines, source, clock } = rig();
  await manager.start();
  const { key } = manager.certificate("default")!;
  source.script = [fails];
  await clock.advance(HOUR);
  const secret = key.split("\n")[1]!;
  assert.equal(lines.some(([, line]) => line.includes(secret) || line.includes("PRIVATE")), false);
  await manager.close();
});
