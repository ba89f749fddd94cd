import type { Exchange } from "../http/exchange.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { GrpcMessageWriter } from "./message_writer.ts";
import { GrpcServerCall } from "./server_call.ts";

/**
 * A streaming call: its handler may send at any time, whatever the client sends.
 *
 * States: `waiting` (nothing sent) -> `started` (head sent) -> `finished`; or `waiting` -> `finished`.
 */
export class GrpcServerStreamCall extends GrpcServerCall {
  readonly #writer = new GrpcMessageWriter();
  readonly #respond: (response: HttpResponse) => void;
  #state: "waiting" | "started" | "finished" = "waiting";

  /**
   * @param request The request.
   * @param exchange The exchange it runs on.
   * @param deadline When the client gives up.
   * @param respond Takes the response as soon as there is one.
   */
  constructor(
    request: HttpRequest,
    exchange: Exchange,
    deadline: number | null,
    respond: (response: HttpResponse) => void,
  ) {
    super(request, exchange, deadline);
    this.#respond = respond;
  }

  /** Sends the response head now; the first message does it otherwise. */
  sendHeaders(): void {
    if (this.#state !== "waiting") return;
    this.#state = "started";
    this.#respond({ status: 200, headers: this.responseHeaders(), body: this.#writer.body });
  }

  /**
   * Sends a message. Resolves when there is room for the next one.
   * @throws The reason when the client has given up.
   */
  send(message: Uint8Array): Promise<void> {
    if (this.#state === "finished") return Promise.reject(new Error("Cannot send a message: the call is over"));
    this.sendHeaders();
    return this.#writer.write(message);
  }

  /** Ends the call, well or with an error. The server calls it. */
  finish(error: unknown = null): void {
    if (this.#state === "waiting") this.#respond(this.trailersOnly(error));
    else if (this.#state === "started") this.#writer.end(this.statusTrailers(error));
    this.#state = "finished";
  }
}
