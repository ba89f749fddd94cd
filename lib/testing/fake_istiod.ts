import { GrpcServer } from "../grpc/server.ts";
import { type Clock, systemClock } from "../internal/clock.ts";
import { type Logger, silentLogger } from "../internal/logger.ts";
import type { SocketAddress } from "../internal/socket_address.ts";
import { HandleRegistry } from "../transport/handle_registry.ts";
import type { TlsCertificate, TrustBundle } from "../transport/secret_provider.ts";
import { CertificateAuthority, type IssueOptions } from "./certificate_authority.ts";
import type { Nack } from "./discovery/connection.ts";
import { DiscoveryService, type IstiodClient, type PushedResource } from "./discovery/discovery_service.ts";
import { Faults } from "./faults.ts";
import { registerServices } from "./grpc_services.ts";
import { IstiodServer } from "./istiod_server.ts";
import type { MeshSettings } from "./mesh_view.ts";
import { type ObjectRef, ObjectStore } from "./object_store.ts";
import { type FakeSecret, secretResources } from "./secret.ts";
import { TokenIssuer } from "./tokens.ts";
import { type FakeWorkload, type FakeWorkloadOptions, podManifest, resolveWorkload } from "./workload.ts";

/** Settings of {@linkcode FakeIstiod.start}. */
export interface FakeIstiodOptions extends Partial<MeshSettings> {
  /** Loopback address to listen on. @default {"127.0.0.1"} */
  hostname?: string;
  /** 0 lets the system choose. @default {0} */
  port?: number;
  /** Put an intermediate between root and leaves. @default {false} */
  intermediate?: boolean;
  /** Milliseconds to collect changes before they are pushed; istiod's own default is 100. @default {5} */
  debounceMs?: number;
  /** Where log lines go. @default {silentLogger} */
  logger?: Logger;
  /** Source of dates and timers. @default {systemClock} */
  clock?: Clock;
}

/** Names of istiod's certificate, as in a cluster, and those of loopback. */
const SERVER_NAMES: IssueOptions = {
  dnsSans: ["istiod.istio-system.svc", "istiod.istio-system", "istiod.istio-system.svc.cluster.local", "localhost"],
  ipSans: ["127.0.0.1", "::1"],
};

/**
 * An Istio control plane in a test or a demo: certificate authority, discovery service, tokens. It speaks the real
 * protocols on a loopback port, makes the configuration a real istiod makes of the same objects, and goes wrong on
 * request.
 *
 * @example Apply a service and give a workload what it needs to join
 * ```ts
 * import { FakeIstiod } from "@enmesh/enmesh/testing";
 * import assert from "node:assert/strict";
 *
 * await using istiod = await FakeIstiod.start();
 * istiod.apply(`
 * apiVersion: v1
 * kind: Service
 * metadata: { name: reviews, namespace: default }
 * spec: { clusterIP: 10.96.0.1, selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
 * `);
 * const options = istiod.workload({ name: "reviews-v1", ip: "127.0.0.1" });
 * assert.equal(options.discoveryAddress, istiod.discoveryAddress);
 * ```
 */
export class FakeIstiod implements AsyncDisposable {
  /** Issues every certificate, and deliberately bad ones. */
  readonly authority: CertificateAuthority;
  /** Mints service account tokens. */
  readonly tokens: TokenIssuer;
  /** What goes wrong on purpose. */
  readonly faults: Faults = new Faults();
  /** Settings of the mesh, with their defaults. */
  readonly settings: MeshSettings;
  /** Counts what the fake holds open; empty after it is closed. */
  readonly handles: HandleRegistry = new HandleRegistry();
  readonly #store = new ObjectStore();
  readonly #discovery: DiscoveryService;
  readonly #server: IstiodServer;
  readonly #certificatesMade: () => Promise<void>;
  #certificate!: TlsCertificate;
  #trust!: TrustBundle;
  #addr!: SocketAddress;
  #versions = 0;

  private constructor(options: FakeIstiodOptions, authority: CertificateAuthority, tokens: TokenIssuer) {
    const { clock = systemClock, logger = silentLogger, debounceMs = 5 } = options;
    this.authority = authority;
    this.tokens = tokens;
    this.settings = {
      trustDomain: options.trustDomain ?? "cluster.local",
      domain: options.domain ?? "cluster.local",
      rootNamespace: options.rootNamespace ?? "istio-system",
      outboundTrafficPolicy: options.outboundTrafficPolicy ?? "ALLOW_ANY",
      clusterId: options.clusterId ?? "Kubernetes",
    };
    const { settings, faults } = this;
    this.#discovery = new DiscoveryService({ store: this.#store, settings, faults, clock, debounceMs });
    const grpc = new GrpcServer({ clock, logger });
    this.#certificatesMade = registerServices(grpc, {
      authority,
      tokens,
      faults,
      clock,
      discovery: this.#discovery,
      trustDomain: settings.trustDomain,
    });
    this.#server = new IstiodServer({
      handler: grpc.handler,
      faults,
      clock,
      logger,
      registry: this.handles,
      certificate: () => this.#certificate,
      trust: () => this.#trust,
    });
  }

  /**
   * Starts a control plane on loopback.
   *
   * @throws {MeshError} When the port cannot be bound.
   */
  static async start(options: FakeIstiodOptions = {}): Promise<FakeIstiod> {
    const { hostname = "127.0.0.1", port = 0, intermediate = false, clock = systemClock } = options;
    const organization = options.trustDomain ?? "cluster.local";
    const [authority, tokens] = await Promise.all([
      CertificateAuthority.create({ intermediate, organization, clock }),
      TokenIssuer.create({ clock }),
    ]);
    const istiod = new FakeIstiod(options, authority, tokens);
    istiod.#readRoots();
    await istiod.useServerCertificate();
    istiod.#addr = await istiod.#server.listen({ hostname, port });
    return istiod;
  }

  /** Where it listens. */
  get addr(): SocketAddress {
    return this.#addr;
  }

  /**
   * `localhost:port`, for the discovery address and the certificate authority's. A name, because gRPC clients verify a
   * server by name and some take no IP address for one.
   */
  get discoveryAddress(): string {
    return `localhost:${this.#addr.port}`;
  }

  /** The roots clients have to trust, PEM. */
  get rootCertificates(): string {
    return this.authority.rootCertificates;
  }

  /** Clients with an open discovery stream, in the order they came. */
  get clients(): IstiodClient[] {
    return this.#discovery.clients;
  }

  /** Every response a client refused, oldest first. */
  get nacks(): readonly Nack[] {
    return this.#discovery.nacks;
  }

  /**
   * Applies YAML as `kubectl apply` does: one or more documents, all of them or none.
   *
   * @throws {MeshError} `CONFIG_INVALID` that names the object, the field and the value.
   */
  apply(yaml: string): void {
    this.#discovery.changed(this.#store.apply(yaml));
  }

  /**
   * Deletes an object, named by a reference or by the YAML it was applied from.
   *
   * @throws {MeshError} `CONFIG_INVALID` when there is no such object.
   */
  delete(ref: ObjectRef | string): void {
    this.#discovery.changed(this.#store.delete(ref));
  }

  /**
   * Sends resources of any type, good or bad, to every client that watches the type. They stay in place of generated
   * ones of the same name until {@linkcode FakeIstiod.withdraw}.
   *
   * @throws {MeshError} `CONFIG_INVALID` when a message of that type cannot be encoded here: push its bytes.
   */
  push(typeUrl: string, resources: readonly PushedResource[]): void {
    this.#discovery.push(typeUrl, resources);
  }

  /** Takes pushed resources back: all of a type, or those named. */
  withdraw(typeUrl: string, names?: readonly string[]): void {
    this.#discovery.withdraw(typeUrl, names);
  }

  /**
   * Serves a Secret for `credentialName`, to whoever asks: the certificate as `kubernetes://NAME`, roots as
   * `kubernetes://NAME-cacert`. The same name again rotates it.
   */
  secret(name: string, secret: FakeSecret): void {
    this.push("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", secretResources(name, secret));
  }

  /** Resolves when no push is due and every client has answered everything it was sent. */
  settled(): Promise<void> {
    return this.#discovery.settled();
  }

  /** Resolves as soon as a condition holds; it is looked at after every event of a discovery stream. */
  until(predicate: (istiod: FakeIstiod) => boolean): Promise<void> {
    return this.#discovery.until(() => predicate(this));
  }

  /**
   * Makes a workload: its Pod, unless one of that name was applied, and the options with which it joins.
   *
   * @returns What `Mesh.join` takes.
   */
  workload(options: FakeWorkloadOptions): FakeWorkload {
    const workload = resolveWorkload(options);
    const { name, namespace, serviceAccount, ip } = workload;
    const pod = this.#store.get("Pod", namespace, name);
    if (pod === undefined) this.apply(podManifest(workload));
    return {
      discoveryAddress: this.discoveryAddress,
      caAddress: this.discoveryAddress,
      trustDomain: this.settings.trustDomain,
      token: () => this.tokens.mint({ namespace, serviceAccount }),
      rootCertificates: this.rootCertificates,
      workload: {
        name,
        namespace,
        serviceAccount,
        labels: pod?.value.labels ?? workload.labels,
        ips: [ip],
        clusterId: this.settings.clusterId,
        dnsDomain: this.settings.domain,
      },
      env: {},
      admin: false,
      statusPort: false,
      readinessPort: false,
      prometheusPort: false,
    };
  }

  /**
   * Makes a new root that signs from now on; certificates of both are trusted. istiod's own certificate stays under the
   * old one, which its clients know.
   */
  async rotateRoot(): Promise<void> {
    await this.authority.rotateRoot();
    this.#readRoots();
  }

  /** Trusts the newest root only, and shows a certificate under it. */
  async retireOldRoots(): Promise<void> {
    this.authority.retireOldRoots();
    this.#readRoots();
    await this.useServerCertificate();
  }

  /** Shows new clients another certificate; what is given replaces what it would say, to test clients with a bad one. */
  async useServerCertificate(override: IssueOptions = {}): Promise<void> {
    const { chain, key } = await this.authority.issue({ ...SERVER_NAMES, ...override });
    this.#certificate = { chain, key, spiffeId: null, notBefore: 0, notAfter: Infinity, version: ++this.#versions };
  }

  /** Cuts every connection without a word. */
  cut(): void {
    this.#server.cut();
  }

  /** Tells every client to go (GOAWAY), as istiod does every half hour. Streams that are open go on. */
  goAway(): void {
    this.#server.goAway();
  }

  /** Stops as a killed istiod does; {@linkcode FakeIstiod.resume} brings it back on the same port, objects and all. */
  async suspend(): Promise<void> {
    await this.#server.stop();
  }

  /** Listens again. @throws {MeshError} When another program has taken the port meanwhile. */
  async resume(): Promise<void> {
    this.#addr = await this.#server.listen(this.#addr);
  }

  /** Stops for good. Nothing stays open. */
  async close(): Promise<void> {
    this.#discovery.close();
    await this.#server.stop();
    await this.#certificatesMade();
    await this.handles.idle();
  }

  /** Closes at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #readRoots(): void {
    const roots = this.authority.rootCertificates.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g);
    this.#trust = { roots: [...roots ?? []].sort(), version: ++this.#versions };
  }
}
