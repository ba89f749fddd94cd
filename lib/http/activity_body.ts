import type { Body } from "./body.ts";
import { BodyWrapper } from "./body_wrapper.ts";

/** A body that tells of each chunk that is read, and of its end: limits of silence count from there. */
export class ActivityBody extends BodyWrapper {
  readonly #onActivity: () => void;

  /**
   * @param body The body.
   * @param onActivity Called with each read that settles.
   */
  constructor(body: Body, onActivity: () => void) {
    super(body);
    this.#onActivity = onActivity;
  }

  override whole(): Uint8Array | null {
    return null;
  }

  override async read(): Promise<Uint8Array | null> {
    const chunk = await this.inner.read();
    this.#onActivity();
    return chunk;
  }
}
