import { MeshError } from "../../lib/errors.ts";
import { type Body, BytesBody } from "../../lib/http/body.ts";
import type { HttpClientConnection } from "../../lib/http/codec.ts";
import type { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { formatAddress } from "../../lib/internal/socket_address.ts";
import type { Random } from "../../lib/internal/random.ts";
import type { Cluster } from "../../lib/resource/cluster.ts";
import type { ClusterLoadAssignment } from "../../lib/resource/endpoint.ts";
import type { Snapshot, SnapshotChange, SnapshotSource } from "../../lib/resource/snapshot.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import type { ByteStream, ConnectionInfo } from "../../lib/transport/byte_stream.ts";
import type { ConnectTarget } from "../../lib/transport/connector.ts";
import type { DnsAnswer } from "../../lib/transport/dns.ts";
import type { TlsCertificate, TrustBundle } from "../../lib/transport/secret_provider.ts";
import { ClusterManager } from "../../lib/upstream/cluster_manager.ts";
import { seededRandom } from "../support/seeded_random.ts";

/** A request as a fake server got it, waiting to be answered. */
export interface Received {
  readonly request: HttpRequest;
  readonly exchange: Exchange;
  readonly connection: FakeConnection;
  /** Answers, and ends the exchange. */
  answer(status?: number, headers?: string[], body?: string): void;
  /** Answers with a head only; the exchange goes on. */
  head(status: number): void;
  /** Answers with content that is still to come; the exchange goes on. */
  stream(status: number, body: Body): void;
  fail(code: "UPSTREAM_REMOTE_RESET" | "UPSTREAM_CONNECTION_TERMINATION" | "UPSTREAM_REFUSED_STREAM"): void;
}

/** A connection without a socket: requests on it are answered by the test. */
export class FakeConnection implements HttpClientConnection {
  readonly protocol: "HTTP/1.1" | "HTTP/2";
  readonly info: ConnectionInfo;
  onChange: (() => void) | null = null;
  active = 0;
  state: "open" | "draining" | "closed" = "open";
  readonly #limit: number;
  readonly #upstream: FakeUpstream;
  readonly #failures = new Set<(error: unknown) => void>();

  constructor(protocol: "HTTP/1.1" | "HTTP/2", info: ConnectionInfo, upstream: FakeUpstream, limit: number) {
    this.protocol = protocol;
    this.info = info;
    this.#upstream = upstream;
    this.#limit = limit;
  }

  get available(): number {
    return this.state === "open" ? this.#limit - this.active : 0;
  }

  send(request: HttpRequest, exchange: Exchange): Promise<HttpResponse> {
    if (this.available <= 0) return Promise.reject(new Error("The pool sent on a connection that is not free"));
    this.active++;
    exchange.connection = this.info;
    exchange.requestStarted = true;
    return new Promise((resolve, reject) => {
      const end = (error: unknown) => {
        if (!this.#failures.delete(fail)) return;
        this.active--;
        exchange.complete(error);
        if (this.state === "draining" && this.active === 0) this.state = "closed";
        this.onChange?.();
      };
      const fail = (error: unknown) => {
        reject(error);
        end(error);
      };
      this.#failures.add(fail);
      exchange.onCancel(fail);
      this.#upstream.receive({
        request,
        exchange,
        connection: this,
        answer: (status = 200, headers = [], body = "") => {
          resolve({
            status,
            headers: new HeaderList([...headers]),
            body: body === "" ? null : new BytesBody(new TextEncoder().encode(body)),
          });
          end(null);
        },
        head: (status) => resolve({ status, headers: new HeaderList(), body: null }),
        stream: (status, body) => resolve({ status, headers: new HeaderList(), body }),
        fail: (code) => fail(new MeshError(code, "The fake server failed")),
      });
    });
  }

  drain(): void {
    if (this.state !== "open") return;
    this.state = this.active === 0 ? "closed" : "draining";
    this.onChange?.();
  }

  close(): void {
    this.state = "closed";
    for (const fail of [...this.#failures]) fail(new MeshError("UPSTREAM_CONNECTION_TERMINATION", "Closed"));
    this.onChange?.();
  }
}

/** What a fake network and a fake configuration hold. */
export interface FakeUpstreamOptions {
  clusters?: Cluster[];
  assignments?: ClusterLoadAssignment[];
  /** Streams of an HTTP/2 connection. @default {100} */
  streams?: number;
  random?: Random;
}

/** A network, servers and a configuration, all in memory. */
export class FakeUpstream implements SnapshotSource {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly manager: ClusterManager;
  readonly targets: ConnectTarget[] = [];
  readonly connections: FakeConnection[] = [];
  /** Requests not yet answered, oldest first. */
  readonly received: Received[] = [];
  /** Answers each request at once where set. */
  onRequest: ((received: Received) => void) | null = null;
  /** Addresses that refuse connections. */
  readonly refusing = new Set<string>();
  /** Connections wait for this where set. */
  gate: Promise<void> | null = null;
  /** What names resolve to, now or later; others fail. */
  readonly names = new Map<string, DnsAnswer | Promise<DnsAnswer>>();
  lookups = 0;
  /** Names of clusters that were asked of the configuration: a real one reads them then. */
  readonly read: string[] = [];
  readonly certificates = new Map<string, TlsCertificate>();
  readonly bundles = new Map<string, TrustBundle>();
  readonly #clusters = new Map<string, Cluster>();
  readonly #assignments = new Map<string, ClusterLoadAssignment>();
  readonly #listeners = new Set<(snapshot: Snapshot, change: SnapshotChange) => void>();
  #ids = 0;

  constructor(options: FakeUpstreamOptions = {}) {
    this.random = options.random ?? seededRandom(1);
    for (const cluster of options.clusters ?? []) this.#clusters.set(cluster.name, cluster);
    for (const assignment of options.assignments ?? []) this.#assignments.set(assignment.clusterName, assignment);
    const streams = options.streams ?? 100;
    this.manager = new ClusterManager({
      source: this,
      secrets: {
        certificate: (name) => this.certificates.get(name) ?? null,
        trustBundle: (name) => this.bundles.get(name) ?? null,
        subscribe: () => () => {},
      },
      connector: { connect: (target) => this.#connect(target) },
      streamTls: { start: () => Promise.reject(new Error("No TLS in a fake stream")) },
      codecs: {
        http1: (stream) => this.#speak("HTTP/1.1", stream, 1),
        http2: (stream) => this.#speak("HTTP/2", stream, streams),
      },
      resolve: (hostname) => {
        this.lookups++;
        const answer = this.names.get(hostname);
        return answer === undefined ? Promise.reject(new Error("No such name")) : Promise.resolve(answer);
      },
      clock: this.clock,
      random: this.random,
      logger: silentLogger,
    });
  }

  receive(received: Received): void {
    if (this.onRequest !== null) return this.onRequest(received);
    this.received.push(received);
  }

  /** The oldest unanswered request, once it is there. */
  async next(): Promise<Received> {
    for (let turns = 0; turns < 100 && this.received.length === 0; turns++) await turn();
    const received = this.received.shift();
    if (received === undefined) throw new Error("No request arrived");
    return received;
  }

  /** Puts new resources in place and tells the cluster manager. */
  push(change: { clusters?: Cluster[]; removed?: string[]; assignments?: ClusterLoadAssignment[] }): void {
    for (const cluster of change.clusters ?? []) this.#clusters.set(cluster.name, cluster);
    for (const name of change.removed ?? []) this.#clusters.delete(name);
    for (const assignment of change.assignments ?? []) this.#assignments.set(assignment.clusterName, assignment);
    const none: ReadonlySet<string> = new Set();
    for (const listener of this.#listeners) {
      listener(this.current, {
        clusters: new Set([...(change.clusters ?? []).map(({ name }) => name), ...(change.removed ?? [])]),
        endpoints: new Set((change.assignments ?? []).map(({ clusterName }) => clusterName)),
        listeners: none,
        routes: none,
        extensions: none,
        nameTable: false,
      });
    }
  }

  get current(): Snapshot {
    return {
      version: 1,
      cluster: (name) => {
        this.read.push(name);
        return this.#clusters.get(name) ?? null;
      },
      endpoints: (name) => this.#assignments.get(name) ?? null,
      listener: () => null,
      extension: () => null,
      route: () => null,
      nameTable: { lookup: () => null, names: () => [] },
      outboundListener: () => null,
      virtualOutbound: null,
      virtualInbound: null,
      clusterNames: [...this.#clusters.keys()],
      listenerNames: [],
      routeNames: [],
    };
  }

  subscribe(listener: (snapshot: Snapshot, change: SnapshotChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #connect(target: ConnectTarget): Promise<ByteStream> {
    this.targets.push(target);
    await this.gate;
    const address = formatAddress(target.address);
    if (this.refusing.has(address)) {
      target.onTransportFailure?.({
        kind: "connect",
        reason: "connect ECONNREFUSED 10.0.0.1:8080",
        address: target.address,
      });
      throw new MeshError("UPSTREAM_CONNECTION_FAILURE", `Cannot connect to '${address}': Connection refused`);
    }
    const info: ConnectionInfo = {
      id: ++this.#ids,
      local: { hostname: "127.0.0.1", port: 40_000 + this.#ids },
      remote: target.address,
      tls: target.tls === null ? null : {
        alpn: target.tls.alpn[0] ?? null,
        sni: target.tls.sni,
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        peer: null,
        localPrincipal: null,
      },
    };
    return { info } as ByteStream;
  }

  #speak(protocol: "HTTP/1.1" | "HTTP/2", stream: ByteStream, limit: number): FakeConnection {
    const connection = new FakeConnection(protocol, stream.info, this, limit);
    this.connections.push(connection);
    return connection;
  }
}

/** A request with what tests care about. */
export function request(overrides: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: "GET",
    scheme: "http",
    authority: "backend.default",
    path: "/",
    headers: new HeaderList(),
    body: null,
    protocol: "HTTP/1.1",
    ...overrides,
  };
}

/** Lets everything that can happen without time passing happen. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
