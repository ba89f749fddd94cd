import type { Body } from "../http/body.ts";
import { BodyWrapper } from "../http/body_wrapper.ts";

/** A body that tells when its last byte was read: time limits of a request count from there. */
export class BodyEnd extends BodyWrapper {
  #onEnd: (() => void) | null;

  /**
   * @param body The body.
   * @param onEnd Called once, when the end was read.
   */
  constructor(body: Body, onEnd: () => void) {
    super(body);
    this.#onEnd = onEnd;
  }

  override async read(): Promise<Uint8Array | null> {
    const chunk = await this.inner.read();
    if (chunk === null) this.#end();
    return chunk;
  }

  override cancel(reason?: unknown): void {
    this.inner.cancel(reason);
    // The codec takes a whole body without reading it, and then lets it go.
    if (reason === undefined) this.#end();
  }

  #end(): void {
    const onEnd = this.#onEnd;
    this.#onEnd = null;
    onEnd?.();
  }
}
