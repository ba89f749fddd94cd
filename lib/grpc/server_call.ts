import type { Exchange } from "../http/exchange.ts";
import { HeaderList } from "../http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { encodeGrpcMessage } from "./grpc_message.ts";
import { GrpcStatusError } from "./grpc_status_error.ts";
import { GrpcStatus } from "./status.ts";

/** One call on a gRPC server, as its handler sees it. */
export class GrpcServerCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** What the client sent as metadata, and the other request headers. */
  readonly metadata: HeaderList;
  /** Metadata that leaves with the response head; of no use once that is sent. */
  readonly responseMetadata: HeaderList = new HeaderList();
  /** Metadata that leaves with the status. */
  readonly trailers: HeaderList = new HeaderList();
  /** Milliseconds since the Unix epoch at which the client gives up, by `grpc-timeout`; `null` for never. */
  readonly deadline: number | null;
  readonly exchange: Exchange;
  #cancelled: unknown = undefined;
  #listeners: ((reason: unknown) => void)[] = [];
  #controller: AbortController | null = null;

  /**
   * @param request The request.
   * @param exchange The exchange it runs on.
   * @param deadline When the client gives up.
   */
  constructor(request: HttpRequest, exchange: Exchange, deadline: number | null) {
    this.path = request.path;
    this.metadata = request.headers;
    this.deadline = deadline;
    this.exchange = exchange;
  }

  /** The SPIFFE id of the client, read from its verified certificate; `null` without one. */
  get principal(): string | null {
    return this.exchange.connection?.tls?.peer?.principal ?? null;
  }

  /** Whether the client has given up or its deadline has passed. */
  get cancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /** An `AbortSignal` that fires on cancellation and at the deadline; made on first use. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.cancelled) this.#controller.abort(this.#cancelled);
    }
    return this.#controller.signal;
  }

  /** Calls `listener` on cancellation and at the deadline, at once when that is past. */
  onCancel(listener: (reason: unknown) => void): void {
    if (this.cancelled) listener(this.#cancelled);
    else this.#listeners.push(listener);
  }

  /** Tells the handler that no one waits any more. The server calls it. */
  cancel(reason: unknown): void {
    if (this.cancelled) return;
    this.#cancelled = reason ?? new GrpcStatusError(GrpcStatus.CANCELLED, "The client gave up");
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(this.#cancelled);
    this.#controller?.abort(this.#cancelled);
  }

  /** The response head. */
  responseHeaders(): HeaderList {
    return new HeaderList(["content-type", "application/grpc", ...this.responseMetadata.pairs]);
  }

  /** The trailers of a call that ends with `error`, or well. */
  statusTrailers(error: unknown = null): HeaderList {
    const trailers = new HeaderList(["grpc-status", "0", ...this.trailers.pairs]);
    if (error === null) return trailers;
    // What went wrong inside a handler is not the business of a stranger: only a status error says more.
    const known = error instanceof GrpcStatusError ? error : new GrpcStatusError(GrpcStatus.UNKNOWN, "Handler failed");
    trailers.set("grpc-status", String(known.status));
    if (known.details !== "") trailers.append("grpc-message", encodeGrpcMessage(known.details));
    if (known.metadata !== null) trailers.pairs.push(...known.metadata.pairs);
    return trailers;
  }

  /** A response of one head, for a call that ends before it has sent a message. */
  trailersOnly(error: unknown = null): HttpResponse {
    const headers = this.responseHeaders();
    headers.pairs.push(...this.statusTrailers(error).pairs);
    return { status: 200, headers, body: null };
  }
}
