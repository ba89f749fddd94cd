import { Buffer } from "node:buffer";
import type { ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import type { Clock } from "../internal/clock.ts";
import type { ControlChannel } from "../grpc/control_channel.ts";
import type { StreamEnd } from "./stream_failure.ts";

/** Settings of {@linkcode AdsStream}. */
export interface AdsStreamOptions {
  readonly channel: ControlChannel;
  readonly path: string;
  readonly metadata: Metadata;
  readonly clock: Clock;
  /** Milliseconds for TCP, TLS and HTTP/2 to be established. */
  readonly connectTimeoutMs: number;
  /** Takes one message; the next one waits until it is done. What it throws or rejects with ends the stream. */
  readonly onMessage: (bytes: Uint8Array) => void | Promise<void>;
}

/** After a message that took so long, the event loop turns before the next one: they often come in a row. */
const LONG_MS = 2;

/** One bidirectional stream of bytes over gRPC: OPEN -(`cancel`, failure, end)-> ENDED. */
export class AdsStream {
  /** Settles, never rejects, when the stream is over. */
  readonly ended: Promise<StreamEnd>;
  readonly #call: ClientDuplexStream<Uint8Array, Uint8Array>;
  #reason: StreamEnd | null = null;
  #over = false;

  /** Starts the call, and with it the connection. */
  constructor(options: AdsStreamOptions) {
    const { channel, clock, onMessage } = options;
    const { connectivityState } = channel.grpc;
    this.#call = channel.client.makeBidiStreamRequest<Uint8Array, Uint8Array>(
      options.path,
      (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      (bytes) => bytes,
      options.metadata,
    );
    // The library waits for a connection for as long as the system does: minutes.
    const timer = clock.timer(options.connectTimeoutMs, () => {
      if (channel.client.getChannel().getConnectivityState(false) === connectivityState.READY) return;
      this.cancel({ code: 14, details: `no connection within '${options.connectTimeoutMs}' ms` });
    });
    this.ended = new Promise((resolve) => {
      this.#call.on("status", ({ code, details }) => {
        this.#over = true;
        timer.cancel();
        resolve(this.#reason ?? { code, details });
      });
    });
    // Every failure is reported by the status; an error without listener would end the process.
    this.#call.on("error", () => {});
    this.#call.on("data", (bytes: Uint8Array) => {
      if (this.#over || this.#reason !== null) return;
      try {
        const start = clock.monotonic();
        const done = onMessage(bytes);
        if (done instanceof Promise) {
          this.#call.pause();
          done.then(() => this.#call.resume(), (error) => this.#fail(error));
        } else if (clock.monotonic() - start >= LONG_MS) {
          this.#call.pause();
          clock.timer(0, () => this.#call.resume(), { ref: true });
        }
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  /** Sends messages in order; does nothing when the stream is over. */
  send(messages: readonly Uint8Array[]): void {
    for (const bytes of messages) {
      if (this.#over || this.#reason !== null) return;
      this.#call.write(bytes);
    }
  }

  #fail(error: unknown): void {
    this.cancel({ code: 13, details: error instanceof Error ? error.message : String(error) });
  }

  /** Ends the stream from this side, for that reason. */
  cancel(reason: StreamEnd): void {
    if (this.#over || this.#reason !== null) return;
    this.#reason = reason;
    this.#call.cancel();
  }
}
