/**
 * What the peer may still send, of a stream or of the connection. Bytes the reader took are announced in batches: a
 * WINDOW_UPDATE for each half of the window.
 */
export class ReceiveWindow {
  readonly #size: number;
  #left: number;
  #unannounced = 0;

  /** @param size The full window, bytes. */
  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /** Counts bytes that arrived; `false` when the peer sent more than it may. */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** Counts bytes that were read; returns the increment to announce now, mostly 0. */
  give(bytes: number): number {
    this.#unannounced += bytes;
    if (this.#unannounced * 2 < this.#size) return 0;
    const increment = this.#unannounced;
    this.#left += increment;
    this.#unannounced = 0;
    return increment;
  }
}
