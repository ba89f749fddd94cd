import type { Body } from "../http/body.ts";
import type { HeaderList } from "../http/header_list.ts";
import { MeshError } from "../errors.ts";

/**
 * Streamed content of a request that may be needed more than once: for retries, internal redirects and mirrors. The
 * attempt under way pulls from the source; what it has read is kept while it is needed and within the limit.
 *
 * Beyond the limit the request is sent on and no longer tried again, as in Envoy; a mirror that lags behind by more than
 * the limit is given up, for nothing waits for a mirror. After {@linkcode RequestBuffer.commit} nothing is kept.
 *
 * @see Envoy `per_request_buffer_limit_bytes`, `Router::Filter::decodeData`.
 */
export class RequestBuffer {
  readonly #source: Body;
  readonly #limit: number;
  /** Chunks that are still needed; the first one has the number `#base`. */
  readonly #chunks: Uint8Array[] = [];
  #base = 0;
  #bytes = 0;
  #keeping = true;
  #committed = false;
  #ended = false;
  #failure: { readonly error: unknown } | null = null;
  #pulling = false;
  #attempt: BufferView | null = null;
  #mirrors: BufferView[] = [];

  /**
   * @param source The content.
   * @param limit Most bytes kept.
   */
  constructor(source: Body, limit: number) {
    this.#source = source;
    this.#limit = limit;
  }

  /** Whether the content can be sent from its beginning. */
  get replayable(): boolean {
    return this.#keeping && this.#failure === null;
  }

  /** Whether its last byte was read from the source. */
  get ended(): boolean {
    return this.#ended;
  }

  get length(): number | null {
    return this.#source.length;
  }

  get trailers(): HeaderList | null {
    return this.#source.trailers;
  }

  /** The source itself, where its one reader needs nothing of what is here any more; `null` otherwise. */
  get passThrough(): Body | null {
    return this.#committed && !this.#pulling && !this.#ended && this.#failure === null && this.#chunks.length === 0 &&
        this.#mirrors.length === 0
      ? this.#source
      : null;
  }

  /** The content from its beginning, for one more attempt; the body of the attempt before it is of no use any more. */
  attempt(): Body {
    this.#attempt?.detach();
    return this.#attempt = new BufferView(this, true);
  }

  /** The content from its beginning, as the attempts get it; it holds up nobody. */
  mirror(): Body {
    const view = new BufferView(this, false);
    this.#mirrors.push(view);
    return view;
  }

  /** Everything, where it has all been read and kept; `null` otherwise. */
  whole(): Uint8Array | null {
    if (!this.#ended || !this.replayable) return null;
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** There will be no other attempt: content goes straight through. */
  commit(): void {
    this.#committed = true;
    this.#keeping = false;
    if (this.#attempt?.detached !== false) this.cancel();
    else this.#trim();
  }

  /** Gives up the source. */
  cancel(reason?: unknown): void {
    this.#committed = true;
    this.#keeping = false;
    for (const mirror of this.#mirrors) mirror.fail(gone());
    this.#mirrors = [];
    this.#chunks.length = 0;
    this.#attempt?.detach();
    this.#source.cancel(reason);
  }

  /** Serves a view, at once or when a chunk arrives. */
  read(view: BufferView): void {
    const at = view.position - this.#base;
    const chunk = this.#chunks[at];
    if (chunk !== undefined) {
      view.position++;
      if (!this.#keeping) this.#trim();
      return view.give(chunk);
    }
    if (this.#failure !== null) return view.fail(this.#failure.error);
    if (this.#ended) {
      if (view !== this.#attempt) this.#mirrors = this.#mirrors.filter((mirror) => mirror !== view);
      return view.give(null);
    }
    if (view.pulls && !this.#pulling) {
      this.#pulling = true;
      this.#source.read().then(this.#onChunk, this.#onFailure);
    }
  }

  /** A reader wants no more. */
  leave(view: BufferView, reason: unknown): void {
    if (view !== this.#attempt) {
      this.#mirrors = this.#mirrors.filter((mirror) => mirror !== view);
    } else if (this.#committed) {
      return this.cancel(reason);
    } else if (this.#source.length === 0) {
      // A codec lets content of no bytes go without reading it.
      this.#ended = true;
      this.#source.cancel();
    }
    if (!this.#keeping) this.#trim();
  }

  readonly #onChunk = (chunk: Uint8Array | null): void => {
    this.#pulling = false;
    if (chunk === null) {
      this.#ended = true;
    } else {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      if (this.#keeping && this.#bytes > this.#limit) this.#keeping = false;
    }
    this.#serve();
    if (!this.#keeping) this.#dropLaggards();
  };

  readonly #onFailure = (error: unknown): void => {
    this.#pulling = false;
    this.#failure = { error };
    this.#serve();
  };

  #serve(): void {
    if (this.#attempt?.waiting === true) this.read(this.#attempt);
    for (const mirror of this.#mirrors) if (mirror.waiting) this.read(mirror);
  }

  /** Forgets what everybody has read. */
  #trim(): void {
    let needed = this.#base + this.#chunks.length;
    if (this.#attempt?.detached === false) needed = Math.min(needed, this.#attempt.position);
    for (const mirror of this.#mirrors) needed = Math.min(needed, mirror.position);
    for (; this.#base < needed; this.#base++) this.#bytes -= this.#chunks.shift()!.length;
  }

  #dropLaggards(): void {
    this.#trim();
    while (this.#bytes > this.#limit) {
      const last = this.#mirrors.reduce<BufferView | null>(
        (found, mirror) => found === null || mirror.position < found.position ? mirror : found,
        null,
      );
      if (last === null || (this.#attempt?.detached === false && this.#attempt.position <= last.position)) return;
      last.fail(new MeshError("PAYLOAD_TOO_LARGE", "Cannot mirror the request: the mirror does not keep up"));
      this.#mirrors = this.#mirrors.filter((mirror) => mirror !== last);
      this.#trim();
    }
  }
}

/** What is left of a body whose request is over. */
function gone(): MeshError {
  return new MeshError("ABORTED", "Cannot send the content: the request it belongs to is over");
}

/** The content as one reader sees it. */
class BufferView implements Body {
  readonly #buffer: RequestBuffer;
  /** Whether reading it pulls from the source. */
  readonly pulls: boolean;
  /** Number of the chunk to be read next. */
  position = 0;
  detached = false;
  #waiting: { resolve(chunk: Uint8Array | null): void; reject(error: unknown): void } | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(buffer: RequestBuffer, pulls: boolean) {
    this.#buffer = buffer;
    this.pulls = pulls;
  }

  get length(): number | null {
    return this.#buffer.length;
  }

  get trailers(): HeaderList | null {
    return this.#buffer.trailers;
  }

  get waiting(): boolean {
    return this.#waiting !== null;
  }

  /** Never: the framing of a retry is that of the first attempt. */
  whole(): null {
    return null;
  }

  read(): Promise<Uint8Array | null> {
    if (this.#failure !== null) return Promise.reject(this.#failure.error);
    if (this.detached) return Promise.resolve(null);
    const source = this.pulls ? this.#buffer.passThrough : null;
    if (source !== null) return source.read();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#buffer.read(this);
    });
  }

  cancel(reason?: unknown): void {
    if (this.detached) return;
    this.detach();
    this.#buffer.leave(this, reason);
  }

  give(chunk: Uint8Array | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(chunk);
  }

  fail(error: unknown): void {
    this.#failure = { error };
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(error);
  }

  /** Takes it out of use: whoever reads it reads for nobody. */
  detach(): void {
    this.detached = true;
    this.give(null);
  }
}
