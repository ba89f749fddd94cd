import type { Body } from "../body.ts";
import type { HeaderList } from "../header_list.ts";

/** Content that a web stream brings. */
export class StreamBody implements Body {
  readonly length: number | null;
  readonly trailers: HeaderList | null = null;
  readonly #stream: ReadableStream<Uint8Array>;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #over = false;

  /**
   * @param stream The content; locked from the first read on.
   * @param length Its length where it is known.
   */
  constructor(stream: ReadableStream<Uint8Array>, length: number | null = null) {
    this.#stream = stream;
    this.length = length;
  }

  whole(): Uint8Array | null {
    return null;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#over) return null;
    this.#reader ??= this.#stream.getReader();
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
    (this.#reader ?? this.#stream).cancel(reason).catch(() => {});
  }
}
