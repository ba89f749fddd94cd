import { type Body, BytesBody } from "../http/body.ts";
import { BodyWrapper } from "../http/body_wrapper.ts";

/** Says what becomes of a chunk. @throws {MeshError} When the body has to fail. */
export type FilterChunk = (chunk: Uint8Array, endOfStream: boolean) => Uint8Array;

/**
 * A body whose chunks pass a filter. One that has arrived whole passes at once and stays in memory with a known length;
 * any other passes as it is read, and its length is not known beforehand.
 */
export function filteredBody(body: Body, filter: FilterChunk): Body {
  const whole = body.whole();
  if (whole === null) return new FilteredBody(body, filter);
  const { trailers } = body;
  body.cancel();
  return new BytesBody(filter(whole, true), trailers);
}

const EMPTY = new Uint8Array(0);

class FilteredBody extends BodyWrapper {
  readonly #filter: FilterChunk;
  #over = false;

  constructor(inner: Body, filter: FilterChunk) {
    super(inner);
    this.#filter = filter;
  }

  override get length(): null {
    return null;
  }

  override whole(): null {
    return null;
  }

  override async read(): Promise<Uint8Array | null> {
    while (!this.#over) {
      const chunk = await this.inner.read();
      // Which chunk is the last shows behind it only: the end is an empty one.
      this.#over = chunk === null;
      let filtered: Uint8Array;
      try {
        filtered = this.#filter(chunk ?? EMPTY, this.#over);
      } catch (error) {
        this.#over = true;
        this.inner.cancel(error);
        throw error;
      }
      if (filtered.length > 0) return filtered;
    }
    return null;
  }
}
