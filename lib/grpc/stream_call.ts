import { Buffer } from "node:buffer";
import { Duplex, type DuplexOptions } from "node:stream";
import type { Metadata } from "@grpc/grpc-js";
import {
  authContext,
  GRPC_CALL,
  METRICS_RECORDER,
  peerAddress,
  peerOf,
  sendMetadata,
  type SurfaceContext,
} from "./call_surface.ts";
import { GrpcStatusError } from "./grpc_status_error.ts";
import { handlerOutcome } from "./handler_outcome.ts";
import { headersOfMetadata, metadataFromHeaders } from "./metadata_headers.ts";
import type { GrpcOutcome } from "./outcome.ts";
import type { GrpcServerCall } from "./server_call.ts";
import type { GrpcMethodDefinition } from "./service_definition.ts";
import { GrpcStatus } from "./status.ts";

/**
 * What a handler of a method with a stream is called with: grpc-js's `ServerReadableStream`, `ServerWritableStream` or
 * `ServerDuplexStream`, by which directions the method streams.
 *
 * The call ends by `end()`, by an `error` event, by `destroy()`, or (without a response stream) by the callback of the
 * handler. Once it is over, by whatever side, the stream is destroyed.
 */
export class StreamCall extends Duplex {
  readonly [GRPC_CALL]: GrpcServerCall;
  /** The request, where the client sends one message. */
  readonly request: unknown;
  readonly #context: SurfaceContext;
  readonly #method: GrpcMethodDefinition;
  #metadata: Metadata | null = null;
  #outcome: GrpcOutcome | null = null;
  readonly #onMessage = (bytes: Uint8Array | null): void => this.#receive(bytes);
  readonly #onReadError = (error: unknown): void => this.#failReading(error);

  /**
   * @param call The call.
   * @param context What calls share.
   * @param method Which directions stream, and how messages are read and written.
   * @param request The request, where the client sends one message.
   */
  constructor(call: GrpcServerCall, context: SurfaceContext, method: GrpcMethodDefinition, request?: unknown) {
    super(directionsOf(method));
    this[GRPC_CALL] = call;
    this.request = request;
    this.#context = context;
    this.#method = method;
    // Also keeps an error from ending the process.
    this.on("error", (error) => this.#endWith(error));
    call.onCancel(() => {
      try {
        this.emit("cancelled", "cancelled");
      } finally {
        this.destroy();
      }
    });
  }

  get metadata(): Metadata {
    return this.#metadata ??= metadataFromHeaders(this.#context.newMetadata(), this[GRPC_CALL].metadata);
  }

  get cancelled(): boolean {
    return this[GRPC_CALL].cancelled;
  }

  get signal(): AbortSignal {
    return this[GRPC_CALL].signal;
  }

  get peer(): object | null {
    return peerOf(this[GRPC_CALL], this.#context);
  }

  sendMetadata(metadata: unknown): void {
    sendMetadata(this[GRPC_CALL], metadata);
  }

  getPeer(): string {
    return peerAddress(this[GRPC_CALL]);
  }

  getDeadline(): number {
    return this[GRPC_CALL].deadline ?? Infinity;
  }

  getPath(): string {
    return this[GRPC_CALL].path;
  }

  getHost(): string {
    return this[GRPC_CALL].request.authority;
  }

  getAuthContext(): object {
    return authContext(this[GRPC_CALL]);
  }

  getMetricsRecorder(): object {
    return METRICS_RECORDER;
  }

  /** Ends the call well once everything written is sent; `metadata` leaves with the status. */
  override end(metadata?: unknown): this {
    this[GRPC_CALL].trailers.pairs.push(...headersOfMetadata(metadata));
    return super.end();
  }

  override _read(): void {
    this[GRPC_CALL].reader.next().then(this.#onMessage).catch(this.#onReadError);
  }

  override _write(value: unknown, _encoding: string, callback: (error?: Error | null) => void): void {
    const call = this[GRPC_CALL];
    let bytes: Uint8Array;
    try {
      bytes = this.#method.responseSerialize(value);
    } catch {
      call.finish({ status: GrpcStatus.INTERNAL, details: "Error serializing response", metadata: null });
      this.destroy();
      return;
    }
    if (call.post(bytes)) callback();
    // A client that has gone needs no answer: the stream is destroyed.
    else call.room().then(() => callback(), () => callback());
    if (call.over) this.destroy();
  }

  override _final(callback: (error?: Error | null) => void): void {
    callback();
    this[GRPC_CALL].finish(this.#outcome);
    // What the client still sends reaches nobody; "finish" goes first.
    this.once("finish", () => this.destroy());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const call = this[GRPC_CALL];
    if (error !== null) call.finish(handlerOutcome(error));
    else if (this.#method.responseStream && !call.over) {
      call.finish({ status: GrpcStatus.CANCELLED, details: "The server destroyed the call", metadata: null });
    }
    callback(error);
  }

  #receive(bytes: Uint8Array | null): void {
    if (this.destroyed) return;
    if (bytes === null) return void this.push(null);
    let message: unknown;
    try {
      message = this.#method.requestDeserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    } catch {
      throw new GrpcStatusError(GrpcStatus.INTERNAL, "Error deserializing request");
    }
    this.push(message);
  }

  /** The request cannot be read, or a listener of it threw. */
  #failReading(error: unknown): void {
    const call = this[GRPC_CALL];
    if (!call.over) {
      call.fail(error, "Unknown error");
      call.cancel(error);
    }
    this.destroy();
  }

  #endWith(error: unknown): void {
    const outcome = handlerOutcome(error);
    if (!this.#method.responseStream) return this[GRPC_CALL].finish(outcome);
    this.#outcome = outcome;
    super.end();
  }
}

/** One class serves all: a direction that does not stream is switched off. (The types of node leave that option out.) */
function directionsOf(method: GrpcMethodDefinition): DuplexOptions & { readable: boolean; writable: boolean } {
  return { objectMode: true, readable: method.requestStream, writable: method.responseStream };
}
