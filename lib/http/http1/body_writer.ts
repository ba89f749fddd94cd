import type { ByteStream } from "../../transport/byte_stream.ts";
import type { Body } from "../body.ts";
import { CHUNKED, type Framing, UNTIL_CLOSE } from "./framing.ts";
import type { HeadWriter } from "./head_writer.ts";

/** What a {@linkcode BodyWriter} reports to its connection. */
export interface BodyWriterOwner {
  /** That many content bytes were handed to the stream. */
  onBodyBytes(bytes: number): void;
  /** All was handed over (`null`), or the message cannot be completed: the connection is then useless. */
  onBodyWritten(error: unknown): void;
}

/**
 * Writes content piece by piece, as fast as the stream takes it.
 *
 * States: reading -> (writing -> (blocked ->)? reading)* -> over.
 */
export class BodyWriter {
  readonly #stream: ByteStream;
  readonly #heads: HeadWriter;
  readonly #body: Body;
  readonly #owner: BodyWriterOwner;
  readonly #chunked: boolean;
  #remaining: number;
  #blocked = false;
  #over = false;

  /**
   * @param stream Where to write.
   * @param heads Writes the trailer section.
   * @param body The content.
   * @param framing How it is framed; a length is kept to exactly.
   * @param owner Told of progress.
   */
  constructor(stream: ByteStream, heads: HeadWriter, body: Body, framing: Framing, owner: BodyWriterOwner) {
    this.#stream = stream;
    this.#heads = heads;
    this.#body = body;
    this.#owner = owner;
    this.#chunked = framing === CHUNKED;
    this.#remaining = framing === CHUNKED || framing === UNTIL_CLOSE ? Infinity : framing;
  }

  /** Whether it waits for the stream. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Begins; `blocked` tells that the head before it has filled the stream already. */
  start(blocked: boolean): void {
    if (blocked) this.#blocked = true;
    else this.#readNext();
  }

  /** The stream has room again. */
  drained(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    if (!this.#over) this.#readNext();
  }

  /** The connection is gone or useless: stops the sender of the content. */
  abort(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#body.cancel(reason);
  }

  #readNext(): void {
    this.#body.read().then(this.#onChunk, this.#onError);
  }

  readonly #onChunk = (chunk: Uint8Array | null): void => {
    if (this.#over) return;
    if (chunk === null) return this.#finish();
    if (chunk.length === 0) return this.#readNext();
    if (chunk.length > this.#remaining) return this.#fail("more bytes than its length says");
    this.#remaining -= chunk.length;
    let room: boolean;
    if (this.#chunked) {
      this.#stream.cork();
      this.#stream.writeAscii(chunk.length.toString(16) + "\r\n");
      this.#stream.write(chunk);
      room = this.#stream.writeAscii("\r\n");
      this.#stream.uncork();
    } else {
      room = this.#stream.write(chunk);
    }
    this.#blocked = !room;
    this.#owner.onBodyBytes(chunk.length);
    if (room && !this.#over) this.#readNext();
  };

  readonly #onError = (error: unknown): void => {
    if (this.#over) return;
    this.#over = true;
    this.#owner.onBodyWritten(error ?? new Error("Cannot send the content: its source failed without a reason"));
  };

  #finish(): void {
    if (this.#remaining !== Infinity && this.#remaining > 0) return this.#fail("fewer bytes than its length says");
    if (this.#chunked) {
      let trailers: string;
      try {
        trailers = this.#heads.trailers(this.#body.trailers);
      } catch (error) {
        return this.#onError(error);
      }
      this.#heads.write(this.#stream, "0\r\n" + trailers);
    }
    this.#over = true;
    this.#owner.onBodyWritten(null);
  }

  #fail(what: string): void {
    this.#body.cancel();
    this.#onError(new Error(`Cannot send the content: its source gave ${what}`));
  }
}
