import type { HttpResponse } from "../http/message.ts";
import { type FilterMessage, MessageView } from "./filter_message.ts";

/** A response as a filter sees it. What is assigned goes on; what would break the message throws. */
export interface FilterResponse extends FilterMessage {
  /** From 200 to 599; 101 for an upgrade, which stays so. */
  status: number;
}

/** Shows a response to a filter. */
export class ResponseView extends MessageView implements FilterResponse {
  readonly #response: HttpResponse;

  constructor(response: HttpResponse) {
    super(response);
    this.#response = response;
  }

  get status(): number {
    return this.#response.status;
  }

  set status(value: number) {
    if (!Number.isInteger(value) || value < 200 || value > 599 || this.#response.status === 101) {
      throw new RangeError(`Cannot change the status: it is to be '${value}'; choose one from 200 to 599`);
    }
    this.#response.status = value;
  }
}
