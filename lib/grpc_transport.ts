/**
 * Carries the calls of gRPC channels over the outbound stack.
 *
 * @module
 */
import type { FetchClient } from "./fetch.ts";
import type { GrpcTransport } from "./grpc/client_transport.ts";
import type { Call } from "./http/call.ts";
import type { HttpRequest, HttpResponse } from "./http/message.ts";
import type { FetchUrl } from "./http/web/fetch_url.ts";

/** One for all channels of a mesh; channels that are forgotten without `close()` leave nothing here. */
export class OutboundGrpcTransport implements GrpcTransport {
  readonly #client: Pick<FetchClient, "send">;
  readonly #listeners = new Set<() => void>();
  #closed = false;

  /** @param client The outbound stack. */
  constructor(client: Pick<FetchClient, "send">) {
    this.#client = client;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(url: FetchUrl, request: HttpRequest, call: Call): Promise<HttpResponse> {
    return this.#client.send(url, request, call);
  }

  onClose(listener: () => void): () => void {
    if (this.#closed) queueMicrotask(listener);
    else this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tells channels and calls that wait that nothing more will be sent. */
  close(): void {
    this.#closed = true;
    for (const listener of [...this.#listeners]) listener();
    this.#listeners.clear();
  }
}
