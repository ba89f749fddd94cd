import { gzipSync } from "node:zlib";
import { BytesBody } from "../http/body.ts";
import type { Exchange } from "../http/exchange.ts";
import { HeaderList } from "../http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import { frameMessage, GrpcMessageReader } from "./framing.ts";
import { encodeGrpcMessage } from "./grpc_message.ts";
import { GrpcStatusError } from "./grpc_status_error.ts";
import { parseGrpcTimeout } from "./grpc_timeout.ts";
import { gunzip } from "./gunzip.ts";
import { GrpcMessageWriter } from "./message_writer.ts";
import type { GrpcOutcome } from "./outcome.ts";
import { GrpcStatus } from "./status.ts";

/** What every call of a server shares. */
export interface GrpcServerCallOptions {
  /** The time, and the timers of deadlines. */
  readonly clock: Clock;
  readonly logger: Logger;
  /** The largest message a client may send, bytes. */
  readonly maxReceiveBytes: number;
  /** The largest message a handler may send, bytes. */
  readonly maxSendBytes: number;
  /** Whether messages are packed for clients that accept it. */
  readonly gzip: boolean;
}

/**
 * One call on a gRPC server: what came with it, and every way it can end.
 *
 * States: `waiting` (nothing sent) -> `started` (head sent) -> `over`; or `waiting` -> `over`. A call that is over
 * ignores whatever its handler still does.
 */
export class GrpcServerCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: HttpRequest;
  readonly exchange: Exchange;
  /** Value of `content-type`, of `grpc-encoding` and of `grpc-timeout`, where they were sent. */
  readonly contentType: string = "";
  readonly encoding: string = "identity";
  readonly timeout: string | null = null;
  readonly #options: GrpcServerCallOptions;
  readonly #resolve: (response: HttpResponse) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #packs: boolean;
  #state: "waiting" | "started" | "over" = "waiting";
  #deadline: number | null = null;
  #timer: Timer | null = null;
  #reader: GrpcMessageReader | null = null;
  #writer: GrpcMessageWriter | null = null;
  #responseMetadata: HeaderList | null = null;
  #trailers: HeaderList | null = null;
  #cancelled: unknown = undefined;
  #listeners: ((reason: unknown) => void)[] | null = null;
  #controller: AbortController | null = null;

  /**
   * @param request The request.
   * @param exchange The exchange it runs on.
   * @param options What calls share.
   * @param resolve Takes the response as soon as there is one.
   * @param reject Takes the reason where no one waits for a response any more.
   */
  constructor(
    request: HttpRequest,
    exchange: Exchange,
    options: GrpcServerCallOptions,
    resolve: (response: HttpResponse) => void,
    reject: (reason: unknown) => void,
  ) {
    this.path = request.path;
    this.request = request;
    this.exchange = exchange;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    let accepted = "";
    // One pass: each look-up of its own would walk the whole list.
    const { pairs } = request.headers;
    for (let i = 0; i < pairs.length; i += 2) {
      switch (pairs[i]) {
        case "content-type":
          this.contentType = pairs[i + 1]!;
          break;
        case "grpc-encoding":
          this.encoding = pairs[i + 1]!;
          break;
        case "grpc-timeout":
          this.timeout = pairs[i + 1]!;
          break;
        case "grpc-accept-encoding":
          accepted = pairs[i + 1]!;
      }
    }
    this.#packs = options.gzip && /(?:^|,)\s*gzip\s*(?:,|$)/.test(accepted);
  }

  /** What the client sent as metadata, and the other request headers. */
  get metadata(): HeaderList {
    return this.request.headers;
  }

  /** Metadata that leaves with the response head; of no use once that is sent. */
  get responseMetadata(): HeaderList {
    return this.#responseMetadata ??= new HeaderList();
  }

  /** Metadata that leaves with the status. */
  get trailers(): HeaderList {
    return this.#trailers ??= new HeaderList();
  }

  /** Milliseconds since the Unix epoch at which the client gives up, by `grpc-timeout`; `null` for never. */
  get deadline(): number | null {
    return this.#deadline;
  }

  /** The messages of the client. */
  get reader(): GrpcMessageReader {
    return this.#reader ??= new GrpcMessageReader(this.request.body, {
      maxBytes: this.#options.maxReceiveBytes,
      ...(this.encoding === "gzip" ? { decompress: gunzip } : {}),
    });
  }

  /** The SPIFFE id of the client, read from its verified certificate; `null` without one. */
  get principal(): string | null {
    return this.exchange.connection?.tls?.peer?.principal ?? null;
  }

  /** Whether the client has given up or its deadline has passed. */
  get cancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /** Whether nothing that the handler does can reach the client any more. */
  get over(): boolean {
    return this.#state === "over";
  }

  /** An `AbortSignal` that fires on cancellation and at the deadline; made on first use. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.cancelled) this.#controller.abort(this.#cancelled);
    }
    return this.#controller.signal;
  }

  /** Calls `listener` on cancellation and at the deadline, at once when that is past. */
  onCancel(listener: (reason: unknown) => void): void {
    if (this.cancelled) this.#tell(listener);
    else (this.#listeners ??= []).push(listener);
  }

  /** Begins: from now on the client's cancellation and its deadline end the call. The server calls it. */
  begin(): void {
    if (this.timeout !== null) {
      const ms = parseGrpcTimeout(this.timeout);
      if (ms === null) {
        return this.finish(
          new GrpcStatusError(GrpcStatus.INTERNAL, `Invalid grpc-timeout value "${this.timeout}"`),
        );
      }
      const { clock } = this.#options;
      this.#deadline = clock.now() + ms;
      this.#timer = clock.timer(ms, () => this.#expire());
    }
    this.exchange.onCancel((reason) => this.cancel(reason));
  }

  /** Ends the call because no one waits any more, and tells the handler. */
  cancel(reason: unknown): void {
    if (this.cancelled) return;
    this.#cancelled = reason ?? new GrpcStatusError(GrpcStatus.CANCELLED, "The client gave up");
    const waiting = this.#state === "waiting";
    this.#conclude();
    if (waiting) this.#reject(this.#cancelled);
    this.#controller?.abort(this.#cancelled);
    const listeners = this.#listeners;
    this.#listeners = null;
    if (listeners !== null) { for (const listener of listeners) this.#tell(listener); }
  }

  /**
   * Hands the one message of a request to `use`: at once where it has arrived. A request of none or several ends the
   * call.
   */
  receiveOne(use: (message: Uint8Array) => void): void {
    const message = this.reader.only();
    if (message !== null) use(message);
    else void this.#readOne(use);
  }

  /** Sends the response head now; the first message does it otherwise. */
  sendHeaders(): void {
    if (this.#state !== "waiting") return;
    this.#state = "started";
    this.#writer = new GrpcMessageWriter();
    this.#resolve({ status: 200, headers: this.#responseHeaders(), body: this.#writer.body });
  }

  /**
   * Sends a message. Resolves when there is room for the next one.
   * @throws The reason when the client has given up.
   */
  send(message: Uint8Array): Promise<void> {
    if (this.over) {
      return Promise.reject(this.cancelled ? this.#cancelled : new Error("Cannot send a message: the call is over"));
    }
    return this.post(message) ? Promise.resolve() : this.room();
  }

  /**
   * Sends a message; `false` asks to wait for {@linkcode GrpcServerCall.room}. One above the limit ends the call.
   *
   * @param message The message.
   * @param pack Whether it may be packed, where that was agreed on.
   */
  post(message: Uint8Array, pack = true): boolean {
    if (this.over || this.#tooLarge(message)) return true;
    this.sendHeaders();
    return this.#writer!.push(this.#frame(message, pack));
  }

  /** Resolves when there is room for another message. @throws The reason when the client has given up. */
  room(): Promise<void> {
    return this.#writer?.room() ?? Promise.resolve();
  }

  /** Ends the call well with one message. */
  reply(message: Uint8Array, pack = true): void {
    if (this.over || this.#tooLarge(message)) return;
    const framed = this.#frame(message, pack);
    const writer = this.#writer;
    this.#conclude();
    if (writer === null) {
      const body = new BytesBody(framed, this.#statusTrailers(null));
      this.#resolve({ status: 200, headers: this.#responseHeaders(), body });
    } else {
      writer.push(framed);
      writer.end(this.#statusTrailers(null));
    }
  }

  /** Ends the call, well (`null`) or not. */
  finish(outcome: GrpcOutcome | null = null): void {
    if (this.over) return;
    const writer = this.#writer;
    this.#conclude();
    if (writer !== null) return writer.end(this.#statusTrailers(outcome));
    const headers = this.#responseHeaders();
    headers.pairs.push(...this.#statusTrailers(outcome).pairs);
    this.#resolve({ status: 200, headers, body: null });
  }

  /**
   * Ends the call because of what its handler threw. A status is an answer; anything else is a fault of the handler,
   * which is logged unless no one waits any more: what went wrong inside is not the business of a stranger.
   *
   * @param error What was thrown.
   * @param details What the caller is told where that is no status.
   */
  fail(error: unknown, details = "Handler failed"): void {
    if (error instanceof GrpcStatusError) return this.finish(error);
    if (!this.over) {
      const reason = error instanceof Error ? error.stack ?? error.message : String(error);
      this.#options.logger.log("error", `Cannot answer gRPC call '${this.path}': its handler failed`, { reason });
    }
    this.finish({ status: GrpcStatus.UNKNOWN, details, metadata: null });
  }

  /** Answers with a bare HTTP response, for what is no gRPC request. */
  refuse(response: HttpResponse): void {
    this.#conclude();
    this.#resolve(response);
  }

  /** Takes back everything that could still happen. */
  #conclude(): void {
    this.#state = "over";
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#reader !== null) this.#reader.cancel();
    else this.request.body?.cancel();
  }

  #expire(): void {
    const error = new GrpcStatusError(GrpcStatus.DEADLINE_EXCEEDED, "Deadline exceeded");
    this.finish(error);
    this.cancel(error);
  }

  async #readOne(use: (message: Uint8Array) => void): Promise<void> {
    try {
      const message = await this.reader.next();
      if (message === null) throw cardinality(`Received no request message for method ${this.path}`);
      if (await this.reader.next() !== null) {
        throw cardinality(`Received a second request message for method ${this.path}`);
      }
      if (!this.over) use(message);
    } catch (error) {
      this.fail(error);
    }
  }

  /** A listener that throws is a fault of the handler, and no other's concern: not the connection's either. */
  #tell(listener: (reason: unknown) => void): void {
    try {
      listener(this.#cancelled);
    } catch (error) {
      const reason = error instanceof Error ? error.stack ?? error.message : String(error);
      this.#options.logger.log("error", `A handler of gRPC call '${this.path}' failed when it was cancelled`, {
        reason,
      });
    }
  }

  #tooLarge(message: Uint8Array): boolean {
    const { maxSendBytes } = this.#options;
    if (message.length <= maxSendBytes) return false;
    const details = `Sent message larger than max (${message.length} vs. ${maxSendBytes})`;
    this.finish({ status: GrpcStatus.RESOURCE_EXHAUSTED, details, metadata: null });
    return true;
  }

  #frame(message: Uint8Array, pack: boolean): Uint8Array {
    if (!pack || !this.#packs) return frameMessage(message);
    const packed = gzipSync(message);
    // What does not become smaller stays as it is: the flag is each message's own.
    return packed.length < message.length ? frameMessage(packed, true) : frameMessage(message);
  }

  #responseHeaders(): HeaderList {
    const pairs = ["content-type", "application/grpc"];
    if (this.#packs) pairs.push("grpc-encoding", "gzip", "grpc-accept-encoding", ACCEPTED_ENCODINGS);
    if (this.#responseMetadata !== null) pairs.push(...this.#responseMetadata.pairs);
    return new HeaderList(pairs);
  }

  #statusTrailers(outcome: GrpcOutcome | null): HeaderList {
    const pairs = ["grpc-status", outcome === null ? "0" : String(outcome.status)];
    if (outcome !== null && outcome.details !== "") pairs.push("grpc-message", encodeGrpcMessage(outcome.details));
    if (this.#trailers !== null) pairs.push(...this.#trailers.pairs);
    if (outcome !== null && outcome.metadata !== null) pairs.push(...outcome.metadata.pairs);
    return new HeaderList(pairs);
  }
}

/** Message encodings that are understood, as `grpc-accept-encoding` lists them. */
export const ACCEPTED_ENCODINGS = "identity,gzip";

function cardinality(details: string): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.UNIMPLEMENTED, details);
}
