/** A control plane that is absent, wrong or broken: each with a message that says what, where and what to do. */
import assert from "node:assert/strict";
import { type JoinOptions, Mesh, MeshError } from "../../mod.ts";
import { CertificateAuthority } from "../../lib/testing/mod.ts";
import { MeshRig, TYPE } from "../support/mesh_rig.ts";
import { within } from "../support/transport_rig.ts";
import { until } from "../support/until.ts";

const HOUR = 3_600_000;

/** The name a step's workload joins by. */
const workloadName = (step: string) => step.toLowerCase().replaceAll(" ", "-");

/** The error a join ends with. */
async function joinError(options: JoinOptions): Promise<MeshError> {
  const error = await within(
    Mesh.join(options).then(async (mesh) => {
      await mesh.close({ drain: 0 });
      return null;
    }, (error) => error),
    () => "the join neither succeeded nor failed",
  );
  assert.ok(error instanceof MeshError, `expected a MeshError, got ${error}`);
  return error;
}

Deno.test("settings that cannot work are refused with every problem at once", async (t) => {
  await MeshRig.use(async (rig) => {
    await t.step("no token", async () => {
      const error = await joinError(rig.options("a", { join: { token: { file: "/nonexistent/istio-token" } } }));
      assert.equal(error.code, "CONFIG_INVALID");
      assert.match(error.message, /\/nonexistent\/istio-token/);
    });
    await t.step("a garbage root", async () => {
      const error = await joinError(rig.options("b", { join: { rootCertificates: "-----BEGIN GARBAGE-----" } }));
      assert.equal(error.code, "CONFIG_INVALID");
      assert.match(error.message, /root/i);
    });
    await t.step("a root that cannot be read", async () => {
      const folder = await Deno.makeTempDir();
      rig.defer(() => Deno.remove(folder));
      const error = await joinError(rig.options("b", { join: { rootCertificates: { file: folder } } }));
      assert.equal(error.code, "CONFIG_INVALID");
      assert.ok(error.message.includes(folder), error.message);
      assert.match(error.message, /Cannot read/);
    });
    await t.step("several problems", async () => {
      const error = await joinError(rig.options("c", {
        join: {
          token: { file: "/nonexistent/istio-token" },
          rootCertificates: { file: "/nonexistent/root.pem" },
          discoveryAddress: "nowhere:port",
        },
      }));
      assert.equal(error.code, "CONFIG_INVALID");
      assert.ok(error.problems.length >= 3, error.message);
      for (const part of [/istio-token/, /root\.pem/, /nowhere:port/]) assert.match(error.message, part);
    });
  });
});

Deno.test("an istiod that cannot be trusted ends the join with the reason, an absent one is waited for", async (t) => {
  await MeshRig.use(async (rig) => {
    const refused = async (name: string, join: JoinOptions, pattern: RegExp) => {
      await t.step(name, async () => {
        const error = await joinError(rig.options(workloadName(name), { join }));
        assert.ok(error.code === "CONFIG_INVALID" || error.code === "IDENTITY_REJECTED", error.code);
        assert.match(error.message, pattern);
        assert.ok(error.message.includes(`localhost:${rig.istiod.addr.port}`), error.message);
      });
    };
    const stranger = await CertificateAuthority.create({ organization: "elsewhere" });
    await refused("another CA", { rootCertificates: stranger.rootCertificates }, /signed by|trusted/);
    const namesake = await CertificateAuthority.create();
    await refused("a namesake", { rootCertificates: namesake.rootCertificates }, /another key signed/);
    await rig.istiod.useServerCertificate({ dnsSans: ["someone.else"], ipSans: [] });
    await refused("the wrong name", {}, /is for 'someone\.else', expected host name 'istiod\.istio-system\.svc'/);
    await rig.istiod.useServerCertificate({ notBefore: Date.now() - 2 * HOUR, notAfter: Date.now() - HOUR });
    await refused("an expired certificate", {}, /expired at/);
    await rig.istiod.useServerCertificate({ notBefore: Date.now() + HOUR, notAfter: Date.now() + 2 * HOUR });
    await refused("a clock that is behind", {}, /clock/);
    await rig.istiod.useServerCertificate();
    await t.step("absent at first", async () => {
      await rig.istiod.suspend();
      const options = rig.options("patient");
      const joining = Mesh.join(options);
      await until("the log says so", () => rig.log("patient").find(/istiod/) !== undefined, 4_000);
      await rig.istiod.resume();
      const mesh = await within(joining, () => `never joined:\n${rig.log("patient")}`, 8_000);
      rig.meshes.push(mesh);
      assert.equal(mesh.identity.spiffeId, "spiffe://cluster.local/ns/default/sa/patient");
    });
  });
});

Deno.test("an identity istiod refuses ends the join", async (t) => {
  await MeshRig.use(async (rig) => {
    await t.step("a token of another namespace", async () => {
      const error = await joinError(rig.options("mismatch", {
        join: { token: () => rig.istiod.tokens.mint({ namespace: "other", serviceAccount: "mismatch" }) },
      }));
      assert.equal(error.code, "IDENTITY_REJECTED");
      assert.match(error.message, /other|namespace|default/);
    });
    await t.step("a token that is none", async () => {
      const error = await joinError(rig.options("garbage", { join: { token: "not.a.token" } }));
      assert.equal(error.code, "IDENTITY_REJECTED");
      assert.doesNotMatch(error.message, /not\.a\.token/, "tokens are never shown");
    });
    await t.step("a CA that refuses", async () => {
      rig.istiod.faults.certificateRequests = { status: "PERMISSION_DENIED", message: "not you" };
      const error = await joinError(rig.options("refused"));
      assert.equal(error.code, "IDENTITY_REJECTED");
      assert.match(error.message, /not you/);
      rig.istiod.faults.clear();
    });
  });
});

Deno.test("certificates that cannot be used are refused with the reason", async (t) => {
  await MeshRig.use(async (rig) => {
    const bad = async (name: string, set: () => void, pattern: RegExp) => {
      await t.step(name, async () => {
        set();
        const workload = workloadName(name);
        const stop = new AbortController();
        const options = rig.options(workload);
        const ended = Mesh.join({ ...options, signal: stop.signal }).then(
          (mesh) => mesh.close({ drain: 0 }).then(() => "joined"),
          (error) => String(error),
        );
        let text = "";
        void ended.then((what) => text = what);
        await until("it is said", () => pattern.test(text) || rig.log(workload).find(pattern) !== undefined, 4_000)
          .catch((error) => assert.fail(`${error.message}: '${text}'\n${rig.log(workload)}`));
        stop.abort(new Error("Enough"));
        assert.notEqual(await ended, "joined");
        rig.istiod.faults.clear();
      });
    };
    const { faults } = rig.istiod;
    await bad(
      "expired",
      () => faults.certificates = { notBefore: Date.now() - 2 * HOUR, notAfter: Date.now() - HOUR },
      /expired/i,
    );
    await bad(
      "clock skew",
      () => faults.certificates = { notBefore: Date.now() + HOUR, notAfter: Date.now() + 2 * HOUR },
      /not (yet )?valid|clock/i,
    );
    await bad(
      "another id",
      () => faults.certificates = { uriSans: ["spiffe://cluster.local/ns/default/sa/admin"] },
      /sa\/admin/,
    );
    await bad("no certificate at all", () => faults.certificateChain = ["garbage"], /certificate/i);
    await bad("an empty chain", () => faults.certificateChain = [], /certificate|empty|chain/i);
  });
});

Deno.test("a failing renewal keeps the valid certificate", async () => {
  await MeshRig.use(async (rig) => {
    await rig.serve("web", (_request, info) => new Response(info.peer?.principal));
    const caller = await rig.join("caller");
    const before = caller.identity.notAfter;
    rig.istiod.faults.certificates = { notBefore: Date.now() - 2 * HOUR, notAfter: Date.now() - HOUR };
    await caller.renewCertificate().catch(() => {});
    assert.equal(caller.identity.notAfter, before);
    assert.equal(
      (await caller.fetch("http://web.default/").then((response) => response.text())).endsWith("caller"),
      true,
    );
    assert.match(rig.log("caller").find(/expired/i) ?? "", /certificate/i, String(rig.log("caller")));
  });
});

Deno.test("whatever the control plane does, requests go on and later changes arrive", async (t) => {
  await MeshRig.use(async (rig) => {
    await rig.serve("web", () => new Response("ok"));
    const caller = await rig.join("caller");
    const works = async () => assert.equal(await (await caller.fetch("http://web.default/")).text(), "ok");
    let n = 0;
    const changesArrive = async () => {
      const name = `late-${n++}`;
      rig.service({ name, ports: [rig.plainServer(() => new Response(name))], targetPort: 30_000 + n, inMesh: false });
      await rig.answers(caller, `http://${name}.default/`);
    };
    await works();
    await t.step("cut", async () => {
      rig.istiod.cut();
      await works();
      await changesArrive();
    });
    await t.step("GOAWAY", async () => {
      rig.istiod.goAway();
      await works();
      await changesArrive();
    });
    await t.step("gone and back", async () => {
      await rig.istiod.suspend();
      await works();
      await rig.istiod.resume();
      await works();
      await changesArrive();
    });
    await t.step("slow", async () => {
      rig.istiod.faults.delayMs = 50;
      await works();
      await changesArrive();
      rig.istiod.faults.clear();
    });
    await t.step("malformed protobuf", async () => {
      rig.istiod.push(TYPE.endpoint, [{
        name: "outbound|80||web.default.svc.cluster.local",
        value: new Uint8Array([0xff, 0xff, 0xff]),
      }]);
      await rig.istiod.settled();
      assert.match(rig.istiod.nacks.at(-1)!.message, /web\.default/);
      await works();
      rig.istiod.withdraw(TYPE.endpoint);
      await changesArrive();
    });
    await t.step("a type nobody knows", async () => {
      rig.istiod.push(TYPE.cluster, [{
        name: "strange",
        value: {
          name: "strange",
          clusterType: {
            name: "example.cluster",
            typedConfig: { typeUrl: "type.googleapis.com/example.Unknown", value: new Uint8Array() },
          },
        },
      }]);
      await rig.istiod.settled();
      assert.match(rig.log("caller").find(/'strange'/) ?? "", /example/, String(rig.log("caller")));
      await works();
      rig.istiod.withdraw(TYPE.cluster);
      await changesArrive();
    });
    await t.step("a reference to nothing", async () => {
      rig.istiod.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: default }
spec: { hosts: [web], http: [{ match: [{ uri: { prefix: /gone } }], route: [{ destination: { host: gone } }] }, { route: [{ destination: { host: web } }] }] }
`);
      await rig.istiod.settled();
      const response = await caller.fetch("http://web.default/gone");
      assert.ok(response.status >= 500, String(response.status));
      assert.match(await response.text(), /gone/);
      await works();
    });
  });
});
