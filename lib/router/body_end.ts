import type { Body } from "../http/body.ts";
import type { HeaderList } from "../http/header_list.ts";

/** A body that tells when its last byte was read: time limits of a request count from there. */
export class BodyEnd implements Body {
  readonly #body: Body;
  #onEnd: (() => void) | null;

  /**
   * @param body The body.
   * @param onEnd Called once, when the end was read.
   */
  constructor(body: Body, onEnd: () => void) {
    this.#body = body;
    this.#onEnd = onEnd;
  }

  get length(): number | null {
    return this.#body.length;
  }

  get trailers(): HeaderList | null {
    return this.#body.trailers;
  }

  whole(): Uint8Array | null {
    return this.#body.whole();
  }

  async read(): Promise<Uint8Array | null> {
    const chunk = await this.#body.read();
    if (chunk === null) this.#end();
    return chunk;
  }

  cancel(reason?: unknown): void {
    this.#body.cancel(reason);
    // The codec takes a whole body without reading it, and then lets it go.
    if (reason === undefined) this.#end();
  }

  #end(): void {
    const onEnd = this.#onEnd;
    this.#onEnd = null;
    onEnd?.();
  }
}
