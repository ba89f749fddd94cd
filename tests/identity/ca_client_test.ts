import assert from "node:assert/strict";
import type { MeshError } from "../../lib/errors.ts";
import { CaClient, type CaClientOptions } from "../../lib/identity/ca_client.ts";
import { createCaSource } from "../../lib/identity/ca_source.ts";
import { createCsr } from "../../lib/identity/csr.ts";
import { generateKeyPair } from "../../lib/identity/key_pair.ts";
import { SecretManager } from "../../lib/identity/secret_manager.ts";
import type { TokenOption } from "../../lib/bootstrap/join_options.ts";
import { createTokenSource } from "../../lib/identity/token_source.ts";
import { type Clock, systemClock, type Timer } from "../../lib/internal/clock.ts";
import type { LogLevel } from "../../lib/internal/logger.ts";
import { FakeIstiod } from "../../lib/testing/fake_istiod.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import { pemBlocks } from "../../lib/transport/pem.ts";
import { TestCa } from "../support/test_ca.ts";
import { within } from "../support/transport_rig.ts";

const SLEEP = "spiffe://cluster.local/ns/default/sa/sleep";
const never = new AbortController().signal;

/** The clock of the system, on which back-off ends at once and is noted; time limits stay. */
class HastyClock implements Clock {
  readonly waits: number[] = [];
  now(): number {
    return systemClock.now();
  }
  monotonic(): number {
    return systemClock.monotonic();
  }
  timer(ms: number, callback: () => void, options?: { ref?: boolean }): Timer {
    if (ms >= 10_000) return systemClock.timer(ms, callback, options);
    this.waits.push(ms);
    return systemClock.timer(0, callback, options);
  }
}

interface Rig {
  istiod: FakeIstiod;
  client: CaClient;
  clock: HastyClock;
  registry: HandleRegistry;
  lines: string[];
  close(): Promise<void>;
}

async function rig(token: TokenOption | null | "mint" = "mint", options: Partial<CaClientOptions> = {}): Promise<Rig> {
  const istiod = await FakeIstiod.start();
  const registry = new HandleRegistry();
  const clock = new HastyClock();
  const lines: string[] = [];
  const minted = token === "mint" ? await istiod.tokens.mint({ namespace: "default", serviceAccount: "sleep" }) : token;
  const client = new CaClient({
    // No name: the look-up of one goes on when its connection is given up.
    hostname: "127.0.0.1",
    port: istiod.addr.port,
    tls: { roots: istiod.rootCertificates, serverName: "istiod.istio-system.svc", certificate: null },
    token: createTokenSource(minted),
    clusterId: "Kubernetes",
    registry,
    clock,
    random: () => 0.5,
    logger: { log: (_: LogLevel, message: string) => void lines.push(message) },
    ...options,
  });
  return {
    istiod,
    client,
    clock,
    registry,
    lines,
    async close() {
      await within(registry.idle(), () => `left open: ${JSON.stringify(registry.snapshot())}`);
      await istiod[Symbol.asyncDispose]();
      assert.equal(istiod.handles.total, 0);
    },
  };
}

const csr = await createCsr(await generateKeyPair(), SLEEP);

/** Has the request refused and returns the error. */
async function refused({ client }: Rig, code: string): Promise<MeshError> {
  try {
    await client.sign(csr, 3600, never);
  } catch (error) {
    assert.equal((error as MeshError).code, code, String(error));
    return error as MeshError;
  }
  assert.fail("A certificate was issued");
}

Deno.test("a request with a token gets a chain and the roots", async () => {
  const one = await rig();
  const reply = await one.client.sign(csr, 3600, never);
  assert.equal(pemBlocks(reply.chain).length, 1);
  assert.equal(reply.roots.trim(), one.istiod.rootCertificates.trim());
  assert.deepEqual(one.clock.waits, []);
  await one.close();
});

Deno.test("a manager on the CA holds an identity that the CA vouches for", async () => {
  const one = await rig();
  const manager = new SecretManager({
    source: createCaSource({ client: one.client, spiffeId: SLEEP, ttlSeconds: 3600 }),
    spiffeId: SLEEP,
    registry: one.registry,
    clock: systemClock,
    random: () => 0.5,
    logger: { log() {} },
  });
  await manager.start();
  assert.equal(manager.identity!.spiffeId, SLEEP);
  assert.equal(manager.trustBundle("ROOTCA")!.roots.length, 1);
  const first = manager.certificate("default")!;
  await manager.renew();
  assert.notEqual(manager.certificate("default")!.key, first.key);
  await manager.close();
  await one.close();
});

Deno.test("transient failures are tried again five times, further and further apart", async () => {
  const one = await rig();
  one.istiod.faults.certificateRequests = { status: "UNAVAILABLE", message: "starting" };
  const error = await refused(one, "CONTROL_PLANE_UNAVAILABLE");
  assert.match(error.message, /'starting'/);
  assert.deepEqual(one.clock.waits, [100, 200, 400, 800, 1600]);
  await one.close();
});

Deno.test("a failure that passes is forgotten", async () => {
  const one = await rig();
  one.istiod.faults.certificateRequests = { status: "RESOURCE_EXHAUSTED", message: "busy" };
  const signing = one.client.sign(csr, 3600, never);
  const { timer } = one.clock;
  one.clock.timer = (ms, callback, options) => {
    if (ms < 10_000) one.istiod.faults.clear();
    return timer.call(one.clock, ms, callback, options);
  };
  await signing;
  assert.deepEqual(one.clock.waits, [100]);
  await one.close();
});

Deno.test("a missing token is named, and how to get one", async () => {
  const one = await rig(null);
  const error = await refused(one, "IDENTITY_REJECTED");
  assert.match(error.message, /No token was sent: mount a service account token with audience 'istio-ca'/);
  assert.deepEqual(one.clock.waits, []);
  await one.close();
});

Deno.test("expired, foreign and garbled tokens are refused for good, without being shown", async () => {
  const mint = async (options: object): Promise<string> => {
    const istiod = await FakeIstiod.start();
    const token = await istiod.tokens.mint({ namespace: "default", serviceAccount: "sleep", ...options });
    await istiod[Symbol.asyncDispose]();
    return token;
  };
  for (
    const [token, hint] of [["garbage", /not a JWT/], [
      await mint({}),
      /token's issuer '.*' and accepts its audience 'istio-ca'/,
    ]] as const
  ) {
    const one = await rig(token);
    const error = await refused(one, "IDENTITY_REJECTED");
    assert.match(error.message, hint);
    assert.equal(`${error.message}${one.lines}`.includes(token), false);
    await one.close();
  }
});

Deno.test("a lifetime the CA does not grant is named", async () => {
  const one = await rig();
  await assert.rejects(one.client.sign(csr, 91 * 86_400, never), { code: "IDENTITY_REJECTED", message: /SECRET_TTL/ });
  await one.close();
});

Deno.test("a CA of another root is not trusted, and the token is not even read", async () => {
  let read = 0;
  const foreign = await TestCa.create();
  const one = await rig("mint", {
    tls: { roots: foreign.pem, serverName: "istiod.istio-system.svc", certificate: null },
    token: { description: "the token", read: () => Promise.resolve(`token${read++}`) },
  });
  const error = await refused(one, "CONTROL_PLANE_UNAVAILABLE");
  assert.match(error.message, /the CA is not trusted.*another key signed.*CA_ROOT_CA/s);
  assert.equal(read, 0);
  await one.close();
});

Deno.test("a CA with another name is not trusted", async () => {
  const one = await rig();
  await one.istiod.useServerCertificate({ dnsSans: ["other.example"], ipSans: [] });
  const error = await refused(one, "CONTROL_PLANE_UNAVAILABLE");
  assert.match(error.message, /the CA is not trusted.*'istiod\.istio-system\.svc'/s);
  await one.close();
});

Deno.test("a CA that is not there is an error that says where it was looked for", async () => {
  const one = await rig();
  await one.istiod.suspend();
  const error = await refused(one, "CONTROL_PLANE_UNAVAILABLE");
  assert.match(error.message, /the CA at '127\.0\.0\.1:\d+'.*CA_ADDR/s);
  await one.close();
});

for (const [name, chain] of [["too short", ["leaf only"]], ["empty", []]] as const) {
  Deno.test(`an answer that is ${name} is refused`, async () => {
    const one = await rig();
    one.istiod.faults.certificateChain = chain;
    const error = await refused(one, "CONTROL_PLANE_UNAVAILABLE");
    assert.match(error.message, /expected 2 or more/);
    await one.close();
  });
}

Deno.test("an abort that comes before the call is made ends the request too", async () => {
  const controller = new AbortController();
  const one: Rig = await rig(() => {
    controller.abort(new Error("Enough"));
    return one.istiod.tokens.mint({ namespace: "default", serviceAccount: "sleep" });
  });
  one.istiod.faults.delayMs = 60_000;
  const before = performance.now();
  await assert.rejects(one.client.sign(csr, 3600, controller.signal), /Enough/);
  assert.ok(performance.now() - before < 5_000, "it has waited for the deadline of the call");
  await one.close();
});

Deno.test("an abort ends a request, between and during tries", async () => {
  const one = await rig();
  one.istiod.faults.delayMs = 60_000;
  const controller = new AbortController();
  const signing = one.client.sign(csr, 3600, controller.signal);
  const rejected = assert.rejects(signing, /Enough/);
  setTimeout(() => controller.abort(new Error("Enough")), 50);
  await rejected;
  await assert.rejects(one.client.sign(csr, 3600, AbortSignal.abort(new Error("Before"))), /Before/);
  await one.close();
});
