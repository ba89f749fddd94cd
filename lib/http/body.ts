import type { HeaderList } from "./header_list.ts";

/** Looks on while content arrives, without taking any of it. */
export interface BodyWatcher {
  /** A chunk; it must not be changed. */
  content(chunk: Uint8Array): void;
  /** The whole content has arrived. Not called for content that fails or is given up. */
  end(trailers: HeaderList | null): void;
}

/**
 * The content of a message, read once, by one reader. The first reader decides whether it wants the whole or a stream:
 * nothing is converted before.
 */
export interface Body {
  /** Exact number of bytes where it is known beforehand (`content-length`, bytes in memory), else `null`. */
  readonly length: number | null;
  /** Trailer fields; `null` before the end and where there are none. */
  readonly trailers: HeaderList | null;
  /** The whole content when it has arrived completely and nothing was read yet, else `null`. Consumes nothing. */
  whole(): Uint8Array | null;
  /**
   * The next chunk, or `null` at the end. One read at a time.
   * @throws {MeshError} When the sender went away or broke the protocol.
   */
  read(): Promise<Uint8Array | null>;
  /** Gives up the rest: the sender is told to stop. Does nothing after the end. */
  cancel(reason?: unknown): void;
  /**
   * Shows `watcher` everything that has arrived and nobody has read, then what arrives. Absent where content comes about
   * by being read.
   */
  watch?(watcher: BodyWatcher): void;
}

/** Content that is in memory. */
export class BytesBody implements Body {
  readonly length: number;
  readonly trailers: HeaderList | null;
  #bytes: Uint8Array | null;

  /**
   * @param bytes The content; not copied.
   * @param trailers Trailer fields, if any.
   */
  constructor(bytes: Uint8Array, trailers: HeaderList | null = null) {
    this.#bytes = bytes;
    this.length = bytes.length;
    this.trailers = trailers;
  }

  whole(): Uint8Array | null {
    return this.#bytes;
  }

  read(): Promise<Uint8Array | null> {
    const bytes = this.#bytes;
    this.#bytes = null;
    return Promise.resolve(bytes === null || bytes.length === 0 ? null : bytes);
  }

  cancel(): void {
    this.#bytes = null;
  }

  watch(watcher: BodyWatcher): void {
    if (this.#bytes !== null && this.#bytes.length > 0) watcher.content(this.#bytes);
    watcher.end(this.trailers);
  }
}

/** Chunks below this size are joined where they have to wait. */
const SMALL_BYTES = 512;
/** Memory that is taken for them at a time. */
const GATHER_BYTES = 4096;

/** What a {@linkcode QueueBody} tells the codec that fills it. */
export interface QueueBodyOwner {
  /** The reader took `bytes` bytes: the sender may send as many again. */
  consumed(bytes: number): void;
  /** The reader wants no more. */
  cancelled(reason: unknown): void;
}

/**
 * Content as it arrives from a codec. The codec pushes, the reader pulls; the bytes in between are bounded by the
 * codec, which stops the socket (HTTP/1) or withholds window updates (HTTP/2) until `consumed` is called.
 */
export class QueueBody implements Body {
  readonly length: number | null;
  trailers: HeaderList | null = null;
  readonly #owner: QueueBodyOwner;
  readonly #chunks: Uint8Array[] = [];
  /** Memory that small chunks are gathered in, and the chunk that shows what is in it so far. */
  #gathered: Uint8Array | null = null;
  #gatheredChunk: Uint8Array | null = null;
  #state: "open" | "ended" | "failed" | "cancelled" = "open";
  #error: unknown = null;
  #touched = false;
  #waiting: { resolve(chunk: Uint8Array | null): void; reject(error: unknown): void } | null = null;
  #watcher: BodyWatcher | null = null;
  /** Bytes pushed and not yet read. */
  buffered = 0;

  /**
   * @param length The declared length, or `null`.
   * @param owner The codec.
   */
  constructor(length: number | null, owner: QueueBodyOwner) {
    this.length = length;
    this.#owner = owner;
  }

  /** Adds a chunk; the body owns it from now on. Ignored after the end. */
  push(chunk: Uint8Array): void {
    if (this.#state !== "open" || chunk.length === 0) return;
    this.#watcher?.content(chunk);
    const waiting = this.#waiting;
    if (waiting !== null) {
      this.#waiting = null;
      waiting.resolve(chunk);
      this.#owner.consumed(chunk.length);
      return;
    }
    this.buffered += chunk.length;
    if (chunk.length < SMALL_BYTES && this.#chunks.length > 0) this.#gather(chunk);
    else this.#chunks.push(chunk);
  }

  /**
   * Joins small chunks that wait: a sender of single bytes would otherwise make us keep an object, and the memory each
   * byte arrived in, for every one of them.
   */
  #gather(chunk: Uint8Array): void {
    const last = this.#chunks.length - 1;
    const used = this.#chunks[last] === this.#gatheredChunk ? this.#gatheredChunk!.length : GATHER_BYTES;
    if (used + chunk.length <= GATHER_BYTES) {
      this.#gathered!.set(chunk, used);
      this.#chunks[last] = this.#gatheredChunk = this.#gathered!.subarray(0, used + chunk.length);
      return;
    }
    this.#gathered = new Uint8Array(GATHER_BYTES);
    this.#gathered.set(chunk);
    this.#gatheredChunk = this.#gathered.subarray(0, chunk.length);
    this.#chunks.push(this.#gatheredChunk);
  }

  /** Marks the end of the content. */
  end(trailers: HeaderList | null = null): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.trailers = trailers;
    this.#watcher?.end(trailers);
    this.#waiting?.resolve(null);
    this.#waiting = null;
  }

  /** Fails the reader, now or at its next read, after what has already arrived. */
  fail(error: unknown): void {
    if (this.#state !== "open") return;
    this.#state = "failed";
    this.#error = error;
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  /** One watcher at most. */
  watch(watcher: BodyWatcher): void {
    this.#watcher = watcher;
    for (const chunk of this.#chunks) watcher.content(chunk);
    if (this.#state === "ended") watcher.end(this.trailers);
  }

  /** Whether the last byte has arrived. */
  get ended(): boolean {
    return this.#state === "ended";
  }

  whole(): Uint8Array | null {
    if (this.#touched || this.#state !== "ended") return null;
    if (this.#chunks.length > 1) this.#chunks.splice(0, Infinity, concat(this.#chunks, this.buffered));
    return this.#chunks[0] ?? EMPTY;
  }

  read(): Promise<Uint8Array | null> {
    this.#touched = true;
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.buffered -= chunk.length;
      this.#owner.consumed(chunk.length);
      return Promise.resolve(chunk);
    }
    if (this.#state === "failed") return Promise.reject(this.#error);
    if (this.#state !== "open") return Promise.resolve(null);
    return new Promise((resolve, reject) => this.#waiting = { resolve, reject });
  }

  cancel(reason?: unknown): void {
    this.#touched = true;
    const discarded = this.buffered;
    this.#chunks.length = 0;
    this.buffered = 0;
    if (discarded > 0) this.#owner.consumed(discarded);
    if (this.#state !== "open") return;
    this.#state = "cancelled";
    this.#waiting?.resolve(null);
    this.#waiting = null;
    this.#owner.cancelled(reason);
  }
}

const EMPTY = new Uint8Array(0);

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * Reads a body to its end.
 *
 * @param body The body, or `null` for none.
 * @param limit The most bytes to hold.
 * @returns The bytes, or `null` when there were more than `limit` (the rest is cancelled).
 */
export async function readAll(body: Body | null, limit = Infinity): Promise<Uint8Array | null> {
  if (body === null) return EMPTY;
  const whole = body.whole();
  if (whole !== null) {
    body.cancel();
    return whole.length > limit ? null : whole;
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) {
    length += chunk.length;
    if (length > limit) {
      body.cancel();
      return null;
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : concat(chunks, length);
}
