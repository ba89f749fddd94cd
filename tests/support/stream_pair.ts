import type { ByteStream, ByteStreamHandler, ConnectionInfo } from "../../lib/transport/byte_stream.ts";

/** Settings of {@linkcode streamPair}. */
export interface StreamPairOptions {
  /** Splits everything written into pieces of at most that many bytes. @default {Infinity} */
  maxChunk?: number;
  /** Bytes in flight above which `write` returns `false`. @default {65536} */
  highWaterMark?: number;
  /** TLS facts both ends report. @default {null} */
  tls?: ConnectionInfo["tls"];
}

/** Two connected byte streams in memory: what one end writes the other receives, in later microtasks, in order. */
export function streamPair(options: StreamPairOptions = {}): [MemoryStream, MemoryStream] {
  const a = new MemoryStream(1, options);
  const b = new MemoryStream(2, options);
  a.peer = b;
  b.peer = a;
  return [a, b];
}

/** One end of {@linkcode streamPair}. */
export class MemoryStream implements ByteStream {
  readonly info: ConnectionInfo;
  peer!: MemoryStream;
  /** Everything written so far by this end, for assertions. */
  readonly written: Uint8Array[] = [];
  destroyed = false;
  readonly #options: StreamPairOptions;
  readonly #incoming: (Uint8Array | "end")[] = [];
  #incomingBytes = 0;
  #handler: ByteStreamHandler | null = null;
  #paused = false;
  #corked: Uint8Array[] | null = null;
  #needDrain = false;
  #scheduled = false;
  #endSent = false;
  #endReceived = false;
  #closed = false;

  constructor(id: number, options: StreamPairOptions) {
    this.#options = options;
    this.info = {
      id,
      local: { hostname: "127.0.0.1", port: 1000 + id },
      remote: { hostname: "127.0.0.1", port: 1003 - id },
      tls: options.tls ?? null,
    };
  }

  get writableLength(): number {
    return this.peer.#incomingBytes;
  }

  start(handler: ByteStreamHandler): void {
    this.#handler = handler;
    this.#schedule();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#endSent || this.#closed) return true;
    const copy = bytes.slice();
    if (this.#corked !== null) this.#corked.push(copy);
    else this.#send(copy);
    const full = this.writableLength > (this.#options.highWaterMark ?? 65536);
    if (full) this.#needDrain = true;
    return !full;
  }

  writeAscii(text: string): boolean {
    return this.write(new TextEncoder().encode(text));
  }

  cork(): void {
    this.#corked ??= [];
  }

  uncork(): void {
    const held = this.#corked;
    this.#corked = null;
    for (const bytes of held ?? []) this.#send(bytes);
  }

  end(): void {
    if (this.#endSent || this.#closed) return;
    this.uncork();
    this.#endSent = true;
    this.peer.#incoming.push("end");
    this.peer.#schedule();
  }

  destroy(error?: Error): void {
    if (this.#closed) return;
    this.destroyed = true;
    this.#close(error ?? null);
    this.peer.#close(this.#endSent && this.#endReceived ? null : new Error("Connection reset by peer"));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  ref(): void {}
  unref(): void {}
  setNoDelay(): void {}
  setKeepAlive(): void {}

  #send(bytes: Uint8Array): void {
    this.written.push(bytes);
    const step = this.#options.maxChunk ?? Infinity;
    for (let at = 0; at < bytes.length; at += step) {
      const piece = bytes.subarray(at, Math.min(at + step, bytes.length));
      this.peer.#incoming.push(piece);
      this.peer.#incomingBytes += piece.length;
    }
    this.peer.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#closed || this.#paused || this.#handler === null) return;
    const item = this.#incoming.shift();
    if (item === undefined) return;
    if (item === "end") {
      this.#endReceived = true;
      this.#handler.onEnd();
      if (this.#endSent) {
        this.#close(null);
        this.peer.#close(null);
      }
      return;
    }
    this.#incomingBytes -= item.length;
    try {
      this.#handler.onData(item);
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (this.#incomingBytes === 0 && this.peer.#needDrain) {
      this.peer.#needDrain = false;
      queueMicrotask(() => this.peer.#closed || this.peer.#handler?.onDrain());
    }
    this.#schedule();
  }

  #close(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => this.#handler?.onClose(error));
  }
}
