import { type MemoryStream, streamPair, type StreamPairOptions } from "../../support/stream_pair.ts";
import type { ByteStreamHandler } from "../../../lib/transport/byte_stream.ts";

const encoder = new TextEncoder();

/** The other end of a connection under test, speaking bytes: what arrives is one latin1 text. */
export class RawPeer implements ByteStreamHandler {
  /** The stream under test. */
  readonly stream: MemoryStream;
  /** Everything received. */
  text = "";
  /** Whether the other side has sent its last byte or is gone. */
  ended = false;
  closed = false;
  error: Error | null = null;
  readonly #own: MemoryStream;

  constructor(options: StreamPairOptions = {}) {
    const [own, other] = streamPair(options);
    this.#own = own;
    this.stream = other;
    own.start(this);
  }

  send(text: string): this {
    this.#own.write(Uint8Array.from(text, (char) => char.charCodeAt(0)));
    return this;
  }

  sendUtf8(text: string): this {
    this.#own.write(encoder.encode(text));
    return this;
  }

  end(): void {
    this.#own.end();
  }

  destroy(): void {
    this.#own.destroy();
  }

  pause(): void {
    this.#own.pause();
  }

  resume(): void {
    this.#own.resume();
  }

  /** Waits until `holds`; fails when the connection goes quiet for good before. */
  async until(holds: () => boolean, what = "the expected bytes"): Promise<void> {
    for (let turn = 0; turn < 200; turn++) {
      if (holds()) return;
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
    }
    throw new Error(`Waited in vain for ${what}; got ${JSON.stringify(this.text)}`);
  }

  /** Waits until what arrived contains `part`. */
  untilText(part: string): Promise<void> {
    return this.until(() => this.text.includes(part), JSON.stringify(part));
  }

  /** Waits until the other side has ended. */
  untilEnd(): Promise<void> {
    return this.until(() => this.ended, "the end");
  }

  onData(chunk: Uint8Array): void {
    for (const byte of chunk) this.text += String.fromCharCode(byte);
  }

  onEnd(): void {
    this.ended = true;
    this.#own.end();
  }

  onDrain(): void {}

  onClose(error: Error | null): void {
    this.ended = true;
    this.closed = true;
    this.error = error;
  }
}

/** Lets everything that is due in microtasks and timers of zero happen. */
export async function settle(turns = 5): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setTimeout(resolve, 0));
}
