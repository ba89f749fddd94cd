import { type Body, QueueBody, type QueueBodyOwner } from "../http/body.ts";
import type { HeaderList } from "../http/header_list.ts";
import { frameMessage } from "./framing.ts";
import { GrpcStatusError } from "./grpc_status_error.ts";
import { GrpcStatus } from "./status.ts";

/** Bytes that may wait for the other side before `write` makes the writer wait. */
const HIGH_WATER = 65_536;

/** A body that messages are written to: the sending half of a stream. */
export class GrpcMessageWriter implements QueueBodyOwner {
  readonly #body: QueueBody = new QueueBody(null, this);
  #waiting: { resolve(): void; reject(error: unknown): void }[] = [];
  #unread = 0;
  #cancelled = false;
  #reason: unknown = null;

  /** The content to send. */
  get body(): Body {
    return this.#body;
  }

  /**
   * Writes a message. Resolves when there is room for another: waiting for it keeps memory bounded.
   * @throws Whatever the other side gave up with.
   */
  write(message: Uint8Array, compressed = false): Promise<void> {
    if (this.#cancelled) return Promise.reject(this.#reason);
    return this.push(frameMessage(message, compressed)) ? Promise.resolve() : this.room();
  }

  /** Writes a message that has its prefix; `false` asks to wait for {@linkcode GrpcMessageWriter.room}. */
  push(framed: Uint8Array): boolean {
    if (this.#cancelled) return false;
    this.#unread += framed.length;
    this.#body.push(framed);
    return this.#unread <= HIGH_WATER;
  }

  /**
   * Resolves when there is room for another message.
   * @throws Whatever the other side gave up with.
   */
  room(): Promise<void> {
    if (this.#cancelled) return Promise.reject(this.#reason);
    if (this.#unread <= HIGH_WATER) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Writes the end with its trailers. */
  end(trailers: HeaderList | null = null): void {
    this.#body.end(trailers);
    this.#release();
  }

  /** Ends in failure: the stream is reset. */
  fail(error: unknown): void {
    this.#body.fail(error);
    this.#stop(error);
  }

  consumed(bytes: number): void {
    this.#unread -= bytes;
    if (this.#unread <= HIGH_WATER) this.#release();
  }

  cancelled(reason: unknown): void {
    this.#stop(reason ?? new GrpcStatusError(GrpcStatus.CANCELLED, "The other side gave up"));
  }

  #stop(reason: unknown): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#reason = reason;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const writer of waiting) writer.reject(reason);
  }

  #release(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const writer of waiting) writer.resolve();
  }
}
