import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { type Bootstrap, loadBootstrap, meshEnabled } from "../../lib/bootstrap/bootstrap.ts";
import { recordEnvironment } from "../../lib/bootstrap/environment.ts";
import { recordFiles } from "../../lib/bootstrap/file_source.ts";
import { type Case, load, problemsOf, ROOT } from "./fixture.ts";

Deno.test("a pod with mounted token and root needs nothing else", async () => {
  const bootstrap = await load();
  assert.deepEqual(bootstrap.discovery, {
    hostname: "istiod.istio-system.svc",
    port: 15012,
    plaintext: false,
    serverName: "istiod.istio-system.svc",
    headers: { clusterid: "Kubernetes" },
  });
  assert.deepEqual(bootstrap.ca, bootstrap.discovery);
  assert.deepEqual(bootstrap.token, { file: "/var/run/secrets/tokens/istio-token" });
  const root = { kind: "file", path: "/var/run/secrets/istio/root-cert.pem", pem: ROOT };
  assert.deepEqual(bootstrap.roots, { discovery: root, ca: root });
  assert.equal(bootstrap.trustDomain, "cluster.local");
  assert.equal(bootstrap.protocol, "delta");
  assert.deepEqual(bootstrap.certificate, { ttlMs: 86_400_000, graceRatio: 0.5, graceRatioJitter: 0.01, signer: null });
  assert.deepEqual(bootstrap.ports, {
    admin: { hostname: "127.0.0.1", port: 15000 },
    status: 15020,
    readiness: 15021,
    prometheus: 15090,
  });
  assert.deepEqual(bootstrap.drain, { minimumMs: 5000, terminationMs: 5000 });
  assert.equal(bootstrap.certificateFiles, null);
  assert.deepEqual(bootstrap.skipped, { variables: [], files: [] });
  const { workload } = bootstrap;
  assert.deepEqual([workload.name, workload.namespace, workload.serviceAccount], ["cart-1", "shop", "default"]);
  assert.deepEqual(workload.ips, []);
});

/** Each setting by each of its sources, lowest precedence first: every later one overrides those before it. */
const PRECEDENCE: readonly [string, (bootstrap: Bootstrap) => unknown, readonly (readonly [Case, unknown])[]][] = [
  ["discovery host", ({ discovery }) => discovery.hostname, [
    [{ env: { CA_ADDR: "istiod-canary.istio-system.svc:15012" } }, "istiod-canary.istio-system.svc"],
    [{ files: { "/etc/istio/config/mesh": "defaultConfig: { discoveryAddress: 'mesh:15012' }" } }, "mesh"],
    [{ env: { PROXY_CONFIG: '{"discoveryAddress":"variable:15012"}' } }, "variable"],
    [
      { files: { "/etc/istio/pod/annotations": 'proxy.istio.io/config="discoveryAddress: annotation:15012"\n' } },
      "annotation",
    ],
    [{ options: { discoveryAddress: "option:15012" } }, "option"],
  ]],
  ["CA host", ({ ca }) => ca.hostname, [
    [{ env: { PROXY_CONFIG: '{"discoveryAddress":"discovery:15012"}' } }, "discovery"],
    [{ env: { CA_ADDR: "csr.cert-manager.svc:443" } }, "csr.cert-manager.svc"],
    [{ options: { caAddress: "option:15012" } }, "option"],
  ]],
  ["server name", ({ discovery }) => discovery.serverName, [
    [{ options: { discoveryAddress: "127.0.0.1:15012" } }, "istiod.istio-system.svc"],
    [{ env: { ISTIOD_SAN: "variable.example" } }, "variable.example"],
    [{ options: { discoveryAddress: "127.0.0.1:15012", serverName: "option.example" } }, "option.example"],
  ]],
  ["trust domain", ({ trustDomain }) => trustDomain, [
    [{ files: { "/etc/istio/config/mesh": "trustDomain: mesh.example" } }, "mesh.example"],
    [{ env: { PROXY_CONFIG: "proxyMetadata: { TRUST_DOMAIN: metadata.example }" } }, "metadata.example"],
    [{ files: { "/var/lib/istio/envoy/cluster.env": "TRUST_DOMAIN='vm.example'" } }, "vm.example"],
    [{ env: { TRUST_DOMAIN: "variable.example" } }, "variable.example"],
    [{ options: { trustDomain: "option.example" } }, "option.example"],
  ]],
  ["certificate lifetime", ({ certificate }) => certificate.ttlMs, [
    [{ env: { SECRET_TTL: "1h30m0s" } }, 5_400_000],
    [{ options: { certificateTtl: 60_000 } }, 60_000],
  ]],
  ["grace ratio", ({ certificate }) => certificate.graceRatio, [[
    { env: { SECRET_GRACE_PERIOD_RATIO: "0.25" } },
    0.25,
  ]]],
  ["jitter", ({ certificate }) => certificate.graceRatioJitter, [
    [{ env: { SECRET_GRACE_PERIOD_RATIO_JITTER: "0" } }, 0],
  ]],
  ["signer", ({ certificate }) => certificate.signer, [[{ env: { ISTIO_META_CERT_SIGNER: "example" } }, "example"]]],
  ["Wasm cache", ({ modules }) => modules.cacheFolder, [[
    { options: { wasmCache: "/var/cache/wasm" } },
    "/var/cache/wasm",
  ]]],
  ["insecure Wasm registries", ({ modules }) => [...modules.insecureRegistries], [
    [{ env: { PROXY_CONFIG: 'proxyMetadata: { WASM_INSECURE_REGISTRIES: "*" }' } }, ["*"]],
    [{ env: { WASM_INSECURE_REGISTRIES: "localhost:5000, registry.example" } }, ["localhost:5000", "registry.example"]],
    [{ options: { wasmInsecureRegistries: ["a:1"] }, env: { WASM_INSECURE_REGISTRIES: "b" } }, ["a:1"]],
  ]],
  ["Wasm settings", ({ modules }) => [
    modules.dockerConfigFolder,
    modules.requestTimeoutMs,
    modules.maxTries,
    modules.moduleExpiryMs,
    modules.purgeIntervalMs,
  ], [
    [{}, [null, 15_000, 5, 86_400_000, 3_600_000]],
    [{
      env: {
        DOCKER_CONFIG: "/etc/docker",
        WASM_HTTP_REQUEST_TIMEOUT: "1s",
        WASM_HTTP_REQUEST_MAX_RETRIES: "2",
        WASM_MODULE_EXPIRY: "1h",
        WASM_PURGE_INTERVAL: "1m",
      },
    }, ["/etc/docker", 1000, 2, 3_600_000, 60_000]],
  ]],
  ["minimum drain", ({ drain }) => drain.minimumMs, [
    [{ env: { MINIMUM_DRAIN_DURATION: "7s" } }, 7000],
    [{ options: { minimumDrainDuration: 100 } }, 100],
  ]],
  ["termination drain", ({ drain }) => drain.terminationMs, [
    [{ env: { PROXY_CONFIG: '{"terminationDrainDuration":"20s"}' } }, 20_000],
  ]],
  ["readiness port", ({ ports }) => ports.readiness, [
    [{ env: { ENVOY_STATUS_PORT: "16021" } }, 16021],
    [{ options: { readinessPort: 0 } }, 0],
  ]],
  ["prometheus port", ({ ports }) => ports.prometheus, [
    [{ env: { ENVOY_PROMETHEUS_PORT: "16090" } }, 16090],
    [{ options: { prometheusPort: false } }, false],
  ]],
  ["status port", ({ ports }) => ports.status, [
    [{ env: { PROXY_CONFIG: '{"statusPort":16020}' } }, 16020],
    [{ options: { statusPort: 1 } }, 1],
  ]],
  ["admin port", ({ ports }) => ports.admin, [
    [{ env: { PROXY_CONFIG: '{"proxyAdminPort":16000}' } }, { hostname: "127.0.0.1", port: 16000 }],
    [{ options: { admin: { port: 0, hostname: "::1" } } }, { hostname: "::1", port: 0 }],
    [{ options: { admin: false } }, false],
  ]],
  ["protocol", ({ protocol }) => protocol, [[{ options: { xds: "sotw" } }, "sotw"]]],
];

for (const [setting, read, cases] of PRECEDENCE) {
  Deno.test(`${setting}: each source, and each over those before it`, async () => {
    const all: { options: object; env: object; files: object }[] = [];
    for (const [one, expected] of cases) {
      assert.deepEqual(read(await load(one)), expected);
      all.push({ options: one.options ?? {}, env: one.env ?? {}, files: one.files ?? {} });
      const together = {
        options: Object.assign({}, ...all.map(({ options }) => options)),
        env: Object.assign({}, ...all.map(({ env }) => env)),
        files: Object.assign({}, ...all.map(({ files }) => files)),
      };
      // A variable given twice would hide its earlier value: PROXY_CONFIG carries one setting at a time here.
      assert.deepEqual(read(await load(together)), expected, JSON.stringify(one));
    }
  });
}

/** Every bad value with a part of what is said about it. */
const BAD: readonly [Case, string, RegExp][] = [
  [
    { options: { discoveryAddress: "istiod:99999" } },
    "option 'discoveryAddress'",
    /port from 1 to 65535.*'istiod:99999'/,
  ],
  [{ options: { discoveryAddress: "a b" } }, "option 'discoveryAddress'", /expected host:port, current value is 'a b'/],
  [{ options: { discoveryAddress: "[1::2::3]:1" } }, "option 'discoveryAddress'", /IPv6/],
  [{ options: { discoveryAddress: "ftp://istiod:1" } }, "option 'discoveryAddress'", /host:port/],
  [{ env: { CA_ADDR: ":15012" } }, "variable 'CA_ADDR'", /host:port/],
  [{ env: { ISTIOD_SAN: "Not A Name" } }, "variable 'ISTIOD_SAN'", /lower-case/],
  [{ env: { TRUST_DOMAIN: "Cluster.Local" } }, "variable 'TRUST_DOMAIN'", /lower-case letters/],
  [{ env: { POD_NAMESPACE: "a.b" } }, "variable 'POD_NAMESPACE'", /as workload namespace: expected.*'a\.b'/],
  [{ env: { POD_NAME: "UPPER" } }, "variable 'POD_NAME'", /workload name/],
  [{ env: { SERVICE_ACCOUNT: "a/b" } }, "variable 'SERVICE_ACCOUNT'", /'a\/b'/],
  [{ env: { INSTANCE_IP: "10.0.0.256" } }, "variable 'INSTANCE_IP'", /an IP address/],
  [{ env: { INSTANCE_IPS: "10.0.0.1,nope" } }, "variable 'INSTANCE_IPS'", /'nope'/],
  [{ options: { workload: { locality: "a/b/c/d" } } }, "option 'workload.locality'", /region\/zone\/subzone/],
  [{ env: { SECRET_TTL: "soon" } }, "variable 'SECRET_TTL'", /duration such as '24h'/],
  [{ env: { SECRET_TTL: "0s" } }, "variable 'SECRET_TTL'", /above 0/],
  [{ options: { certificateTtl: NaN } }, "option 'certificateTtl'", /duration/],
  [{ env: { SECRET_GRACE_PERIOD_RATIO: "1.5" } }, "variable 'SECRET_GRACE_PERIOD_RATIO'", /from 0 to 1/],
  [{ env: { WASM_HTTP_REQUEST_MAX_RETRIES: "0" } }, "variable 'WASM_HTTP_REQUEST_MAX_RETRIES'", /above 0/],
  [{ env: { WASM_INSECURE_REGISTRIES: "https://x" } }, "variable 'WASM_INSECURE_REGISTRIES'", /hosts such as/],
  [{ env: { MINIMUM_DRAIN_DURATION: "-1s" } }, "variable 'MINIMUM_DRAIN_DURATION'", /duration/],
  [{ env: { ENVOY_STATUS_PORT: "65536" } }, "variable 'ENVOY_STATUS_PORT'", /port from 0 to 65535/],
  [{ env: { ENVOY_PROMETHEUS_PORT: "http" } }, "variable 'ENVOY_PROMETHEUS_PORT'", /'http'/],
  [{ options: { statusPort: 15021 } }, "readiness port", /the status port is the same/],
  [{ options: { admin: { hostname: "0.0.0.0" } } }, "option 'admin.hostname'", /loopback address/],
  [{ options: { xds: "rest" as "sotw" } }, "option 'xds'", /'delta' or 'sotw'/],
  [{ options: { unsupportedFilters: { lua: "keep" as "skip" } } }, "option 'unsupportedFilters'", /'lua'.*'keep'/],
  [{ env: { PROXY_CONFIG: "{ a: [" } }, "variable 'PROXY_CONFIG'", /expected YAML or JSON|Expected YAML or JSON/],
  [{ env: { PROXY_CONFIG: "just text" } }, "variable 'PROXY_CONFIG'", /Expected an object/],
  [{ env: { ISTIO_METAJSON_LABELS: "{" } }, "variable 'ISTIO_METAJSON_LABELS'", /expected JSON/],
  [{ env: { ISTIO_METAJSON_LABELS: '{"app":1}' } }, "variable 'ISTIO_METAJSON_LABELS'", /label 'app'/],
  [{ env: { ISTIO_METAJSON_LABELS: "[]" } }, "variable 'ISTIO_METAJSON_LABELS'", /object/],
  [{ env: { "XDS_HEADER_a b": "c" } }, "variable 'XDS_HEADER_a b'", /header/],
  [{ env: { CA_HEADER_X: "c\nd" } }, "variable 'CA_HEADER_X'", /header/],
  [{ env: { FILE_MOUNTED_CERTS: "maybe" } }, "variable 'FILE_MOUNTED_CERTS'", /'true' or 'false'/],
  [{ options: { token: " " } }, "option 'token'", /it is empty/],
  [{ options: { token: { file: "/none" } } }, "file '/none'", /Cannot find the token/],
  [
    { files: { "/var/run/secrets/tokens/istio-token": "\n" } },
    "file '/var/run/secrets/tokens/istio-token'",
    /is empty/,
  ],
  [{ options: { rootCertificates: "garbage" } }, "option 'rootCertificates'", /no certificate in PEM/],
  [
    { options: { rootCertificates: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" } },
    "option 'rootCertificates'",
    /Cannot use it as root certificate/,
  ],
  [
    { options: { rootCertificates: { file: "/none" } } },
    "file '/none' (option 'rootCertificates')",
    /looked for '\/none'/,
  ],
  [{ env: { XDS_ROOT_CA: "/none" } }, "file '/none' (XDS_ROOT_CA)", /Cannot find/],
  [
    { files: { "/var/run/secrets/istio/root-cert.pem": "garbage" } },
    "file '/var/run/secrets/istio/root-cert.pem'",
    /no certificate in PEM/,
  ],
  [{ files: { "/etc/istio/pod/labels": "app=cart" } }, "file '/etc/istio/pod/labels'", /key="value"/],
  [{ files: { "/etc/istio/config/mesh": "- a" } }, "file '/etc/istio/config/mesh'", /Expected an object/],
  [
    { files: { "/var/lib/istio/envoy/cluster.env": "what is this" } },
    "file '/var/lib/istio/envoy/cluster.env'",
    /NAME=/,
  ],
  [
    { options: { files: "/vm" }, files: { "/vm/root-cert.pem": ROOT, "/vm/istio-token": "t" } },
    "file '/vm/cluster.env'",
    /find/,
  ],
];

for (const [bad, subject, message] of BAD) {
  Deno.test(`bad value: ${subject} ${message.source}`, async () => {
    const problems = await problemsOf(bad);
    assert.deepEqual(problems.map((problem) => problem.subject), [subject]);
    assert.match(problems[0]!.message, message);
  });
}

Deno.test("every problem is told at once, with its origin and the next step", async () => {
  const failing = loadBootstrap({ trustDomain: "BAD", admin: { port: -1 } }, {
    env: recordEnvironment({ SECRET_TTL: "x", INSTANCE_IP: "y" }),
    files: recordFiles({}),
  });
  const error = await failing.then(() => null, (error) => error);
  assert.ok(error instanceof MeshError);
  assert.equal(error.code, "CONFIG_INVALID");
  assert.deepEqual(error.problems.map(({ subject }) => subject), [
    "option 'trustDomain'",
    "workload namespace",
    "workload name",
    "variable 'INSTANCE_IP'",
    "file '/var/run/secrets/tokens/istio-token'",
    "root certificate",
    "variable 'SECRET_TTL'",
    "option 'admin.port'",
  ]);
  assert.match(error.message, /^Cannot join the mesh: 8 problems with its configuration:\n/);
  assert.match(error.message, /audience 'istio-ca'/);
});

Deno.test("what may not be read is remembered; a problem names the flag", async () => {
  const token = "/var/run/secrets/tokens/istio-token";
  const root = "/var/run/secrets/istio/root-cert.pem";
  const problems = await problemsOf({ denied: [token, root] }, "PERMISSION_MISSING");
  // Together with something else that is wrong, permissions are not all there is to do.
  await problemsOf({ denied: [token, root], env: { ISTIOD_SAN: "not a name" } }, "CONFIG_INVALID");
  assert.deepEqual(problems.map(({ hint }) => hint), [
    `Run with --allow-read=${token}`,
    `Run with --allow-read=${root}`,
  ]);
  const labels = "/etc/istio/pod/labels";
  assert.deepEqual((await load({ denied: [labels] })).skipped.files, [labels]);
});

Deno.test("plaintext is spoken only where it is written down", async () => {
  for (
    const [discoveryAddress, plaintext] of [
      ["istiod:15010", true],
      ["http://istiod:1234", true],
      ["https://istiod:15010", false],
      ["istiod:15012", false],
      ["istiod", false],
      ["[::1]:15010", true],
    ] as const
  ) {
    const { discovery, ca } = await load({ options: { discoveryAddress } });
    assert.equal(discovery.plaintext, plaintext, discoveryAddress);
    assert.equal(ca.plaintext, false);
    if (plaintext) assert.equal(ca.port, 15012, "istiod's plaintext port has no CA");
  }
  const { token, roots } = await load({
    options: { discoveryAddress: "istiod:15010" },
    files: { "/var/run/secrets/tokens/istio-token": "", "/var/run/secrets/istio/root-cert.pem": "" },
  });
  assert.deepEqual([token, roots], [null, { discovery: null, ca: null }], "and needs neither token nor root");
});

Deno.test("roots: several PEM texts, a file, the system's, and one for each service", async () => {
  const texts = await load({ options: { rootCertificates: [ROOT, ROOT] } });
  assert.equal(texts.roots.discovery?.kind, "pem");
  const system = await load({ options: { rootCertificates: "SYSTEM" } });
  assert.deepEqual(system.roots, { discovery: { kind: "system" }, ca: { kind: "system" } });
  const apart = await load({ env: { XDS_ROOT_CA: "/xds.pem", CA_ROOT_CA: "SYSTEM" }, files: { "/xds.pem": ROOT } });
  assert.deepEqual(apart.roots, { discovery: { kind: "file", path: "/xds.pem", pem: ROOT }, ca: { kind: "system" } });
});

Deno.test("certificates in files make a token unnecessary", async () => {
  const files = { "/var/run/secrets/tokens/istio-token": "" };
  const provided = await load({
    env: { PROV_CERT: "/certs" },
    files: { ...files, "/certs/cert-chain.pem": "chain", "/certs/root-cert.pem": ROOT },
  });
  assert.deepEqual(provided.certificateFiles, {
    chainPath: "/certs/cert-chain.pem",
    keyPath: "/certs/key.pem",
    rootPath: "/certs/root-cert.pem",
    use: "authentication",
  });
  const mounted = await load({ env: { FILE_MOUNTED_CERTS: "true" }, files });
  assert.equal(mounted.certificateFiles?.use, "identity");
  assert.equal(mounted.roots.ca, null, "nobody asks the CA");
  const folder = "/var/run/secrets/workload-spiffe-credentials";
  const spiffe = await load({ files: { ...files, [`${folder}/cert-chain.pem`]: "chain" } });
  assert.equal(spiffe.certificateFiles?.keyPath, `${folder}/key.pem`);
});

Deno.test("a virtual machine joins from the folder istioctl wrote", async () => {
  const bootstrap = await loadBootstrap({ files: "/vm/" }, {
    env: recordEnvironment({ HOSTNAME: "vm-1" }),
    files: recordFiles({
      "/vm/cluster.env":
        "# from istioctl\nISTIO_META_CLUSTER_ID='west'\nPOD_NAMESPACE='vms'\nSERVICE_ACCOUNT=\"ledger\"\n" +
        "ISTIO_META_AUTO_REGISTER_GROUP='ledger'\nTRUST_DOMAIN='mesh.example'\nISTIO_METAJSON_LABELS='{\"app\":\"ledger\"}'\n",
      "/vm/mesh.yaml": "defaultConfig:\n  discoveryAddress: istiod.istio-system.svc:15012\n  proxyMetadata:\n" +
        "    ISTIO_META_NETWORK: vm-network\n    POD_NAMESPACE: ignored\n  readinessProbe: { httpGet: { path: /, port: 8080 } }\n",
      "/vm/root-cert.pem": ROOT,
      "/vm/istio-token": "token",
    }),
  });
  const { workload } = bootstrap;
  assert.deepEqual([workload.namespace, workload.serviceAccount, workload.clusterId, workload.network], [
    "vms",
    "ledger",
    "west",
    "vm-network",
  ]);
  assert.equal(workload.metadata.AUTO_REGISTER_GROUP, "ledger");
  assert.equal(workload.labels.app, "ledger");
  assert.deepEqual(bootstrap.token, { file: "/vm/istio-token" });
  assert.deepEqual(bootstrap.proxyConfig.readinessProbe, { httpGet: { path: "/", port: 8080 } });
  assert.equal(bootstrap.trustDomain, "mesh.example");
});

Deno.test("headers and origins", async () => {
  const { discovery, ca, origins } = await load({
    env: { XDS_HEADER_X_TENANT: "a", CA_HEADER_FOO: "b", ISTIO_META_CLUSTER_ID: "west", TRUST_DOMAIN: "t.example" },
  });
  assert.deepEqual(discovery.headers, { clusterid: "west", x_tenant: "a" });
  assert.deepEqual(ca.headers, { clusterid: "west", foo: "b" });
  assert.equal(origins.get("trust domain"), "variable 'TRUST_DOMAIN'");
  assert.equal(origins.get("readiness port"), "default");
});

Deno.test("enabled: default, variable, option; a bad variable is a problem", () => {
  assert.equal(meshEnabled({ env: {} }), true);
  assert.equal(meshEnabled({ env: { ENMESH_ENABLED: "false" } }), false);
  assert.equal(meshEnabled({ env: { ENMESH_ENABLED: "false" }, enabled: true }), true);
  assert.throws(() => meshEnabled({ env: { ENMESH_ENABLED: "perhaps" } }), { code: "CONFIG_INVALID" });
});
