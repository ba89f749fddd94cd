/** TLS that the mesh begins towards servers outside of it: who is trusted, what is shown, where it comes from. */
import assert from "node:assert/strict";
import type { Mesh } from "../../mod.ts";
import { packAny } from "../../lib/protobuf/registry.ts";
import type { EnvoyConfigCoreV3TransportSocket as TransportSocket } from "../../lib/protobuf/gen/messages.ts";
import { httpsServer } from "../support/https_server.ts";
import { MeshRig, TYPE } from "../support/mesh_rig.ts";
import { TestCa } from "../support/test_ca.ts";

const HOST = "outside.default.svc.cluster.local";
const CLUSTER = `outbound|80||${HOST}`;
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

const ca = await TestCa.create();
const clientCa = await TestCa.create("O=clients");
const server = await ca.issue({ uris: [], dns: ["outside.example"], ips: ["127.0.0.1"] });

interface TlsSettings {
  sni?: string;
  certificate?: string;
  roots?: string;
  inlineRoots?: string;
  noVerification?: boolean;
  sans?: string[];
  autoSni?: boolean;
  autoSanValidation?: boolean;
}

function sds(name: string) {
  return { name, sdsConfig: { ads: {}, resourceApiVersion: "V3" } };
}

function tlsSocket(tls: TlsSettings): TransportSocket {
  const matchSubjectAltNames = (tls.sans ?? []).map((exact) => ({ exact }));
  return {
    name: "envoy.transport_sockets.tls",
    typedConfig: packAny("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
      ...(tls.sni === undefined ? {} : { sni: tls.sni }),
      commonTlsContext: {
        ...(tls.certificate === undefined ? {} : { tlsCertificateSdsSecretConfigs: [sds(tls.certificate)] }),
        ...(tls.roots !== undefined
          ? {
            combinedValidationContext: {
              defaultValidationContext: { matchSubjectAltNames },
              validationContextSdsSecretConfig: sds(tls.roots),
            },
          }
          : {
            validationContext: tls.noVerification
              ? {}
              : { trustedCa: { inlineString: tls.inlineRoots ?? ca.root }, matchSubjectAltNames },
          }),
      },
    }),
  };
}

/** A caller whose service `outside` is the given port, spoken to as the settings say. */
async function caller(rig: MeshRig, port: number, tls: TlsSettings): Promise<Mesh> {
  rig.service({ name: "outside", ports: [port], targetPort: port, inMesh: false });
  push(rig, port, tls);
  return await rig.join("caller");
}

function push(rig: MeshRig, port: number, tls: TlsSettings): void {
  const { autoSni = false, autoSanValidation = false } = tls;
  rig.istiod.push(TYPE.cluster, [{
    name: CLUSTER,
    value: {
      name: CLUSTER,
      type: "STATIC",
      loadAssignment: {
        clusterName: CLUSTER,
        endpoints: [{
          lbEndpoints: [{
            endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue: port } } },
          }],
        }],
      },
      transportSocket: tlsSocket(tls),
      typedExtensionProtocolOptions: {
        [HTTP_OPTIONS]: packAny(HTTP_OPTIONS, {
          explicitHttpConfig: { httpProtocolOptions: {} },
          upstreamHttpProtocolOptions: { autoSni, autoSanValidation },
          // Each request opens its own connection, so that it sees the secrets of its time.
          commonHttpProtocolOptions: { maxRequestsPerConnection: { value: 1 } },
        }),
      },
    },
  }]);
}

async function ask(mesh: Mesh): Promise<{ status: number; text: string }> {
  const response = await mesh.fetch("http://outside.default/");
  return { status: response.status, text: await response.text() };
}

Deno.test("SIMPLE: the server is verified by roots and names, and told the server name", async (t) => {
  await MeshRig.use(async (rig) => {
    const outside = await httpsServer({ certificate: () => server });
    rig.defer(() => outside.close());
    const mesh = await caller(rig, outside.port, { sni: "outside.example" });
    const other = await TestCa.create("O=other");
    const cases: [string, TlsSettings, RegExp | { sni: string | null }][] = [
      ["roots", { sni: "outside.example" }, { sni: "outside.example" }],
      ["roots and names", { sni: "outside.example", sans: ["outside.example"] }, { sni: "outside.example" }],
      ["another name", { sni: "outside.example", sans: ["inside.example"] }, /expected 'inside.example'/],
      ["other roots", { sni: "outside.example", inlineRoots: other.root }, /Cannot trust/],
      ["no verification", { noVerification: true }, { sni: null }],
      ["the system's roots", { sni: "outside.example", roots: "file-root:system" }, /system's roots/],
      ["automatic server name", { autoSni: true }, { sni: "outside.default" }],
      ["automatic name of the certificate", { autoSni: true, autoSanValidation: true }, /'outside.default'/],
    ];
    for (const [name, tls, expected] of cases) {
      await t.step(name, async () => {
        push(rig, outside.port, tls);
        await rig.istiod.settled();
        const { status, text } = await ask(mesh);
        if (expected instanceof RegExp) {
          assert.equal(status, 503, text);
          assert.match(text, expected);
        } else {
          assert.equal(status, 200, text);
          assert.equal(JSON.parse(text).sni, expected.sni);
          assert.equal(JSON.parse(text).client, null);
        }
      });
    }
  });
});

Deno.test("MUTUAL with credentialName: fails closed while the Secret is missing, then shows it, and follows its rotation", async () => {
  await MeshRig.use(async (rig) => {
    let certificate = server;
    const outside = await httpsServer({ certificate: () => certificate, clientRoots: clientCa.bundle() });
    rig.defer(() => outside.close());
    const settings = { sni: "outside.example", certificate: "kubernetes://cred", roots: "kubernetes://cred-cacert" };
    const one = await clientCa.issue({ uris: ["spiffe://outside/one"] });
    const two = await clientCa.issue({ uris: ["spiffe://outside/two"] });
    rig.istiod.secret("cred", { roots: ca.root });
    const mesh = await caller(rig, outside.port, settings);
    assert.equal(
      rig.istiod.clients[0]!.types.has("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"),
      false,
    );
    const before = await ask(mesh);
    assert.equal(before.status, 503);
    assert.match(before.text, /certificate 'kubernetes:\/\/cred' has not arrived/);
    assert.equal(outside.seen.length, 0);

    rig.istiod.secret("cred", { ...one, roots: ca.root });
    await rig.istiod.settled();
    const first = await ask(mesh);
    assert.equal(first.status, 200, first.text);
    assert.match(JSON.parse(first.text).client, /spiffe:\/\/outside\/one/);

    rig.istiod.secret("cred", { ...two });
    await rig.istiod.settled();
    assert.match(JSON.parse((await ask(mesh)).text).client, /spiffe:\/\/outside\/two/);

    // A bad rotation is refused by name and changes nothing.
    rig.istiod.secret("cred", { chain: one.chain, key: two.key });
    await rig.istiod.settled();
    assert.match(rig.istiod.nacks.at(-1)!.message, /kubernetes:\/\/cred.*key of the certificate/);
    assert.match(JSON.parse((await ask(mesh)).text).client, /spiffe:\/\/outside\/two/);

    // The server moves to another CA: refused until its roots arrive.
    const nextCa = await TestCa.create("O=next");
    certificate = await nextCa.issue({ uris: [], dns: ["outside.example"] });
    const refused = await ask(mesh);
    assert.equal(refused.status, 503);
    assert.match(refused.text, /Cannot trust/);
    rig.istiod.secret("cred", { ...two, roots: nextCa.root });
    await rig.istiod.settled();
    assert.equal((await ask(mesh)).status, 200);
  });
});

Deno.test("A Secret that is there from the beginning serves the first request; one nobody uses any more is let go", async () => {
  await MeshRig.use(async (rig) => {
    const outside = await httpsServer({ certificate: () => server });
    rig.defer(() => outside.close());
    rig.istiod.secret("cred", { roots: ca.root });
    const mesh = await caller(rig, outside.port, { sni: "outside.example", roots: "kubernetes://cred-cacert" });
    const { status, text } = await ask(mesh);
    assert.equal(status, 200, text);
    const secrets = () =>
      rig.istiod.clients[0]!.types.get("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret")?.names;
    assert.deepEqual(secrets(), ["kubernetes://cred-cacert"]);
    push(rig, outside.port, { sni: "outside.example" });
    await rig.istiod.settled();
    assert.equal((await ask(mesh)).status, 200);
    await rig.istiod.until(() => secrets()?.length === 0);
  });
});

Deno.test("A DestinationRule with files: MUTUAL by file names, fails closed where a file is missing", async () => {
  await MeshRig.use(async (rig) => {
    const outside = await httpsServer({ certificate: () => server, clientRoots: clientCa.bundle() });
    rig.defer(() => outside.close());
    const folder = await Deno.makeTempDir();
    rig.defer(() => Deno.remove(folder, { recursive: true }));
    const client = await clientCa.issue({ uris: ["spiffe://outside/files"] });
    await Deno.writeTextFile(`${folder}/chain.pem`, client.chain);
    await Deno.writeTextFile(`${folder}/key.pem`, client.key);
    await Deno.writeTextFile(`${folder}/roots.pem`, ca.root);
    const mesh = await rig.join("caller");
    for (const [name, key] of [["with", "key.pem"], ["without", "missing.pem"]] as const) {
      rig.service({ name, ports: [outside.port], targetPort: outside.port, inMesh: false });
      rig.istiod.apply(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: default }
spec:
  host: ${name}.default.svc.cluster.local
  trafficPolicy:
    tls:
      mode: MUTUAL
      clientCertificate: ${folder}/chain.pem
      privateKey: ${folder}/${key}
      caCertificates: ${folder}/roots.pem
      sni: outside.example
`);
    }
    await rig.istiod.settled();
    const good = await mesh.fetch("http://with.default/");
    const text = await good.text();
    assert.equal(good.status, 200, text);
    assert.match(JSON.parse(text).client, /spiffe:\/\/outside\/files/);
    const bad = await mesh.fetch("http://without.default/");
    assert.equal(bad.status, 503);
    assert.match(await bad.text(), /chain\.pem/);
    assert.equal(outside.seen.length, 1);
  });
});
