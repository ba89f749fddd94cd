import { type Body, BytesBody } from "../http/body.ts";
import { BodyWrapper } from "../http/body_wrapper.ts";
import { frameMessage } from "./framing.ts";
import { GrpcMessageWriter } from "./message_writer.ts";

/** Called when there is room for another message, and when there is no use in one any more. */
export type Written = (() => void) | undefined;

/**
 * The messages a client sends.
 *
 * States: `gathering` (nothing asked for yet) -> `whole` (one message and its end, in memory: it leaves with the head
 * and can be sent again) or `streaming` -> `ended`.
 */
export class RequestContent {
  #first: Uint8Array | null = null;
  #firstPacked = false;
  #firstWritten: Written = undefined;
  #framed: Uint8Array | null = null;
  #writer: GrpcMessageWriter | null = null;
  #closed = false;
  #taken = false;

  /** Adds a message. Ignored behind the end. */
  write(message: Uint8Array, packed: boolean, written: Written): void {
    if (this.#closed) return void queueMicrotask(() => written?.());
    if (this.#writer === null) {
      if (!this.#taken && this.#first === null) {
        this.#first = message;
        this.#firstPacked = packed;
        this.#firstWritten = written;
        return;
      }
      this.#stream();
    }
    this.#push(message, packed, written);
  }

  /** Ends the content. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writer?.end();
  }

  /** No one wants the content any more: whoever waits for room is let go. */
  abandon(): void {
    this.#closed = true;
    const { body } = this.#writer ?? { body: null };
    if (body === null) this.#releaseFirst();
    else body.cancel();
  }

  /** The content for one attempt; `null` for none. Each attempt asks anew, the one before having read nothing. */
  body(): Body | null {
    this.#taken = true;
    if (this.#writer === null && this.#closed) {
      if (this.#first === null) return null;
      this.#framed ??= frameMessage(this.#first, this.#firstPacked);
      this.#releaseFirst();
      return new BytesBody(this.#framed);
    }
    if (this.#writer === null) this.#stream();
    return new AttemptBody(this.#writer!.body);
  }

  #stream(): void {
    this.#writer = new GrpcMessageWriter();
    const first = this.#first;
    if (first !== null) this.#push(first, this.#firstPacked, this.#firstWritten);
    this.#first = null;
    this.#firstWritten = undefined;
  }

  #push(message: Uint8Array, packed: boolean, written: Written): void {
    // The status tells what went wrong; a writer only has to learn that it need not wait.
    const done = () => written?.();
    this.#writer!.write(message, packed).then(done, done);
  }

  #releaseFirst(): void {
    const written = this.#firstWritten;
    if (written === undefined) return;
    this.#firstWritten = undefined;
    queueMicrotask(written);
  }
}

/** Streamed content as one attempt sees it: giving up an attempt that has read nothing leaves it for the next. */
class AttemptBody extends BodyWrapper {
  #touched = false;

  override read(): Promise<Uint8Array | null> {
    this.#touched = true;
    return this.inner.read();
  }

  override cancel(reason?: unknown): void {
    if (this.#touched) this.inner.cancel(reason);
  }
}
