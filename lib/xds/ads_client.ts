import type { Metadata } from "@grpc/grpc-js";
import { MeshError, type MeshErrorCode } from "../errors.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import { formatAddress, type SocketAddress } from "../internal/socket_address.ts";
import type { EnvoyConfigCoreV3Node } from "../protobuf/gen/messages.ts";
import type { Connector } from "../transport/connector.ts";
import type { HandleRegistry } from "../transport/handle_registry.ts";
import { matchHostname } from "../transport/peer_rules.ts";
import type { ClientTls } from "../transport/tls_options.ts";
import type { TransportFailure } from "../transport/transport_failure.ts";
import { type ControlChannelTls, type GrpcLibrary, openControlChannel } from "../grpc/control_channel.ts";
import type { AdsStatus } from "./ads_status.ts";
import { AdsStream } from "./ads_stream.ts";
import type { Ticket } from "./discovery_machine.ts";
import { OutageLog } from "./outage_log.ts";
import { ReconnectPolicy } from "./reconnect.ts";
import type { ResourceError, ResourceSink, SubscriptionSource } from "./resource_sink.ts";
import { type StreamEnd, type StreamFailure, streamFailure } from "./stream_failure.ts";
import { createSession, type WireSession, type XdsProtocol } from "./wire_session.ts";

/** How to prove to istiod who we are, and how it proves who it is, as of now. */
export interface AdsSecurity {
  /** `null` speaks plaintext: only where the user has configured it (port 15010). */
  readonly tls: ControlChannelTls | null;
  /** Bearer token; `null` where the certificate suffices. Sent on verified TLS only. */
  readonly token: string | null;
}

/** Settings of {@linkcode AdsClient}. */
export interface AdsClientOptions {
  /** @default {"delta"} */
  readonly protocol?: XdsProtocol;
  readonly address: SocketAddress;
  /** Asked before every stream, so that a renewed certificate, token or root counts from the next stream on. */
  readonly security: () => AdsSecurity | Promise<AdsSecurity>;
  /** The node, given the local address of a connection to istiod; asked before every stream. */
  readonly node: (localAddress: string) => EnvoyConfigCoreV3Node;
  /** Additional request metadata (`clusterid`, `XDS_HEADER_*`), lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly sink: ResourceSink;
  readonly source: SubscriptionSource;
  readonly connector: Connector;
  readonly registry: HandleRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Called after each change of the status. */
  readonly onStatus?: (status: AdsStatus) => void;
  /**
   * Milliseconds until a try to connect is given up; pilot-agent's value.
   * @default {5000}
   */
  readonly connectTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5000;
/** Characters of a token that fit into a header. The library would quote a token with others in its error. */
const TOKEN = /^[\x21-\x7e]+$/;
/** Errors on the way to a stream that no further try will mend. */
const PERMANENT: ReadonlySet<MeshErrorCode> = new Set([
  "CONFIG_INVALID",
  "IDENTITY_REJECTED",
  "PERMISSION_MISSING",
]);
const UNAVAILABLE = 14;
const CANCELLED: StreamEnd = { code: 1, details: "cancelled" };

/** Errors of one update that are written out in the log; istiod is told all of them. */
const MAX_LOGGED_ERRORS = 20;

/**
 * Keeps an aggregated discovery stream to istiod open and the {@linkcode ResourceSink} up to date.
 *
 * CLOSED -`start`-> CONNECTING -(first response)-> CONNECTED -(stream ends)-> CONNECTING; CONNECTING -(failure)->
 * WAITING -(back-off)-> CONNECTING; any -`close`-> CLOSED. Nothing but `close` stops it, and nothing it meets on the
 * way changes what the sink holds.
 */
export class AdsClient {
  readonly #options: AdsClientOptions;
  readonly #session: WireSession;
  readonly #reconnect: ReconnectPolicy;
  readonly #outage: OutageLog;
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #stream: AdsStream | null = null;
  #waiting: { timer: Timer; wake: () => void } | null = null;
  #status: AdsStatus = { state: "closed" };
  #localAddress: string | null = null;
  #answeredAt: number | null = null;
  #applying = false;
  /** Settles once an update that takes several turns is applied: two streams must not apply at once. */
  #slowUpdate: Promise<void> = Promise.resolve();

  /** @param options Where to connect to, who we are, and where resources go. */
  constructor(options: AdsClientOptions) {
    this.#options = options;
    this.#session = createSession(options.protocol ?? "delta", options.source);
    this.#reconnect = new ReconnectPolicy(options.random);
    this.#outage = new OutageLog(options.logger, options.clock, formatAddress(options.address));
  }

  /** What the client is doing now. */
  get status(): AdsStatus {
    return this.#status;
  }

  /** The local address of the last connection to istiod; `null` before the first. */
  get localAddress(): string | null {
    return this.#localAddress;
  }

  /** Starts; does nothing when started or closed. */
  start(): void {
    if (this.#running !== null || this.#closing.signal.aborted) return;
    const unsubscribe = this.#options.source.subscribe(() => this.#onWantedChanged());
    this.#running = this.#run().finally(unsubscribe);
  }

  /** Ends the stream; resolves when nothing is open any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#stream?.cancel(CANCELLED);
    this.#waiting?.timer.cancel();
    this.#waiting?.wake();
    await this.#running;
    this.#report({ state: "closed" });
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#report({ state: "connecting" });
      this.#answeredAt = null;
      const failure = await this.#attempt().catch((error) => rejected(this.#options.address, error));
      if (this.#closed) return;
      // A refusal counts as one even after an answer: istiod ends a stream when it dislikes a later request.
      const answeredForMs = failure.permanent || this.#answeredAt === null
        ? null
        : this.#options.clock.monotonic() - this.#answeredAt;
      const retryInMs = this.#reconnect.ended(answeredForMs);
      if (retryInMs === 0) {
        this.#options.logger.log("debug", "The stream to istiod has ended and is opened again");
        continue;
      }
      this.#outage.failed(failure);
      this.#report({ state: "waiting", ...failure, retryInMs });
      await this.#wait(retryInMs);
    }
  }

  /** One stream from its beginning to its end; resolves with the reason of the end. */
  async #attempt(): Promise<StreamFailure> {
    const { address, clock, registry } = this.#options;
    const connectTimeoutMs = this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const { tls, token } = await this.#options.security();
    const refused = await this.#probe(tls, connectTimeoutMs);
    if (refused !== null) return streamFailure(address, refused);
    const channel = await openControlChannel({ ...address, tls, registry });
    try {
      if (this.#closed) return streamFailure(address, CANCELLED);
      this.#stream = new AdsStream({
        channel,
        path: this.#session.path,
        metadata: this.#metadata(channel.grpc, tls === null ? null : token),
        clock,
        connectTimeoutMs,
        onMessage: (bytes) => this.#onMessage(bytes),
      });
      this.#stream.send(this.#session.opened(this.#options.node(this.#localAddress ?? "")));
      return streamFailure(address, await this.#stream.ended);
    } finally {
      this.#session.closed();
      this.#stream?.cancel(CANCELLED);
      this.#stream = null;
      await channel.close();
      await this.#slowUpdate;
    }
  }

  /**
   * Connects once, verifies istiod and hangs up. The gRPC library would also accept a server that only the public roots
   * vouch for, holds a connection to a silent server for ever, and cannot say why it refuses one. It also shows the
   * local address.
   */
  async #probe(tls: ControlChannelTls | null, connectTimeoutMs: number): Promise<StreamEnd | null> {
    const { connector, address } = this.#options;
    let failed: TransportFailure | null = null;
    try {
      const stream = await connector.connect({
        address,
        tls: tls === null ? null : probeTls(tls),
        connectTimeoutMs,
        signal: this.#closing.signal,
        onTransportFailure: (failure) => void (failed = failure),
      });
      this.#localAddress = stream.info.local.hostname;
      stream.destroy();
      return null;
    } catch (error) {
      if (this.#closed) return CANCELLED;
      const failure = failed as TransportFailure | null;
      if (failure === null || error instanceof MeshError && error.code === "PERMISSION_MISSING") throw error;
      return { code: UNAVAILABLE, details: failure.reason, transport: failure.kind };
    }
  }

  #metadata(grpc: GrpcLibrary, token: string | null): Metadata {
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(this.#options.headers)) metadata.set(name, value);
    if (token !== null) {
      if (!TOKEN.test(token)) {
        throw new MeshError(
          "CONFIG_INVALID",
          "Cannot send the token: it is empty or holds spaces or control characters",
        );
      }
      metadata.set("authorization", `Bearer ${token}`);
    }
    return metadata;
  }

  /** Takes in a response; where it takes several turns of the event loop, the stream waits for that. */
  #onMessage(bytes: Uint8Array): void | Promise<void> {
    const received = this.#session.received(bytes);
    if (this.#answeredAt === null) {
      this.#answeredAt = this.#options.clock.monotonic();
      this.#reconnect.answered();
      this.#outage.over();
      this.#report({ state: "connected" });
    }
    if (received.kind === "ignored") {
      this.#options.logger.log("warning", `Ignored a response of istiod: ${received.reason}`);
      return;
    }
    const { ticket, update } = received;
    this.#applying = true;
    const outcome = this.#apply(ticket.typeUrl, update);
    if (!(outcome instanceof Promise)) return this.#applied(ticket, received.errors, outcome);
    this.#slowUpdate = outcome.catch(faultOfOurs).then((errors) => this.#applied(ticket, received.errors, errors));
    return this.#slowUpdate;
  }

  #apply(...update: Parameters<ResourceSink["apply"]>): ReturnType<ResourceSink["apply"]> {
    try {
      return this.#options.sink.apply(...update);
    } catch (error) {
      return faultOfOurs(error);
    }
  }

  #applied(ticket: Ticket, unread: readonly ResourceError[], refused: readonly ResourceError[]): void {
    const errors = [...unread, ...refused];
    this.#applying = false;
    if (errors.length > 0) this.#logRefused(ticket.typeUrl, errors);
    // An answer to a stream that has ended meanwhile is none: the machine knows which stream is which.
    const requests = this.#session.applied(ticket, errors);
    this.#stream?.send(requests);
  }

  #logRefused(typeUrl: string, errors: readonly ResourceError[]): void {
    const shown = errors.slice(0, MAX_LOGGED_ERRORS).map(({ name, message }) => `'${name}': ${message}`);
    const more = errors.length - shown.length;
    this.#options.logger.log(
      "warning",
      `Refused part of a configuration update: ${shown.join("; ")}${more > 0 ? `; and '${more}' more` : ""}`,
      { typeUrl, errors: errors.length },
    );
  }

  #onWantedChanged(): void {
    // What an update makes wanted is requested after its acknowledgement, by `applied`.
    if (!this.#applying) this.#stream?.send(this.#session.changed());
  }

  #wait(ms: number): Promise<void> {
    return new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiting = null;
        resolve();
      };
      // Ref: a program that awaits `Mesh.join` has nothing else that keeps it alive.
      this.#waiting = { timer: this.#options.clock.timer(ms, wake, { ref: true }), wake };
    });
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  #report(status: AdsStatus): void {
    if (this.#status.state === status.state && status.state !== "waiting") return;
    this.#status = status;
    this.#options.onStatus?.(status);
  }
}

/** A fault of ours in one update must neither end the stream nor be taken for an ACK. */
function faultOfOurs(error: unknown): readonly ResourceError[] {
  return [{ name: "*", message: `Cannot apply the update: ${error instanceof Error ? error.message : error}` }];
}

function probeTls(tls: ControlChannelTls): ClientTls {
  return {
    certificate: null,
    trust: tls.roots === null ? "system" : { roots: [tls.roots], version: 0 },
    acceptSans: matchHostname(tls.serverName),
    alpn: ["h2"],
    sni: tls.serverName,
  };
}

/** What a rejection on the way to a stream means. */
function rejected(address: SocketAddress, error: unknown): StreamFailure {
  if (error instanceof MeshError) return { error, permanent: PERMANENT.has(error.code) };
  return streamFailure(address, { code: UNAVAILABLE, details: error instanceof Error ? error.message : String(error) });
}
