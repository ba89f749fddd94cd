import type { Body } from "../../http/body.ts";
import { HeaderList } from "../../http/header_list.ts";
import type { GuestBuffer } from "../guest_buffer.ts";
import { ContentBuffer } from "./content_buffer.ts";
import type { StreamSide } from "./stream_side.ts";

/** Who is shown the content of a body. */
export interface ContentCallbacks {
  /**
   * Shows content.
   *
   * @returns An action of `DataAction`; `null` where nobody is asked any more, and everything is to pass.
   */
  content(size: number, endOfStream: boolean): number | null;
  /** Shows trailers. @returns An action of `TrailersAction`, or `null` as above. */
  trailers(count: number): number | null;
  /** More is held back than is allowed. */
  overflow(): void;
  /** What was held back of the headers goes on, for content has passed. */
  released(): void;
}

/**
 * A body as a module lets it pass. Content is read when the reader wants it, or when the module holds it back and wants
 * to see more; it is shown, perhaps changed, and handed on or held back as the module says.
 */
export class FilteredBody implements Body {
  readonly #inner: Body;
  readonly #side: StreamSide;
  readonly #callbacks: ContentCallbacks;
  /** Most bytes that may be held back. */
  readonly #limit: number;
  readonly #declared: number | null;
  /** Content that has passed and was not read yet. */
  readonly #ready: Uint8Array[] = [];
  /** Content that is held back. */
  readonly #held = new ContentBuffer();
  /** What the callback under way is shown: a chunk, or all that is held back. */
  #shown: ContentBuffer | null = null;
  /** Whether the module sees what is held back together with what follows. */
  #buffering = false;
  #trailers: HeaderList | null = null;
  /** Bytes that have come in. */
  #received = 0;
  #endShown = false;
  #inputEnded = false;
  #endOfStream = false;
  #reading = false;
  #touched = false;
  #error: { readonly reason: unknown } | null = null;
  /** Called once when nothing comes any more; content that has arrived is shown without waiting for a reader then. */
  #onFinished: (() => void) | null = null;
  #waiting: { resolve(chunk: Uint8Array | null): void; reject(reason: unknown): void } | null = null;

  /**
   * @param inner The body as it comes.
   * @param side The course of its direction; its headers have been answered.
   * @param callbacks Who is shown the content.
   * @param limit Most bytes that may be held back.
   * @param declared Its length where headers tell it and it is framed by that, else `null`.
   */
  constructor(inner: Body, side: StreamSide, callbacks: ContentCallbacks, limit: number, declared: number | null) {
    this.#inner = inner;
    this.#side = side;
    this.#callbacks = callbacks;
    this.#limit = limit;
    this.#declared = declared;
  }

  /** Unknown until all has passed: the module may change it. */
  get length(): number | null {
    if (this.#side.state !== "over" || this.#touched) return this.#declared;
    let length = 0;
    for (const chunk of this.#ready) length += chunk.length;
    return length;
  }

  get trailers(): HeaderList | null {
    return this.#side.state === "over" ? this.#trailers : null;
  }

  /** What the module may read and change now: what the callback under way is about, or what it has held back to see. */
  get buffer(): GuestBuffer | null {
    return this.#shown ?? (this.#buffering ? this.#held : null);
  }

  /** Trailers as they are; `null` where there are none yet. */
  get arrivedTrailers(): HeaderList | null {
    return this.#trailers;
  }

  /** Trailers to be changed: naming them in the last callback with content makes some. `null` where there are none. */
  get changeableTrailers(): HeaderList | null {
    if (this.#trailers === null && this.#shown !== null && this.#endOfStream) this.#trailers = new HeaderList();
    return this.#side.state === "over" ? null : this.#trailers;
  }

  /** Whether the module has seen all there is: content, trailers, or that they broke off. */
  get finished(): boolean {
    return this.#error !== null || (this.#inputEnded && this.#side.state === "over");
  }

  /**
   * The exchange is over, and all of the content has arrived: shows the module what is left, whether or not anybody
   * reads, and calls back when it has seen everything and lets it pass. At once where it has.
   */
  finish(callback: () => void): void {
    if (this.finished) return callback();
    this.#onFinished = callback;
    this.#pump();
  }

  /** Begins: what has arrived whole is shown at once, and content the module waits for is read. */
  start(): void {
    const { state } = this.#side;
    if (state === "all_stopped") return;
    const whole = this.#inner.whole();
    if (whole === null) return this.#pump();
    const { trailers } = this.#inner;
    this.#inner.cancel();
    this.#inputEnded = true;
    if (whole.length > 0 || trailers === null) this.#show(whole, trailers === null);
    this.#end(trailers);
  }

  whole(): Uint8Array | null {
    if (this.#side.state !== "over" || this.#touched || this.#error !== null) return null;
    if (this.#ready.length > 1) this.#ready.splice(0, Infinity, concat(this.#ready));
    return this.#ready[0] ?? EMPTY;
  }

  read(): Promise<Uint8Array | null> {
    this.#touched = true;
    const chunk = this.#ready.shift();
    if (chunk !== undefined) return Promise.resolve(chunk);
    if (this.#error !== null) return Promise.reject(this.#error.reason);
    if (this.#side.state === "over") return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#pump();
    });
  }

  cancel(reason?: unknown): void {
    this.#touched = true;
    this.#ready.length = 0;
    this.#held.take();
    if (!this.#inputEnded) {
      this.#inputEnded = true;
      this.#inner.cancel(reason);
    }
    this.#side.resume();
    this.#side.end();
    this.#waiting?.resolve(null);
    this.#waiting = null;
    this.#tellFinished();
  }

  /** Goes on after the module has continued: what was held back passes. */
  resumed(): void {
    this.#flush();
    if (this.#inputEnded) this.#side.end();
    // Nothing has been shown yet where everything was stopped, and it may all be here.
    else if (this.#received === 0 && !this.#touched && !this.#reading) this.start();
    this.#serve();
    this.#tellFinished();
  }

  /** Fails the reader: there is nobody who could let content pass. */
  fail(reason: unknown): void {
    if (this.#error !== null) return;
    this.#error = { reason };
    this.#ready.length = 0;
    this.#held.take();
    if (!this.#inputEnded) {
      this.#inputEnded = true;
      this.#inner.cancel(reason);
    }
    this.#waiting?.reject(reason);
    this.#waiting = null;
    this.#tellFinished();
  }

  #tellFinished(): void {
    const callback = this.#onFinished;
    if (callback === null || !this.finished) return;
    this.#onFinished = null;
    callback();
  }

  /** Whether the next chunk is wanted now. */
  #wants(): boolean {
    if (this.#inputEnded || this.#error !== null) return false;
    switch (this.#side.state) {
      case "open":
        return this.#waiting !== null || this.#onFinished !== null;
      case "headers_stopped":
      case "content_stopped":
        // A module that sees what is held back may hold all of it, up to where the limit ends the stream.
        return this.#buffering || this.#held.length < this.#limit;
      default:
        return false;
    }
  }

  #pump(): void {
    if (this.#reading || !this.#wants()) return;
    this.#reading = true;
    this.#inner.read().then((chunk) => {
      this.#reading = false;
      if (this.#inputEnded || this.#error !== null) return;
      if (chunk === null) {
        const { trailers } = this.#inner;
        this.#inputEnded = true;
        if (trailers === null && !this.#endShown) this.#show(EMPTY, true);
        this.#end(trailers);
      } else {
        this.#received += chunk.length;
        this.#show(chunk, this.#received === this.#declared);
      }
      this.#serve();
      this.#tellFinished();
    }, (reason) => {
      this.#reading = false;
      this.fail(reason);
    });
  }

  #show(chunk: Uint8Array, endOfStream: boolean): void {
    this.#endShown = this.#endOfStream = endOfStream;
    const merged = this.#buffering;
    let shown = this.#held;
    if (merged) shown.append(chunk);
    else {
      shown = new ContentBuffer();
      shown.append(chunk);
    }
    if (merged && shown.length > this.#limit) return this.#callbacks.overflow();
    this.#shown = shown;
    const wasHeld = !this.#side.headersPassed;
    const action = this.#callbacks.content(shown.length, endOfStream);
    this.#shown = null;
    if (this.#error !== null) return;
    const fate = action === null ? "pass" : this.#side.answerContent(action);
    if (action === null) this.#side.resume();
    this.#buffering = fate === "buffer";
    switch (fate) {
      case "pass":
        this.#flush();
        if (!merged && shown.length > 0) this.#ready.push(shown.take());
        if (wasHeld) this.#callbacks.released();
        break;
      case "buffer":
      case "keep":
        if (!merged) this.#held.append(shown.take());
        if (this.#held.length > this.#limit && fate === "buffer") this.#callbacks.overflow();
        break;
    }
  }

  /** The content has come to its end. */
  #end(trailers: HeaderList | null): void {
    if (this.#error !== null) return;
    if (trailers === null) return this.#side.end();
    this.#trailers = trailers;
    const wasHeld = !this.#side.headersPassed;
    const action = this.#callbacks.trailers(trailers.size);
    if (this.#error !== null) return;
    this.#side.answerTrailers(action ?? 0);
    if (this.#side.state !== "over") return;
    this.#flush();
    if (wasHeld) this.#callbacks.released();
  }

  #flush(): void {
    this.#buffering = false;
    if (this.#held.length > 0) this.#ready.push(this.#held.take());
  }

  /** Gives the reader what there is for it, and reads on where more is wanted. */
  #serve(): void {
    const waiting = this.#waiting;
    if (waiting !== null && this.#error === null) {
      const chunk = this.#ready.shift();
      if (chunk !== undefined || this.#side.state === "over") {
        this.#waiting = null;
        waiting.resolve(chunk ?? null);
      }
    }
    this.#pump();
  }
}

const EMPTY = new Uint8Array(0);

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
