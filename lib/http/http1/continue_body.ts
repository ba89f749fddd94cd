import type { QueueBody } from "../body.ts";
import { BodyWrapper } from "../body_wrapper.ts";

/**
 * Content of a client that waits for `100 Continue` (RFC 9110 section 10.1.1): the first read asks for it. A handler
 * that never reads never asks, and the client keeps its content.
 */
export class ContinueBody extends BodyWrapper {
  /** Whether the content was asked for. */
  begun = false;
  readonly #ask: () => void;

  /**
   * @param inner The content itself.
   * @param ask Sends `100 Continue`.
   */
  constructor(inner: QueueBody, ask: () => void) {
    super(inner);
    this.#ask = ask;
  }

  override read(): Promise<Uint8Array | null> {
    if (!this.begun) {
      this.begun = true;
      this.#ask();
    }
    return this.inner.read();
  }
}
