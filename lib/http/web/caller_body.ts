import type { Body } from "../body.ts";
import type { Exchange } from "../exchange.ts";
import type { HeaderList } from "../header_list.ts";

/** Content of the caller whose failure is the caller's: it ends the exchange with its error, as an abort does. */
export class CallerBody implements Body {
  readonly #body: Body;
  readonly #exchange: Exchange;

  /** @param body The content. @param exchange What fails with it. */
  constructor(body: Body, exchange: Exchange) {
    this.#body = body;
    this.#exchange = exchange;
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
    try {
      return await this.#body.read();
    } catch (error) {
      this.#exchange.cancel(error);
      throw error;
    }
  }

  cancel(reason?: unknown): void {
    this.#body.cancel(reason);
  }
}
