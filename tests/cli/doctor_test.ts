/** `enmesh doctor` against an embedded control plane: all is well, and each thing that can be wrong. */
import assert from "node:assert/strict";
import type { JoinOptions } from "../../lib/bootstrap/join_options.ts";
import { doctor, type DoctorSettings } from "../../lib/cli/doctor.ts";
import { CHECK_NAMES, type CheckName, type CheckResult } from "../../lib/cli/check.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { createTokenSource } from "../../lib/identity/token_source.ts";
import { FakeIstiod } from "../../lib/testing/mod.ts";
import { echoWorkload } from "../support/echo_workload.ts";

interface Case {
  /** Changes the control plane before. */
  readonly prepare?: (istiod: FakeIstiod) => Promise<void> | void;
  readonly options?: (options: JoinOptions, istiod: FakeIstiod) => Promise<JoinOptions> | JoinOptions;
  readonly settings?: DoctorSettings;
}

async function examine({ prepare, options, settings }: Case = {}): Promise<Map<CheckName, CheckResult>> {
  await using istiod = await FakeIstiod.start();
  istiod.apply(echoWorkload(27000));
  const { token, ...workload } = istiod.workload({ name: "echo-1", namespace: "default", serviceAccount: "echo" });
  const join: JoinOptions = {
    ...workload,
    token: await createTokenSource(token as () => Promise<string>).read() ?? "",
    workload: { ...workload.workload, ips: ["127.0.0.1"] },
    besideSidecar: true,
  };
  await prepare?.(istiod);
  const results: CheckResult[] = [];
  for await (const found of doctor(await options?.(join, istiod) ?? join, settings)) results.push(found);
  assert.deepEqual([...new Set(results.map(({ name }) => name))], [...CHECK_NAMES]);
  return new Map(results.map((found) => [found.name, found]));
}

/** Statuses that are not `ok`, by name. The sidecar check depends on the machine and the ports are off. */
function wrong(results: Map<CheckName, CheckResult>): Record<string, string> {
  const entries = [...results.values()].filter(({ name, status }) =>
    status !== "ok" && name !== "sidecar" && name !== "admin ports"
  );
  return Object.fromEntries(entries.map(({ name, status }) => [name, status]));
}

const BEHIND_ISTIOD = { certificate: "skipped", configuration: "skipped", "own endpoint": "skipped" };

Deno.test("all is well: every check says what it found", async () => {
  const results = await examine();
  assert.deepEqual(wrong(results), {});
  assert.match(results.get("token")!.message, /^The token of 'system:serviceaccount:default:echo' is valid for \d+ /);
  assert.match(results.get("istiod")!.message, /answers over TLS as 'istiod\.istio-system\.svc'$/);
  assert.match(results.get("certificate")!.message, /^'spiffe:\/\/cluster\.local\/ns\/default\/sa\/echo' of the CA at/);
  assert.match(
    results.get("configuration")!.message,
    /^Received \d+ listeners, \d+ routes, \d+ clusters, [1-9]\d* endp/,
  );
  assert.equal(results.get("own endpoint")!.message, "Peers send mutual TLS to '127.0.0.1:27000'");
});

Deno.test("the ports of metrics, probes and admin: free, or who stands in the way", async () => {
  const free = await examine({ options: (join) => ({ ...join, statusPort: 0, admin: { port: 0 } }) });
  assert.equal(free.get("admin ports")!.status, "ok");
  const other = Deno.serve({ hostname: "0.0.0.0", port: 0, onListen: () => {} }, () => new Response());
  const { port } = other.addr;
  const taken = await examine({ options: (join) => ({ ...join, statusPort: port }) });
  await other.shutdown();
  assert.equal(taken.get("admin ports")!.status, "failed");
  assert.match(taken.get("admin ports")!.message, new RegExp(`'0\\.0\\.0\\.0:${port}'`));
  assert.equal(taken.get("own endpoint")!.status, "ok");
});

Deno.test("an endpoint without tlsMode: peers would send plaintext", async () => {
  const results = await examine({
    prepare: (istiod) => istiod.apply(echoWorkload(27000).replace("security.istio.io/tlsMode: istio, ", "")),
  });
  assert.deepEqual(wrong(results), { "own endpoint": "failed" });
  assert.match(results.get("own endpoint")!.hint!, /security\.istio\.io\/tlsMode: istio/);
});

Deno.test("no endpoint of ours: a warning, for a program that only calls others", async () => {
  const results = await examine({
    options: (join) => ({ ...join, workload: { ...join.workload, ips: ["10.1.2.3"] } }),
  });
  assert.deepEqual(wrong(results), { "own endpoint": "warning" });
  assert.match(results.get("own endpoint")!.message, /'10\.1\.2\.3'/);
});

Deno.test("istiod is not there: what needs it is skipped, the rest is checked", async () => {
  const results = await examine({ prepare: (istiod) => istiod.suspend() });
  assert.deepEqual(wrong(results), { istiod: "failed", ...BEHIND_ISTIOD });
  assert.match(results.get("istiod")!.hint!, /istiod is running/);
  assert.match(results.get("certificate")!.message, /'istiod' comes first/);
  assert.equal(results.get("clock")!.message, "It is within the validity of root certificate and token");
});

Deno.test("istiod shows another name, or is of another mesh", async () => {
  const name = await examine({ prepare: (istiod) => istiod.useServerCertificate({ dnsSans: ["other.example"] }) });
  assert.deepEqual(wrong(name), { istiod: "failed", ...BEHIND_ISTIOD });
  assert.match(name.get("istiod")!.hint!, /ISTIOD_SAN/);
  await using other = await FakeIstiod.start();
  const root = await examine({ options: (join) => ({ ...join, rootCertificates: other.rootCertificates }) });
  assert.deepEqual(wrong(root), { istiod: "failed", ...BEHIND_ISTIOD });
  assert.match(root.get("istiod")!.hint!, /root certificate/);
});

Deno.test("a token of somebody else, for somebody else, expired, none at all", async () => {
  const mint = (claims: Parameters<FakeIstiod["tokens"]["mint"]>[0]): Case => ({
    options: async (join, istiod) => ({ ...join, token: await istiod.tokens.mint(claims) }),
  });
  const account = await examine(mint({ namespace: "default", serviceAccount: "cart" }));
  assert.deepEqual(wrong(account), { token: "failed", ...BEHIND_ISTIOD });
  assert.match(account.get("token")!.message, /'system:serviceaccount:default:cart'/);

  const audience = await examine(mint({ namespace: "default", serviceAccount: "echo", audience: "vault" }));
  assert.equal(audience.get("token")!.status, "warning");
  assert.match(audience.get("token")!.message, /'vault'/);
  assert.equal(audience.get("certificate")!.status, "failed");
  assert.equal(audience.get("configuration")!.status, "skipped");

  const expired = await examine({ settings: { clock: { ...systemClock, now: () => Date.now() + 2 * 86_400_000 } } });
  assert.equal(expired.get("token")!.status, "failed");
  assert.equal(expired.get("clock")!.status, "warning");

  const text = await examine({ options: (join) => ({ ...join, token: "not-a-jwt" }) });
  assert.equal(text.get("token")!.status, "warning");
  assert.ok(!JSON.stringify([...text.values()]).includes("not-a-jwt"));

  const none = await examine({ options: ({ token: _, ...join }) => join });
  assert.equal(none.get("token")!.status, "failed");
  assert.equal(none.get("istiod")!.status, "skipped");
});

Deno.test("a clock that is late, one that is ahead", async () => {
  const shifted = (ms: number): Case => ({ settings: { clock: { ...systemClock, now: () => Date.now() + ms } } });
  const late = await examine(shifted(-86_400_000));
  assert.equal(late.get("clock")!.status, "failed");
  assert.match(late.get("clock")!.hint!, /NTP/);
  const ahead = await examine(shifted(20 * 60_000));
  assert.equal(ahead.get("clock")!.status, "warning");
});

Deno.test("settings that cannot be used: all of them, and nothing is tried", async () => {
  const results = await examine({
    options: (join) => ({ ...join, trustDomain: "No Domain", rootCertificates: "nothing" }),
  });
  assert.equal(results.get("settings")!.status, "failed");
  assert.equal(results.get("root certificate")!.status, "failed");
  assert.equal(results.get("permissions")!.status, "ok");
  assert.equal(results.get("istiod")!.message, "Not checked: 'settings' comes first");
});

Deno.test("istiod refuses the certificate, refuses the stream, never answers", async () => {
  const certificate = await examine({
    prepare: ({ faults }) => void (faults.certificateRequests = { status: "INVALID_ARGUMENT", message: "too long" }),
  });
  assert.deepEqual(wrong(certificate), { ...BEHIND_ISTIOD, certificate: "failed" });
  assert.match(certificate.get("certificate")!.message, /'too long'/);
  const stream = await examine({
    prepare: ({ faults }) => void (faults.discoveryStreams = { status: "PERMISSION_DENIED", message: "not you" }),
  });
  assert.deepEqual(wrong(stream), { configuration: "failed", "own endpoint": "skipped" });
  assert.match(stream.get("configuration")!.message, /not you/);
  const silent = await examine({
    prepare: ({ faults }) => void (faults.discoveryStreams = { status: "UNAVAILABLE", message: "later" }),
    settings: { timeoutMs: 300 },
  });
  assert.deepEqual(wrong(silent), { configuration: "failed", "own endpoint": "skipped" });
  assert.match(silent.get("configuration")!.message, /^No answer within .*: later$/);
});
