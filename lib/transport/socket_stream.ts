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
  /** The peer's end was seen and not delivered: a TLS socket may report it before anybody reads. */
  #endPending: boolean;
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
    this.#prefix = prefix;
    this.#endPending = endReceived;
    socket.setNoDelay(true);
    socket.on("end", () => this.#onEnd());
    socket.on("drain", () => this.#onDrain());
    // The listener stays for the life of the socket: an error without one would end the process.
    socket.on("error", (error: Error) => {
      this.#error ??= error;
    });
    // Whoever looked at the socket before may have seen its end; the event does not come twice.
    this.#closed = socket.closed;
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
    } else if (this.#prefix !== null || this.#endPending) {
      queueMicrotask(() => this.#deliverEarly());
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
    if (this.#prefix !== null || this.#endPending) queueMicrotask(() => this.#deliverEarly());
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

  /** Delivers what was read before there was a receiver. */
  #deliverEarly(): void {
    if (this.#paused || this.#handler === null || this.#socket.destroyed) return;
    const prefix = this.#prefix;
    this.#prefix = null;
    if (prefix !== null) this.#onData(prefix);
    if (this.#endPending) {
      this.#endPending = false;
      this.#onEnd();
    }
    this.#read();
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
    if (this.#endDelivered || this.#closed) return;
    if (this.#handler === null || this.#prefix !== null) {
      this.#endPending = true;
      return;
    }
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
