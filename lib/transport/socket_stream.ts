import type { Socket } from "node:net";
import type { ByteStream, ByteStreamHandler, ConnectionInfo } from "./byte_stream.ts";

/** Settings of {@linkcode SocketStream}. */
export interface SocketStreamOptions {
  /** A connected socket, TLS or not, that nobody else listens to. It must allow a half-open state. */
  socket: Socket;
  info: ConnectionInfo;
  /** Bytes read from the socket before (protocol detection), delivered first. @default {null} */
  prefix?: Uint8Array | null;
  /** Whether the peer's end was read before, too: it is delivered behind the prefix. @default {false} */
  endReceived?: boolean;
}

/**
 * A {@linkcode ByteStream} over a socket of `node:net` or `node:tls`.
 *
 * States: *waiting* (no handler yet, nothing is read) -> *open* (start) -> *closed* (onClose was called). `end()` and
 * the peer's end are independent of each other; the runtime closes the socket when both have happened.
 */
export class SocketStream implements ByteStream {
  readonly info: ConnectionInfo;
  readonly #socket: Socket;
  #handler: ByteStreamHandler | null = null;
  #prefix: Uint8Array | null;
  readonly #endReceived: boolean;
  #reading = false;
  #paused = false;
  #ended = false;
  #endDelivered = false;
  #closed = false;
  #closeDelivered = false;
  #error: Error | null = null;

  /** @param options The socket and what is known about it. */
  constructor(options: SocketStreamOptions) {
    const { socket, info, prefix = null, endReceived = false } = options;
    this.info = info;
    this.#socket = socket;
    // An end that was read before needs a turn of its own, so it travels behind a prefix, be it an empty one.
    this.#prefix = prefix ?? (endReceived ? new Uint8Array() : null);
    this.#endReceived = endReceived;
    socket.setNoDelay(true);
    socket.on("end", () => this.#onEnd());
    socket.on("drain", () => this.#onDrain());
    // The listener stays for the life of the socket: an error without one would end the process.
    socket.on("error", (error: Error) => {
      this.#error ??= error;
    });
    socket.once("close", () => {
      this.#closed = true;
      this.#deliverClose();
    });
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  start(handler: ByteStreamHandler): void {
    this.#handler = handler;
    if (this.#closed) {
      queueMicrotask(() => this.#deliverClose());
    } else if (this.#prefix !== null) {
      queueMicrotask(() => this.#deliverPrefix());
    } else {
      this.#read();
    }
  }

  write(bytes: Uint8Array): boolean {
    if (this.#ended || this.#closed || this.#socket.destroyed) return true;
    return this.#socket.write(bytes);
  }

  writeAscii(text: string): boolean {
    if (this.#ended || this.#closed || this.#socket.destroyed) return true;
    return this.#socket.write(text, "latin1");
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  end(): void {
    if (this.#ended || this.#closed || this.#socket.destroyed) return;
    this.#ended = true;
    this.#socket.end();
  }

  destroy(error?: Error): void {
    if (this.#socket.destroyed) return;
    if (error !== undefined) this.#error ??= error;
    this.#socket.destroy();
  }

  pause(): void {
    this.#paused = true;
    if (this.#reading) this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#prefix !== null) queueMicrotask(() => this.#deliverPrefix());
    else if (this.#reading) this.#socket.resume();
    else if (this.#handler !== null) this.#read();
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  setNoDelay(on: boolean): void {
    this.#socket.setNoDelay(on);
  }

  setKeepAlive(on: boolean, initialDelayMs?: number): void {
    this.#socket.setKeepAlive(on, initialDelayMs);
  }

  /** Attaches the data listener, once; from then on the socket flows whenever it is not paused. */
  #read(): void {
    if (this.#reading || this.#paused || this.#closed) return;
    this.#reading = true;
    this.#socket.on("data", (chunk: Uint8Array) => this.#onData(chunk));
    this.#socket.resume();
  }

  #deliverPrefix(): void {
    const prefix = this.#prefix;
    if (prefix === null || this.#paused || this.#handler === null || this.#socket.destroyed) return;
    this.#prefix = null;
    if (prefix.length > 0) this.#onData(prefix);
    if (this.#endReceived) this.#onEnd();
    else this.#read();
  }

  #onData(chunk: Uint8Array): void {
    // An exception that leaves a listener of a TLS socket ends the process with "Uncaught null".
    try {
      this.#handler!.onData(chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  #onEnd(): void {
    if (this.#endDelivered || this.#closed || this.#handler === null) return;
    this.#endDelivered = true;
    try {
      this.#handler.onEnd();
    } catch (error) {
      this.#fail(error);
    }
  }

  #onDrain(): void {
    if (this.#closed || this.#handler === null) return;
    try {
      this.#handler.onDrain();
    } catch (error) {
      this.#fail(error);
    }
  }

  #deliverClose(): void {
    if (this.#closeDelivered || this.#handler === null) return;
    this.#closeDelivered = true;
    try {
      this.#handler.onClose(this.#error);
    } catch {
      // The connection is gone and so is everything this exception could have ended.
    }
  }

  #fail(error: unknown): void {
    this.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
