import type { Body, QueueBody } from "../body.ts";
import type { HeaderList } from "../header_list.ts";

/**
 * Content of a client that waits for `100 Continue` (RFC 9110 section 10.1.1): the first read asks for it. A handler
 * that never reads never asks, and the client keeps its content.
 */
export class ContinueBody implements Body {
  /** Whether the content was asked for. */
  begun = false;
  readonly #inner: QueueBody;
  readonly #ask: () => void;

  /**
   * @param inner The content itself.
   * @param ask Sends `100 Continue`.
   */
  constructor(inner: QueueBody, ask: () => void) {
    this.#inner = inner;
    this.#ask = ask;
  }

  get length(): number | null {
    return this.#inner.length;
  }

  get trailers(): HeaderList | null {
    return this.#inner.trailers;
  }

  whole(): Uint8Array | null {
    return this.#inner.whole();
  }

  read(): Promise<Uint8Array | null> {
    if (!this.begun) {
      this.begun = true;
      this.#ask();
    }
    return this.#inner.read();
  }

  cancel(reason?: unknown): void {
    this.#inner.cancel(reason);
  }
}
