import assert from "node:assert/strict";
import { FakeIstiod } from "../../lib/testing/mod.ts";
import { TYPE_URLS } from "../../lib/xds/type_urls.ts";
import { AdsRig } from "./ads_rig.ts";

const { CDS, EDS, LDS, NDS } = TYPE_URLS;
const SERVICE = (name: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec: { clusterIP: 10.96.0.${name.length}, selector: { app: ${name} }, ports: [{ name: http, port: 9080 }] }
`;
const REVIEWS = "outbound|9080||reviews.default.svc.cluster.local";
const DETAILS = "outbound|9080||details.default.svc.cluster.local";

for (const protocol of ["delta", "sotw"] as const) {
  Deno.test(`${protocol}: gets everything, acknowledges it, follows changes, leaves nothing open`, async () => {
    await using istiod = await FakeIstiod.start();
    istiod.apply(SERVICE("reviews"));
    await using rig = await AdsRig.join(istiod.workload({ name: "sleep-v1" }), { protocol });
    await rig.connected();
    await istiod.until(({ clients }) => clients[0]?.types.has(NDS) === true);
    await istiod.settled();
    assert.ok(rig.sink.names(CDS).includes(REVIEWS));
    assert.deepEqual(rig.sink.names(EDS), [REVIEWS]);
    assert.ok(rig.sink.names(LDS).includes("virtualInbound"));
    assert.deepEqual(rig.sink.names(NDS), [""]);
    assert.equal(istiod.clients[0]!.protocol, protocol);
    assert.equal(istiod.clients[0]!.nodeId, "sidecar~127.0.0.1~sleep-v1.default~default.svc.cluster.local");
    assert.equal(rig.client.localAddress, "127.0.0.1");

    istiod.apply(SERVICE("details"));
    await istiod.settled();
    istiod.delete({ kind: "Service", namespace: "default", name: "reviews" });
    await istiod.settled();
    assert.ok(!rig.sink.names(CDS).includes(REVIEWS));
    assert.ok(rig.sink.names(CDS).includes(DETAILS));
    assert.deepEqual(istiod.nacks, []);
    assert.deepEqual(rig.logged("warning", "error"), []);
    assert.deepEqual(rig.states, ["connecting", "connected"]);
  });
}

Deno.test("a refused resource is a NACK with its errors; the stream goes on", async () => {
  await using istiod = await FakeIstiod.start();
  await using rig = await AdsRig.join(istiod.workload({ name: "sleep-v1" }));
  rig.sink.errors.set(CDS, [{ name: "a", message: "bad" }, { name: "b", message: "worse" }]);
  await istiod.until(({ nacks }) => nacks.length === 1);
  assert.equal(istiod.nacks[0]!.message, "a: bad; b: worse");
  assert.equal(istiod.nacks[0]!.typeUrl, CDS);
  rig.sink.errors.clear();
  rig.sink.fault = new Error("A fault of ours");
  istiod.apply(SERVICE("reviews"));
  await istiod.until(({ nacks }) => nacks.length === 2);
  assert.equal(istiod.nacks[1]!.message, "*: Cannot apply the update: A fault of ours");
  istiod.apply(SERVICE("details"));
  await istiod.settled();
  assert.ok(rig.sink.names(CDS).includes(DETAILS));
  assert.deepEqual(rig.states, ["connecting", "connected"]);
  assert.equal(rig.logged("warning").length, 2);
});

Deno.test("GOAWAY and the end of a stream are invisible: everything is kept, nobody is told, security is asked again", async () => {
  await using istiod = await FakeIstiod.start();
  istiod.apply(SERVICE("reviews"));
  await using rig = await AdsRig.join(istiod.workload({ name: "sleep-v1" }));
  await rig.connected();
  await istiod.settled();
  const before = rig.sink.names(CDS);
  istiod.goAway();
  istiod.cut();
  await rig.connected(2);
  await istiod.until(({ clients }) => clients.some(({ types }) => types.has(NDS)));
  await istiod.settled();
  assert.deepEqual(rig.sink.names(CDS), before);
  assert.equal(rig.streams, 2);
  assert.deepEqual(rig.states, ["connecting", "connected", "connecting", "connected"]);
  assert.deepEqual(rig.logged("info", "warning", "error"), []);
});

Deno.test("istiod away: the last good configuration stays, one line says so, it comes back", async () => {
  await using istiod = await FakeIstiod.start();
  istiod.apply(SERVICE("reviews"));
  await using rig = await AdsRig.join(istiod.workload({ name: "sleep-v1" }));
  await rig.connected();
  await istiod.settled();
  await istiod.suspend();
  const waiting = await rig.waiting();
  assert.equal(waiting.error.code, "CONTROL_PLANE_UNAVAILABLE");
  assert.equal(waiting.permanent, false);
  assert.match(waiting.error.message, /it refuses the connection:\n {2}- localhost:\d+: .*ECONNREFUSED/);
  assert.ok(rig.sink.names(CDS).includes(REVIEWS));
  istiod.apply(SERVICE("details"));
  const seen = rig.statuses.length;
  await istiod.resume();
  await rig.connected(seen);
  await istiod.until(({ clients }) => clients.some(({ types }) => types.has(NDS)));
  await istiod.settled();
  assert.deepEqual(rig.sink.names(EDS), [DETAILS, REVIEWS]);
  assert.equal(rig.logged("warning", "error").length, 1);
  assert.equal(rig.logged("info").length, 1);
});

Deno.test("close while waiting for an istiod that is not there", async () => {
  const istiod = await FakeIstiod.start();
  const workload = istiod.workload({ name: "sleep-v1" });
  await istiod.close();
  await using rig = await AdsRig.join(workload);
  await rig.waiting();
});

Deno.test("close while the first answer is outstanding, and twice", async () => {
  await using istiod = await FakeIstiod.start();
  istiod.faults.delayMs = 60_000;
  await using rig = await AdsRig.join(istiod.workload({ name: "sleep-v1" }));
  await istiod.until(({ clients }) => clients.length === 1);
  await Promise.all([rig.client.close(), rig.client.close()]);
});

Deno.test("refusals by istiod", async (t) => {
  await using istiod = await FakeIstiod.start();
  const workload = istiod.workload({ name: "sleep-v1" });
  const table = [
    ["UNAUTHENTICATED", "IDENTITY_REJECTED", true, /does not accept our token/],
    ["PERMISSION_DENIED", "IDENTITY_REJECTED", true, /refuses this identity/],
    ["INVALID_ARGUMENT", "CONFIG_INVALID", true, /refuses what this workload says about itself/],
    ["UNIMPLEMENTED", "CONFIG_INVALID", true, /serves no aggregated discovery/],
    ["UNAVAILABLE", "CONTROL_PLANE_UNAVAILABLE", false, /no stream could be kept open/],
    ["RESOURCE_EXHAUSTED", "CONTROL_PLANE_UNAVAILABLE", false, /no stream could be kept open/],
  ] as const;
  for (const [status, code, permanent, message] of table) {
    await t.step(status, async () => {
      istiod.faults.discoveryStreams = { status, message: "because\nof that" };
      await using rig = await AdsRig.join(workload);
      const waiting = await rig.waiting();
      assert.equal(waiting.error.code, code);
      assert.equal(waiting.permanent, permanent);
      assert.match(waiting.error.message, message);
      assert.match(waiting.error.message, /because of that/);
      istiod.faults.clear();
      await rig.connected();
    });
  }
});

Deno.test("a token for another service account is refused", async () => {
  await using istiod = await FakeIstiod.start();
  const workload = istiod.workload({ name: "sleep-v1" });
  const other = istiod.workload({ name: "other-v1", namespace: "elsewhere" });
  await using rig = await AdsRig.join({ ...workload, token: other.token });
  const { error, permanent } = await rig.waiting();
  assert.equal(error.code, "IDENTITY_REJECTED");
  assert.equal(permanent, true);
});

Deno.test("a token that no header can hold is not quoted", async () => {
  await using istiod = await FakeIstiod.start();
  const workload = istiod.workload({ name: "sleep-v1" });
  await using rig = await AdsRig.join({ ...workload, token: () => Promise.resolve("secret\nvalue") });
  const { error } = await rig.waiting();
  assert.equal(error.code, "CONFIG_INVALID");
  assert.ok(!JSON.stringify([error.message, rig.lines]).includes("secret"));
});

Deno.test("istiod is verified before the token is sent", async (t) => {
  await using istiod = await FakeIstiod.start();
  await using stranger = await FakeIstiod.start();
  const workload = istiod.workload({ name: "sleep-v1" });
  const refused = async (rig: AdsRig, message: RegExp) => {
    const { error, permanent } = await rig.waiting();
    assert.equal(error.code, "CONFIG_INVALID");
    assert.equal(permanent, true);
    assert.match(error.message, message);
    assert.equal(istiod.clients.length, 0);
  };
  await t.step("wrong root", async () => {
    await using rig = await AdsRig.join(workload, { roots: stranger.rootCertificates });
    await refused(rig, /not signed by a trusted root/);
  });
  await t.step("wrong name", async () => {
    await using rig = await AdsRig.join(workload, { serverName: "other.example.test" });
    await refused(rig, /its certificate is for another name[^]*ISTIOD_SAN/);
  });
  await t.step("expired", async () => {
    const now = Date.now();
    await istiod.useServerCertificate({ notBefore: now - 7_200_000, notAfter: now - 3_600_000 });
    await using rig = await AdsRig.join(workload);
    await refused(rig, /out of its time[^]*clock/);
    await istiod.useServerCertificate();
    await rig.connected();
  });
});

Deno.test("our certificate proves us without a token, and the newest one counts from the next stream on", async () => {
  await using istiod = await FakeIstiod.start();
  const workload = istiod.workload({ name: "sleep-v1" });
  const sleep = "spiffe://cluster.local/ns/default/sa/sleep";
  let certificate = await istiod.authority.issue({ uriSans: ["spiffe://cluster.local/ns/elsewhere/sa/sleep"] });
  await using rig = await AdsRig.join(workload, {
    security: () => ({
      tls: { roots: workload.rootCertificates, serverName: "istiod.istio-system.svc", certificate },
      token: null,
    }),
  });
  assert.equal((await rig.waiting()).error.code, "IDENTITY_REJECTED");
  certificate = await istiod.authority.issue({ uriSans: [sleep] });
  await rig.connected();
  assert.equal(istiod.clients[0]!.identity.serviceAccount, "sleep");
});

Deno.test({
  name: "without permission to connect the error names the flag",
  permissions: { net: false, env: true, read: true },
  fn: async () => {
    await using rig = new AdsRig({
      address: { hostname: "istiod.istio-system.svc", port: 15012 },
      node: () => ({}),
      security: () => ({ tls: null, token: null }),
    });
    rig.client.start();
    const { error, permanent } = await rig.waiting();
    assert.equal(error.code, "PERMISSION_MISSING");
    assert.equal(permanent, true);
    assert.match(error.message, /--allow-net=istiod\.istio-system\.svc:15012/);
  },
});
