import type { ConnectionInfo } from "../transport/byte_stream.ts";

/**
 * One request and its response on one connection, as both codecs account for it: cancellation, wire bytes, completion.
 *
 * On the client side an exchange is one attempt; on the server side it is the whole request.
 */
export class Exchange {
  /** Bytes of the request head on the wire (HTTP/2: of its name and value strings), set by the codec. */
  requestHeaderBytes = 0;
  /** Content bytes of the request so far, without framing. */
  requestBodyBytes = 0;
  /** Bytes of the response head on the wire. */
  responseHeaderBytes = 0;
  /** Content bytes of the response so far, without framing. */
  responseBodyBytes = 0;
  /** The connection it runs on; `null` until the codec has one. */
  connection: ConnectionInfo | null = null;
  /** What is spoken on that connection; `null` until the codec of a client has one. */
  protocol: "HTTP/1.1" | "HTTP/2" | null = null;
  /** Whether any byte of the request has been handed to the socket (decides `reset-before-request`). */
  requestStarted = false;
  #cancelled = false;
  #reason: unknown = undefined;
  #completed = false;
  #error: unknown = null;
  #cancelListeners: ((reason: unknown) => void)[] = [];
  #completeListeners: ((error: unknown) => void)[] = [];
  #controller: AbortController | null = null;

  /** Whether {@linkcode Exchange.cancel} was called before completion. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** What `cancel` was called with. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Whether both directions are over. */
  get completed(): boolean {
    return this.#completed;
  }

  /** An `AbortSignal` that fires on cancellation; made on first use, for it costs microseconds. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#cancelled) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Gives the exchange up: the stream is reset or the connection closed. Does nothing once completed. */
  cancel(reason: unknown): void {
    if (this.#cancelled || this.#completed) return;
    this.#cancelled = true;
    this.#reason = reason;
    const listeners = this.#cancelListeners;
    this.#cancelListeners = [];
    for (const listener of listeners) listener(reason);
    this.#controller?.abort(reason);
  }

  /** Calls `listener` on cancellation, at once when it has already happened. */
  onCancel(listener: (reason: unknown) => void): void {
    if (this.#cancelled) listener(this.#reason);
    else if (!this.#completed) this.#cancelListeners.push(listener);
  }

  /** Codecs call this once, when the last byte has gone both ways or either way has failed. */
  complete(error: unknown = null): void {
    if (this.#completed) return;
    this.#completed = true;
    this.#error = error;
    this.#cancelListeners = [];
    const listeners = this.#completeListeners;
    this.#completeListeners = [];
    for (const listener of listeners) listener(error);
  }

  /** Calls `listener` on completion with the error or `null`, at once when it has already happened. */
  onComplete(listener: (error: unknown) => void): void {
    if (this.#completed) listener(this.#error);
    else this.#completeListeners.push(listener);
  }
}
