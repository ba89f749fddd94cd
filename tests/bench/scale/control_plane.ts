/** An xDS server for a plain Envoy and for enmesh alike: delta ADS of a {@linkcode ScaleConfiguration}, and secrets. */
import { GrpcServer } from "../../../lib/grpc/server.ts";
import type { GrpcServerCall } from "../../../lib/grpc/server_call.ts";
import { systemClock as clock } from "../../../lib/internal/clock.ts";
import { silentLogger as logger } from "../../../lib/internal/logger.ts";
import type { SocketAddress } from "../../../lib/internal/socket_address.ts";
import { decode, encode, typeUrl } from "../../../lib/protobuf/registry.ts";
import type { FakeIstiod } from "../../../lib/testing/mod.ts";
import { Faults } from "../../../lib/testing/faults.ts";
import { IstiodServer } from "../../../lib/testing/istiod_server.ts";
import { HandleRegistry } from "../../../lib/transport/handle_registry.ts";
import { type Resources, type ScaleConfiguration, TYPE } from "./configuration.ts";

const DELTA = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const SECRETS = "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets";
const SECRET = typeUrl("envoy.extensions.transport_sockets.tls.v3.Secret");

/** A stream of one client, and what it has not acknowledged yet. */
interface Client {
  readonly call: GrpcServerCall;
  readonly istio: boolean;
  readonly watched: Set<string>;
  readonly outstanding: Set<string>;
}

/** See the module. */
export class ScaleControlPlane implements AsyncDisposable {
  /** Every reason a client gave for refusing something. */
  readonly refusals: string[] = [];
  readonly #configuration: ScaleConfiguration;
  readonly #clients = new Set<Client>();
  readonly #server: IstiodServer;
  readonly #cached = new Map<string, Resources>();
  #address!: SocketAddress;
  #nonces = 0;
  #settled: (() => void) | null = null;

  private constructor(configuration: ScaleConfiguration, istiod: FakeIstiod, chain: string, key: string) {
    this.#configuration = configuration;
    const grpc = new GrpcServer({ clock, logger, maxReceiveBytes: 64 * 1024 * 1024 });
    grpc.bidi(DELTA, (requests, call) => this.#serve(requests, call));
    grpc.bidi(SECRETS, (requests, call) => serveSecrets(requests, call, chain, key, istiod.rootCertificates));
    this.#server = new IstiodServer({
      handler: grpc.handler,
      faults: new Faults(),
      registry: new HandleRegistry(),
      clock,
      logger,
      certificate: () => ({ chain, key, spiffeId: null, notBefore: 0, notAfter: Infinity, version: 1 }),
      trust: () => ({ roots: [istiod.rootCertificates], version: 1 }),
    });
  }

  /** Starts on loopback, with a certificate of the mesh's authority. */
  static async start(configuration: ScaleConfiguration, istiod: FakeIstiod): Promise<ScaleControlPlane> {
    const { chain, key } = await istiod.authority.issue({
      dnsSans: ["istiod.istio-system.svc", "localhost"],
      ipSans: ["127.0.0.1"],
    });
    const server = new ScaleControlPlane(configuration, istiod, chain, key);
    server.#address = await server.#server.listen({ hostname: "127.0.0.1", port: 0 });
    return server;
  }

  /** The port of 127.0.0.1 it listens on. */
  get port(): number {
    return this.#address.port;
  }

  /** Sends resources to every client that watches the type; resolves once all have acknowledged or refused them. */
  async push(type: string, resources: Resources): Promise<void> {
    for (const client of this.#clients) if (client.watched.has(type)) this.#send(client, type, resources);
    await this.settled();
  }

  /** Resolves once nothing is outstanding. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#settled = resolve;
      this.#checkSettled();
    });
  }

  /** Ends every stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }

  async #serve(requests: AsyncIterable<Uint8Array>, call: GrpcServerCall): Promise<void> {
    const istio = !call.metadata.get("x-plain-envoy");
    const client: Client = { call, istio, watched: new Set(), outstanding: new Set() };
    this.#clients.add(client);
    try {
      for await (const bytes of requests) this.#receive(client, bytes);
    } finally {
      this.#clients.delete(client);
      this.#checkSettled();
    }
  }

  #receive(client: Client, bytes: Uint8Array): void {
    const request = decode("envoy.service.discovery.v3.DeltaDiscoveryRequest", bytes);
    const { typeUrl: type = "", responseNonce = "", errorDetail, resourceNamesSubscribe = [] } = request;
    if (errorDetail !== undefined) this.refusals.push(errorDetail.message ?? "");
    client.outstanding.delete(responseNonce);
    const first = !client.watched.has(type);
    if (first || resourceNamesSubscribe.length > 0) {
      client.watched.add(type);
      const all = this.#resources(type, client.istio);
      if (all !== null) this.#send(client, type, all);
    }
    this.#checkSettled();
  }

  #resources(type: string, istio: boolean): Resources | null {
    const key = `${type} ${istio}`;
    let resources = this.#cached.get(key);
    if (resources !== undefined) return resources;
    const configuration = this.#configuration;
    switch (type) {
      case TYPE.cluster:
        resources = configuration.clusters(istio);
        break;
      case TYPE.endpoint:
        resources = configuration.endpoints();
        break;
      case TYPE.listener:
        resources = configuration.listeners(istio);
        break;
      case TYPE.route:
        resources = configuration.routes();
        break;
      case TYPE.nameTable:
        resources = configuration.nameTable();
        break;
      default:
        return null;
    }
    this.#cached.set(key, resources);
    return resources;
  }

  #send(client: Client, type: string, resources: Resources): void {
    const nonce = String(++this.#nonces);
    client.outstanding.add(nonce);
    const message = encode("envoy.service.discovery.v3.DeltaDiscoveryResponse", {
      typeUrl: type,
      nonce,
      systemVersionInfo: nonce,
      resources: Array.from(
        resources,
        ([name, value]) => ({ name, version: nonce, resource: { typeUrl: type, value } }),
      ),
    });
    client.call.send(message).catch(() => {});
  }

  #checkSettled(): void {
    if (this.#settled === null) return;
    for (const { outstanding } of this.#clients) if (outstanding.size > 0) return;
    this.#settled();
    this.#settled = null;
  }
}

/** What a sidecar's Envoy gets of its agent. */
async function serveSecrets(
  requests: AsyncIterable<Uint8Array>,
  call: GrpcServerCall,
  chain: string,
  key: string,
  root: string,
): Promise<void> {
  for await (const bytes of requests) {
    const { resourceNames = [], responseNonce = "" } = decode("envoy.service.discovery.v3.DiscoveryRequest", bytes);
    if (responseNonce !== "") continue;
    const message = "envoy.extensions.transport_sockets.tls.v3.Secret";
    const text = (value: string) => ({ inlineBytes: new TextEncoder().encode(value) });
    const resources = resourceNames.map((name) => ({
      typeUrl: SECRET,
      value: encode(
        message,
        name === "ROOTCA"
          ? { name, validationContext: { trustedCa: text(root) } }
          : { name, tlsCertificate: { certificateChain: text(chain), privateKey: text(key) } },
      ),
    }));
    const response = { typeUrl: SECRET, versionInfo: "1", nonce: "1", resources };
    await call.send(encode("envoy.service.discovery.v3.DiscoveryResponse", response));
  }
}
