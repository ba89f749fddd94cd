import type { Body } from "../body.ts";
import { BodyWrapper } from "../body_wrapper.ts";
import type { Exchange } from "../exchange.ts";

/** Content of the caller whose failure is the caller's: it ends the exchange with its error, as an abort does. */
export class CallerBody extends BodyWrapper {
  readonly #exchange: Exchange;

  /** @param body The content. @param exchange What fails with it. */
  constructor(body: Body, exchange: Exchange) {
    super(body);
    this.#exchange = exchange;
  }

  override async read(): Promise<Uint8Array | null> {
    try {
      return await this.inner.read();
    } catch (error) {
      this.#exchange.cancel(error);
      throw error;
    }
  }
}
