import type { Body } from "../body.ts";
import type { HeaderList } from "../header_list.ts";

/** Content that a web stream brings. */
export class StreamBody implements Body {
  readonly length: number | null;
  readonly trailers: HeaderList | null = null;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #over = false;

  /**
   * @param stream The content; locked from now on.
   * @param length Its length where it is known.
   * @throws {TypeError} When it is locked already.
   */
  constructor(stream: ReadableStream<Uint8Array>, length: number | null = null) {
    this.#reader = stream.getReader();
    this.length = length;
  }

  whole(): Uint8Array | null {
    return null;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#over) return null;
    const { done, value } = await this.#reader.read();
    if (done) {
      this.#over = true;
      return null;
    }
    if (!(value instanceof Uint8Array)) {
      const error = new TypeError(
        `Cannot read the content: its stream gave a '${typeof value}' instead of a Uint8Array`,
      );
      this.cancel(error);
      throw error;
    }
    return value;
  }

  cancel(reason?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    // A source that fails while it is told to stop tells nobody anything new.
    this.#reader.cancel(reason).catch(() => {});
  }
}
