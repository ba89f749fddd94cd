import { Buffer } from "node:buffer";
import type * as Grpc from "@grpc/grpc-js";
import type { Body } from "../http/body.ts";
import { Call } from "../http/call.ts";
import { Exchange } from "../http/exchange.ts";
import { HeaderList } from "../http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { FetchUrl } from "../http/web/fetch_url.ts";
import { Backoff } from "../internal/backoff.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import type { Random } from "../internal/random.ts";
import { formatAddress } from "../internal/socket_address.ts";
import { callCredentialsHeaders } from "./call_credentials.ts";
import { type CallEnd, endOfError, endOfHttp, endOfTrailers } from "./call_end.ts";
import type { ChannelSettings } from "./channel_options.ts";
import type { GrpcTransport } from "./client_transport.ts";
import { GrpcMessageReader } from "./framing.ts";
import { GrpcStatusError } from "./grpc_status_error.ts";
import { formatGrpcTimeout } from "./grpc_timeout.ts";
import { gunzip } from "./gunzip.ts";
import { gzip } from "./gzip.ts";
import type { ReceivedMetadata } from "./received_metadata.ts";
import { RequestContent } from "./request_content.ts";
import { appendMetadata } from "./metadata_headers.ts";
import { GrpcStatus } from "./status.ts";

/** The call object of grpc-js 1.14. */
export type GrpcJsCall = ReturnType<Grpc.ChannelInterface["createCall"]>;
type Listener = Parameters<GrpcJsCall["start"]>[1];
type MessageContext = Parameters<GrpcJsCall["sendMessageWithContext"]>[0];

/** What the calls of a channel share. */
export interface CallContext {
  readonly url: FetchUrl;
  readonly settings: ChannelSettings;
  readonly transport: GrpcTransport;
  /** Its timers are many and cheap: a timer wheel. */
  readonly clock: Clock;
  readonly random: Random;
  readonly received: ReceivedMetadata;
  /** Calls that wait before they are sent, by what ends them: closing the channel does. */
  readonly waiting: Set<(details: string) => void>;
}

/** What one call was made with. */
export interface CallTerms {
  readonly path: string;
  readonly number: number;
  readonly authority: string;
  /** Milliseconds since the Unix epoch; `Infinity` for none. */
  readonly deadline: number;
}

/** Write flag of grpc-js: send this message as it is. */
const NO_COMPRESS = 2;
/** Flags of the mesh's own answers that say a call has reached no server. */
const NEVER_REACHED = ["NR", "NC", "UH", "UF", "DF"];
/** Istio's route for hosts that it does not know, where only those it knows are let through. */
const UNKNOWN_HOST = "block_all";

/**
 * One call of a stub.
 *
 * States: `created` -> `starting` (its head is being put together; what is sent in the same turn leaves with it) ->
 * `sent` (again after each `paused`, while the mesh has no server for a call that waits for one) -> `receiving` ->
 * `ended`. Whatever happens, the listener gets one status; nothing is called from within a method of the call itself.
 */
export class GrpcClientCall implements GrpcJsCall {
  readonly #context: CallContext;
  readonly #terms: CallTerms;
  readonly #content: RequestContent = new RequestContent();
  readonly #deadlineTimer: Timer | null;
  readonly #startedAt: number;
  #state: "created" | "starting" | "sent" | "paused" | "receiving" | "ended" = "created";
  #listener: Listener | null = null;
  #metadata: Grpc.Metadata | null = null;
  #fields: string[] = [];
  #waitForReady = false;
  #credentials: Grpc.CallCredentials | null = null;
  #secretive = false;
  /** Messages being packed; what is sent or closed meanwhile queues behind them. */
  #packing: Promise<void> | null = null;
  #backoff: Backoff | null = null;
  #call: Call | null = null;
  #reader: GrpcMessageReader | null = null;
  #body: Body | null = null;
  #readsAsked = 0;
  #message: Uint8Array | null = null;
  #advancing = false;
  /** Ends a wait of the call before it is sent. */
  #stopWaiting: (() => void) | null = null;
  /** How it ended, for a listener that comes later. */
  #ended: CallEnd | null = null;
  #told = false;
  #onEnd: (() => void) | null = null;

  /**
   * @param context What the calls of the channel share.
   * @param terms What this one was made with.
   */
  constructor(context: CallContext, terms: CallTerms) {
    this.#context = context;
    this.#terms = terms;
    this.#startedAt = context.clock.now();
    this.#deadlineTimer = terms.deadline === Infinity
      ? null
      : context.clock.timer(terms.deadline - this.#startedAt, () => this.#expire());
  }

  /** Calls `listener` when the call has ended, however it does. There is one such listener. */
  set onEnd(listener: () => void) {
    this.#onEnd = listener;
  }

  setCredentials(credentials: Grpc.CallCredentials): void {
    this.#credentials = this.#credentials?.compose(credentials) ?? credentials;
  }

  start(metadata: Grpc.Metadata, listener: Listener): void {
    this.#listener = listener;
    this.#metadata = metadata;
    if (this.#ended !== null) return this.#tellSoon(this.#ended);
    this.#state = "starting";
    appendMetadata(this.#fields, metadata);
    this.#waitForReady = metadata.getOptions().waitForReady === true;
    if (this.#credentials === null) queueMicrotask(this.#dispatch);
    else this.#authorize(this.#credentials);
  }

  sendMessageWithContext(context: MessageContext, message: Buffer): void {
    const { callback, flags = 0 } = context;
    const { settings } = this.#context;
    if (this.#state === "ended") return void queueMicrotask(() => callback?.());
    if (message.length > settings.maxSendBytes) {
      const details = `Cannot send a message of ${message.length} bytes: the channel's limit is ` +
        `${settings.maxSendBytes} (grpc.max_send_message_length)`;
      queueMicrotask(() => callback?.());
      return this.cancelWithStatus(GrpcStatus.RESOURCE_EXHAUSTED, details);
    }
    const packed = settings.gzip && (flags & NO_COMPRESS) === 0 ? gzip(message) : null;
    if (this.#packing === null && !(packed instanceof Promise)) {
      return this.#content.write(packed ?? message, packed !== null, callback);
    }
    this.#afterPacking(async () => {
      this.#content.write(await packed ?? message, packed !== null, callback);
    });
  }

  halfClose(): void {
    if (this.#packing === null) this.#content.close();
    else this.#afterPacking(() => this.#content.close());
  }

  startRead(): void {
    this.#readsAsked++;
    // Not from within: a listener that is not yet back from `startRead` does not expect a message.
    if (this.#message !== null && !this.#advancing) queueMicrotask(this.#advance);
  }

  cancelWithStatus(status: Grpc.status, details: string): void {
    this.#end({ code: status, details, fields: [] }, true);
  }

  /** Where the call went, `ip:port`; before that where it is meant to go. */
  getPeer(): string {
    const remote = this.#call?.upstream?.remote;
    return remote === undefined ? this.#terms.authority : formatAddress(remote);
  }

  getCallNumber(): number {
    return this.#terms.number;
  }

  /** `ssl` on a connection with TLS; `null` before there is one. */
  getAuthContext(): ReturnType<GrpcJsCall["getAuthContext"]> {
    const connection = this.#call?.upstream ?? null;
    if (connection === null) return null;
    return connection.tls === null ? {} : { transportSecurityType: "ssl" };
  }

  /** Adds what call credentials say; they leave on mutual TLS only. */
  #authorize(credentials: Grpc.CallCredentials): void {
    const { path, authority } = this.#terms;
    this.#wait(() => {});
    callCredentialsHeaders(credentials, path, authority).then((fields) => {
      this.#stopWaiting?.();
      this.#secretive = fields.length > 0;
      this.#fields.push(...fields);
      const values = this.#fields.filter((name, i) => i % 2 === 0 && name === "authorization");
      if (values.length < 2) return this.#dispatch();
      const details = "'authorization' is given twice: by the metadata and by the call credentials";
      this.#end({ code: GrpcStatus.INTERNAL, details, fields: [] });
    }, (error) => this.#end(endOfError(error)));
  }

  readonly #dispatch = (): void => {
    if (this.#state !== "starting" && this.#state !== "paused") return;
    if (this.#packing !== null) return void this.#packing.then(this.#dispatch);
    const context = this.#context;
    const terms = this.#terms;
    const { settings } = context;
    const now = context.clock.now();
    if (terms.deadline <= now) return this.#expire();
    this.#state = "sent";
    // What all calls have in common first: the header compression of the connection remembers it.
    const pairs = ["content-type", "application/grpc", "te", "trailers", "user-agent", settings.userAgent];
    pairs.push("grpc-accept-encoding", "identity,gzip");
    if (settings.gzip) pairs.push("grpc-encoding", "gzip");
    for (const part of this.#fields) pairs.push(part);
    if (terms.deadline !== Infinity) pairs.push("grpc-timeout", formatGrpcTimeout(terms.deadline - now));
    const request: HttpRequest = {
      method: "POST",
      scheme: "http",
      authority: terms.authority,
      path: terms.path,
      headers: new HeaderList(pairs),
      body: this.#content.body(),
      protocol: "HTTP/2",
    };
    const exchange = new Exchange();
    const call = new Call({ direction: "outbound", startTime: now, request, exchange, downstream: null });
    call.requiresMutualTls = this.#secretive;
    this.#call = call;
    context.transport.send(context.url, request, call).then(this.#onResponse, this.#onFailure);
  };

  readonly #onResponse = (response: HttpResponse): void => {
    const { headers, body } = response;
    if (this.#state !== "sent") return body?.cancel();
    if (this.#waitForReady && neverReached(this.#call!)) {
      body?.cancel();
      return this.#pause();
    }
    // A response of nothing but a head has its trailers there.
    const empty = body === null || body.whole()?.length === 0 && body.trailers === null;
    if (empty && headers.has("grpc-status")) return this.#answered(headers);
    const type = headers.get("content-type") ?? "application/grpc";
    if (response.status !== 200 || !type.startsWith("application/grpc")) {
      this.#state = "receiving";
      return void endOfHttp(response).then((end) => this.#end(this.#inTime(end)));
    }
    if (body === null) return this.#answered(headers);
    this.#state = "receiving";
    const packed = headers.get("grpc-encoding") === "gzip";
    this.#body = body;
    this.#reader = new GrpcMessageReader(body, {
      maxBytes: this.#context.settings.maxReceiveBytes,
      ...(packed ? { decompress: gunzip } : {}),
    });
    this.#listener!.onReceiveMetadata(this.#received(headers.pairs));
    this.#advance();
  };

  readonly #onFailure = (error: unknown): void => {
    if (this.#state === "sent") this.#end(this.#inTime(endOfError(error)));
  };

  /** Hands out one message for each read asked for, and looks one ahead: the end must show without being asked for. */
  readonly #advance = (): void => {
    if (this.#advancing || this.#state !== "receiving" || this.#reader === null) return;
    const reader = this.#reader;
    this.#advancing = true;
    try {
      while (this.#isReceiving()) {
        if (this.#message === null) {
          const message = reader.nextNow();
          if (message === null) return this.#answered(this.#body!.trailers);
          if (message === undefined) return void reader.next().then(this.#onMessage, this.#onBroken);
          this.#message = message;
        }
        if (this.#readsAsked === 0) break;
        this.#readsAsked--;
        this.#deliver(this.#message);
      }
      this.#advancing = false;
    } catch (error) {
      // The listener's own failure is its own; the call goes on.
      this.#advancing = false;
      throw error;
    }
  };

  readonly #onMessage = (message: Uint8Array | null): void => {
    this.#advancing = false;
    if (this.#state !== "receiving") return;
    if (message === null) return this.#answered(this.#body!.trailers);
    this.#message = message;
    this.#advance();
  };

  readonly #onBroken = (error: unknown): void => {
    this.#advancing = false;
    if (this.#state === "receiving") this.#end(this.#inTime(endOfError(error)), true);
  };

  #deliver(message: Uint8Array): void {
    this.#message = null;
    this.#listener!.onReceiveMessage(
      Buffer.isBuffer(message) ? message : Buffer.from(message.buffer, message.byteOffset, message.length),
    );
  }

  /** Whether it is still so behind a call of the listener. */
  #isReceiving(): boolean {
    return this.#state === "receiving";
  }

  /** Waits for the mesh to have a server. */
  #pause(): void {
    const { clock, random, settings } = this.#context;
    this.#state = "paused";
    const { initialBackoffMs: initialMs, maxBackoffMs: maxMs } = settings;
    this.#backoff ??= new Backoff({ initialMs, maxMs, multiplier: 1.6, jitter: 0.4, random });
    const timer = clock.timer(this.#backoff.next(), () => {
      this.#stopWaiting?.();
      this.#dispatch();
    });
    this.#wait(() => timer.cancel());
  }

  /** While the call waits before it is sent it ends with the channel and with the mesh. */
  #wait(release: () => void): void {
    const { waiting, transport } = this.#context;
    const stop = (details: string) => this.#end({ code: GrpcStatus.UNAVAILABLE, details, fields: [] }, true);
    const unsubscribe = transport.onClose(() => stop("Cannot finish the call: the mesh was closed"));
    waiting.add(stop);
    this.#stopWaiting = () => {
      this.#stopWaiting = null;
      waiting.delete(stop);
      unsubscribe();
      release();
    };
  }

  #afterPacking(act: () => void | Promise<void>): void {
    const packing: Promise<void> = (this.#packing ?? Promise.resolve()).then(act).catch((error) => {
      this.#end(endOfError(error), true);
    }).then(() => {
      if (this.#packing === packing) this.#packing = null;
    });
    this.#packing = packing;
  }

  #expire(): void {
    this.#end(this.#expired());
  }

  #expired(): CallEnd {
    const seconds = ((this.#context.clock.now() - this.#startedAt) / 1000).toFixed(3);
    const where = this.#state === "paused" ? ", while the mesh had no server for it" : "";
    return {
      code: GrpcStatus.DEADLINE_EXCEEDED,
      details: `Deadline exceeded after ${seconds}s${where}`,
      fields: [],
    };
  }

  /**
   * The end from outside, unless it is what others make of a deadline that has passed: timers of the mesh are coarse,
   * so a server or a proxy that keeps the same deadline may give the call up before ours fires.
   */
  #inTime(end: CallEnd): CallEnd {
    const { code } = end;
    if (code !== GrpcStatus.UNAVAILABLE && code !== GrpcStatus.CANCELLED) return end;
    return this.#terms.deadline <= this.#context.clock.now() ? this.#expired() : end;
  }

  /** The server has said how the call ended: no reset is due, its client just has nothing more to say. */
  #answered(trailers: HeaderList | null): void {
    this.#content.close();
    this.#end(this.#inTime(endOfTrailers(trailers)), false, true);
  }

  /**
   * Ends the call.
   *
   * @param later Whether the listener is told in a later turn, the caller being in the midst of something.
   * @param answered Whether the stream is over on the other side.
   */
  #end(end: CallEnd, later = false, answered = false): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#ended = end;
    this.#deadlineTimer?.cancel();
    this.#stopWaiting?.();
    this.#message = null;
    if (!answered) {
      // The stream is reset first: content given up before would look like its end.
      this.#call?.exchange.cancel(new GrpcStatusError(end.code, end.details));
      this.#reader?.cancel();
    }
    this.#content.abandon();
    this.#onEnd?.();
    if (later) this.#tellSoon(end);
    else this.#tell(end);
  }

  #tellSoon(end: CallEnd): void {
    queueMicrotask(() => this.#tell(end));
  }

  #tell({ code, details, fields }: CallEnd): void {
    if (this.#listener === null || this.#told) return;
    this.#told = true;
    this.#listener.onReceiveStatus({ code, details, metadata: this.#received(fields) });
  }

  #received(fields: readonly string[]): Grpc.Metadata {
    return this.#context.received.create(this.#metadata!, fields);
  }
}

function neverReached(call: Call): boolean {
  return NEVER_REACHED.some((flag) => call.hasFlag(flag)) || call.chosen?.virtualHost.name === UNKNOWN_HOST;
}
