import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as grpc from "@grpc/grpc-js";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { decode, encode } from "../../lib/protobuf/registry.ts";
import { jsonToStruct } from "../../lib/protobuf/well_known.ts";
import { FakeIstiod, type FakeWorkload, type FakeWorkloadOptions } from "../../lib/testing/mod.ts";
import { TYPE } from "../../lib/testing/generate/generator.ts";

const SERVICE = `
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {clusterIP: 10.96.0.9, selector: {app: reviews}, ports: [{name: http, port: 9080}]}
`;
const DELTA = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const SOTW = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
const CREATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate";
const identity = (bytes: Buffer) => bytes;

interface TestWorkload extends FakeWorkload {
  readonly bearer: string;
}

async function workloadOf(istiod: FakeIstiod, options: FakeWorkloadOptions): Promise<TestWorkload> {
  const workload = istiod.workload(options);
  return { ...workload, bearer: await workload.token() };
}

/** A client made of the library that the real one uses. */
class Client implements Disposable {
  readonly #client: grpc.Client;
  readonly #token: string;
  readonly #workload: FakeWorkload;

  constructor(workload: TestWorkload, options: { token?: string; roots?: string; key?: string; chain?: string } = {}) {
    this.#workload = workload;
    this.#token = options.token ?? workload.bearer;
    const credentials = grpc.credentials.createSsl(
      Buffer.from(options.roots ?? workload.rootCertificates),
      options.key === undefined ? null : Buffer.from(options.key),
      options.chain === undefined ? null : Buffer.from(options.chain),
    );
    this.#client = new grpc.Client(workload.discoveryAddress, credentials, { "grpc.enable_retries": 0 });
  }

  #metadata(): grpc.Metadata {
    const metadata = new grpc.Metadata();
    if (this.#token !== "") metadata.set("authorization", `Bearer ${this.#token}`);
    return metadata;
  }

  sign(csr: string, validityDuration = 3600): Promise<string[]> {
    const request = Buffer.from(encode("istio.v1.auth.IstioCertificateRequest", { csr, validityDuration }));
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + 2000;
      this.#client.makeUnaryRequest(
        CREATE,
        identity,
        identity,
        request,
        this.#metadata(),
        { deadline },
        (error, reply) => {
          if (error !== null) reject(error);
          else resolve(decode("istio.v1.auth.IstioCertificateResponse", reply!).certChain ?? []);
        },
      );
    });
  }

  stream(path = DELTA): Stream {
    return new Stream(
      this.#client.makeBidiStreamRequest(path, identity, identity, this.#metadata()),
      this.#workload,
      path,
    );
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

class Stream {
  readonly ended: Promise<{ code: number; details: string }>;
  readonly #call: grpc.ClientDuplexStream<Buffer, Buffer>;
  readonly #workload: FakeWorkload;
  readonly #path: string;
  readonly #received: Buffer[] = [];
  #waiting: ((message: Buffer) => void) | null = null;

  constructor(call: grpc.ClientDuplexStream<Buffer, Buffer>, workload: FakeWorkload, path: string) {
    this.#call = call;
    this.#workload = workload;
    this.#path = path;
    this.ended = new Promise((resolve) => call.on("status", resolve));
    call.on("error", () => {});
    call.on("data", (message: Buffer) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      if (waiting === null) this.#received.push(message);
      else waiting(message);
    });
  }

  request(typeUrl: string, fields: { names?: string[]; nonce?: string; error?: string } = {}): void {
    const { name, namespace, serviceAccount, ips } = this.#workload.workload;
    const node = {
      id: `sidecar~${ips[0]}~${name}.${namespace}~${namespace}.svc.cluster.local`,
      metadata: jsonToStruct({ NAMESPACE: namespace, SERVICE_ACCOUNT: serviceAccount }),
    };
    const shared = {
      node,
      typeUrl,
      responseNonce: fields.nonce ?? "",
      ...(fields.error === undefined ? {} : { errorDetail: { code: 13, message: fields.error } }),
    };
    this.#call.write(Buffer.from(
      this.#path === DELTA
        ? encode("envoy.service.discovery.v3.DeltaDiscoveryRequest", {
          ...shared,
          resourceNamesSubscribe: fields.names ?? [],
        })
        : encode("envoy.service.discovery.v3.DiscoveryRequest", { ...shared, resourceNames: fields.names ?? [] }),
    ));
  }

  async next(): Promise<Buffer> {
    return this.#received.shift() ?? await new Promise<Buffer>((resolve) => this.#waiting = resolve);
  }

  async delta() {
    return decode("envoy.service.discovery.v3.DeltaDiscoveryResponse", await this.next());
  }

  cancel(): void {
    this.#call.cancel();
  }
}

async function csr(): Promise<string> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };
  return (await x509.Pkcs10CertificateRequestGenerator.create({ name: "", keys, signingAlgorithm })).toString("pem");
}

/** The library keeps a back-off timer of a refused channel: only those tests are exempt from the leak check. */
const REFUSED = { sanitizeOps: false, sanitizeResources: false };

async function ends(istiod: FakeIstiod): Promise<void> {
  await istiod.close();
  assert.equal(istiod.handles.total, 0, JSON.stringify(istiod.handles.snapshot()));
}

Deno.test("a client gets a certificate for its token and its configuration over delta ADS", async () => {
  const istiod = await FakeIstiod.start();
  istiod.apply(SERVICE);
  const workload = await workloadOf(istiod, { name: "sleep-v1", labels: { app: "sleep" } });
  {
    using client = new Client(workload);
    const chain = await client.sign(await csr());
    const leaf = new x509.X509Certificate(chain[0]!);
    const san = leaf.getExtension(x509.SubjectAlternativeNameExtension)!.names.items[0]!;
    assert.equal(san.value, "spiffe://cluster.local/ns/default/sa/sleep");

    const stream = client.stream();
    stream.request(TYPE.cluster, { names: ["*"] });
    const clusters = await stream.delta();
    const names = clusters.resources!.map((resource) => resource.name);
    assert.ok(names.includes("outbound|9080||reviews.default.svc.cluster.local"), names.join());
    stream.request(TYPE.cluster, { nonce: clusters.nonce! });
    await istiod.settled();
    assert.equal(istiod.clients[0]!.types.get(TYPE.cluster)!.nonceAcked, clusters.nonce);
    assert.deepEqual(istiod.clients[0]!.identity, { namespace: "default", serviceAccount: "sleep" });

    istiod.apply(SERVICE.replaceAll("reviews", "ratings"));
    const pushed = await stream.delta();
    assert.ok(pushed.resources!.some((item) => item.name === "outbound|9080||ratings.default.svc.cluster.local"));
    stream.request(TYPE.cluster, { nonce: pushed.nonce!, error: "do not like it" });
    await istiod.until((it) => it.nacks.length === 1);
    assert.equal(istiod.nacks[0]!.message, "do not like it");
    stream.cancel();
    await istiod.until((it) => it.clients.length === 0);
  }
  await ends(istiod);
});

Deno.test("the state-of-the-world protocol is served too", async () => {
  const istiod = await FakeIstiod.start();
  const workload = await workloadOf(istiod, { name: "sleep-v1" });
  {
    using client = new Client(workload);
    const stream = client.stream(SOTW);
    stream.request(TYPE.cluster);
    const response = decode("envoy.service.discovery.v3.DiscoveryResponse", await stream.next());
    assert.equal(response.typeUrl, TYPE.cluster);
    assert.equal(response.resources!.length, 3);
    stream.cancel();
    await stream.ended;
  }
  await ends(istiod);
});

Deno.test("a client certificate proves the identity as well as a token does", async () => {
  const istiod = await FakeIstiod.start();
  const workload = await workloadOf(istiod, { name: "sleep-v1" });
  const issued = await istiod.authority.issue({ uriSans: ["spiffe://cluster.local/ns/default/sa/sleep"] });
  {
    using client = new Client(workload, { token: "", key: issued.key, chain: issued.chain });
    assert.equal((await client.sign(await csr())).length, 2);
  }
  await ends(istiod);
});

Deno.test("calls are refused without credentials, with a bad token, for another's node, for too long a lifetime", async () => {
  const istiod = await FakeIstiod.start();
  const workload = await workloadOf(istiod, { name: "sleep-v1" });
  {
    using none = new Client(workload, { token: "" });
    await assert.rejects(none.sign(await csr()), { code: grpc.status.UNAUTHENTICATED });
    const stream = none.stream();
    assert.equal((await stream.ended).code, grpc.status.UNAUTHENTICATED);
    const expired = await istiod.tokens.mint({ namespace: "default", serviceAccount: "sleep", ttlMs: -1 });
    using old = new Client(workload, { token: expired });
    await assert.rejects(old.sign(await csr()), /has expired/);
    const foreign = await istiod.tokens.mint({ namespace: "other", serviceAccount: "sleep" });
    using other = new Client(workload, { token: foreign });
    const refused = other.stream();
    refused.request(TYPE.cluster);
    assert.equal((await refused.ended).code, grpc.status.PERMISSION_DENIED);
    using good = new Client(workload);
    await assert.rejects(good.sign(await csr(), 91 * 86_400), { code: grpc.status.INVALID_ARGUMENT });
    await assert.rejects(good.sign("garbage"), { code: grpc.status.INVALID_ARGUMENT });
  }
  await ends(istiod);
});

Deno.test("faults: certificates refused, delayed, of another name, a chain of one; streams refused", async () => {
  const istiod = await FakeIstiod.start();
  const workload = await workloadOf(istiod, { name: "sleep-v1" });
  {
    using client = new Client(workload);
    istiod.faults.certificateRequests = { status: "UNAVAILABLE", message: "not now" };
    await assert.rejects(client.sign(await csr()), /not now/);
    istiod.faults.clear();
    istiod.faults.certificates = { uriSans: ["spiffe://cluster.local/ns/x/sa/y"], notAfter: Date.now() - 1000 };
    const leaf = new x509.X509Certificate((await client.sign(await csr()))[0]!);
    assert.ok(leaf.notAfter.getTime() < Date.now());
    istiod.faults.clear();
    istiod.faults.certificateChain = ["only one"];
    assert.deepEqual(await client.sign(await csr()), ["only one"]);
    istiod.faults.clear();
    istiod.faults.discoveryStreams = { status: "RESOURCE_EXHAUSTED", message: "too many" };
    assert.equal((await client.stream().ended).details, "too many");
    istiod.faults.clear();
    istiod.faults.delayMs = 20;
    assert.equal((await client.sign(await csr())).length, 2);
  }
  await ends(istiod);
});

Deno.test(
  "faults: GOAWAY lets a stream go on, a cut ends it, suspend and resume bring the same port back",
  REFUSED,
  async () => {
    const istiod = await FakeIstiod.start();
    const workload = await workloadOf(istiod, { name: "sleep-v1" });
    {
      using client = new Client(workload);
      const stream = client.stream();
      stream.request(TYPE.cluster);
      await stream.delta();
      istiod.cut();
      assert.equal((await stream.ended).code, grpc.status.UNAVAILABLE);
      const { port } = istiod.addr;
      await istiod.suspend();
      await assert.rejects(client.sign(await csr()));
      await istiod.resume();
      assert.equal(istiod.addr.port, port);
      using again = new Client(workload);
      assert.equal((await again.sign(await csr())).length, 2);
      const second = again.stream();
      second.request(TYPE.cluster);
      await second.delta();
      istiod.goAway();
      istiod.apply(SERVICE);
      assert.ok((await second.delta()).resources!.length > 0, "the stream goes on");
      second.cancel();
      await second.ended;
    }
    await ends(istiod);
  },
);

Deno.test(
  "faults: connections refused, a server certificate of another name, a client of an unknown CA",
  REFUSED,
  async () => {
    const istiod = await FakeIstiod.start();
    const workload = await workloadOf(istiod, { name: "sleep-v1" });
    const stranger = await FakeIstiod.start();
    const bad = await stranger.authority.issue({ uriSans: ["spiffe://cluster.local/ns/default/sa/sleep"] });
    {
      istiod.faults.refuseConnections = true;
      using refused = new Client(workload);
      await assert.rejects(refused.sign(await csr()));
      istiod.faults.clear();
      await istiod.useServerCertificate({ dnsSans: ["other.example"], ipSans: [] });
      using misled = new Client(workload);
      await assert.rejects(misled.sign(await csr()));
      await istiod.useServerCertificate();
      using unknown = new Client(workload, { token: "", key: bad.key, chain: bad.chain });
      await assert.rejects(unknown.sign(await csr()));
    }
    await ends(stranger);
    await ends(istiod);
  },
);

Deno.test("root rotation: clients of the old root go on, until it is retired", REFUSED, async () => {
  const istiod = await FakeIstiod.start();
  const workload = await workloadOf(istiod, { name: "sleep-v1" });
  {
    await istiod.rotateRoot();
    using old = new Client(workload);
    const chain = await old.sign(await csr());
    assert.equal(x509.PemConverter.decode(chain.at(-1)!).length, 2);
    await istiod.retireOldRoots();
    using late = new Client(workload);
    await assert.rejects(late.sign(await csr()));
    using fresh = new Client(workload, { roots: istiod.rootCertificates });
    assert.equal(x509.PemConverter.decode((await fresh.sign(await csr())).at(-1)!).length, 1);
  }
  await ends(istiod);
});

Deno.test("closing ends open streams, and nothing stays open", REFUSED, async () => {
  const istiod = await FakeIstiod.start();
  const workload = await workloadOf(istiod, { name: "sleep-v1" });
  using client = new Client(workload);
  const stream = client.stream();
  stream.request(TYPE.cluster);
  await stream.delta();
  await ends(istiod);
  assert.equal((await stream.ended).code, grpc.status.UNAVAILABLE);
});
