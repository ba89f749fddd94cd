import type { Clock } from "../internal/clock.ts";
import type { ByteStream, ByteStreamHandler, ConnectionInfo } from "../transport/byte_stream.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** What {@linkcode sniffHttpVersion} found. */
export interface SniffedStream {
  readonly version: "HTTP/1.1" | "HTTP/2";
  /** The stream to go on with: it delivers what was read again. */
  readonly stream: ByteStream;
}

/** Settings of {@linkcode sniffHttpVersion}. */
export interface SniffOptions {
  readonly clock: Clock;
  /** Milliseconds until a peer that sends too little to decide is hung up on. @default {60_000} */
  readonly limitMs?: number;
}

/**
 * Tells HTTP/2 from HTTP/1 by the first bytes (RFC 9113 section 3.4), for connections that negotiated no protocol.
 * Decides at the first byte that differs from the preface.
 *
 * @returns The version and the stream, or `null` when the connection ended before a decision.
 */
export function sniffHttpVersion(stream: ByteStream, options: SniffOptions): Promise<SniffedStream | null> {
  return new Promise((resolve) => {
    const limit = options.clock.timer(options.limitMs ?? 60_000, () => stream.destroy());
    const none = () => {
      limit.cancel();
      if (!decided) resolve(null);
    };
    let seen = new Uint8Array(0);
    let decided = false;
    const decide = (version: SniffedStream["version"]) => {
      decided = true;
      limit.cancel();
      stream.pause();
      resolve({ version, stream: new ReplayedStream(stream, seen) });
    };
    stream.start({
      onData(chunk) {
        // A chunk that is delivered in spite of the pause belongs to the replay.
        seen = concat(seen, chunk);
        if (decided) return;
        const length = Math.min(seen.length, PREFACE.length);
        for (let i = 0; i < length; i++) if (seen[i] !== PREFACE.charCodeAt(i)) return decide("HTTP/1.1");
        if (length === PREFACE.length) decide("HTTP/2");
      },
      onEnd: none,
      onDrain() {},
      onClose: none,
    });
  });
}

function concat(a: Uint8Array<ArrayBuffer>, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/** A stream whose first bytes were read already: they are delivered to the next receiver first. */
class ReplayedStream implements ByteStream {
  readonly #inner: ByteStream;
  #replay: Uint8Array | null;

  constructor(inner: ByteStream, replay: Uint8Array) {
    this.#inner = inner;
    this.#replay = replay;
  }

  get info(): ConnectionInfo {
    return this.#inner.info;
  }

  get writableLength(): number {
    return this.#inner.writableLength;
  }

  start(handler: ByteStreamHandler): void {
    const replay = this.#replay;
    this.#replay = null;
    this.#inner.start(handler);
    if (replay !== null) {
      try {
        handler.onData(replay);
      } catch (error) {
        this.#inner.destroy(error instanceof Error ? error : new Error(String(error)));
        return;
      }
    }
    this.#inner.resume();
  }

  write(bytes: Uint8Array): boolean {
    return this.#inner.write(bytes);
  }

  writeAscii(text: string): boolean {
    return this.#inner.writeAscii(text);
  }

  cork(): void {
    this.#inner.cork();
  }

  uncork(): void {
    this.#inner.uncork();
  }

  end(): void {
    this.#inner.end();
  }

  destroy(error?: Error): void {
    this.#inner.destroy(error);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  ref(): void {
    this.#inner.ref();
  }

  unref(): void {
    this.#inner.unref();
  }

  setNoDelay(on: boolean): void {
    this.#inner.setNoDelay(on);
  }

  setKeepAlive(on: boolean, initialDelayMs?: number): void {
    this.#inner.setKeepAlive(on, initialDelayMs);
  }
}
