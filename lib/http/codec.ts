import type { Exchange } from "./exchange.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import type { ConnectionInfo } from "../transport/byte_stream.ts";

/** The client end of an HTTP connection; both codecs implement it. */
export interface HttpClientConnection {
  readonly protocol: "HTTP/1.1" | "HTTP/2";
  readonly info: ConnectionInfo;
  /** Requests under way. */
  readonly active: number;
  /** How many more requests may be sent now: 0 or 1 for HTTP/1, up to the peer's stream limit for HTTP/2. */
  readonly available: number;
  /** `open -> draining -> closed`, or `open -> closed`. */
  readonly state: "open" | "draining" | "closed";
  /** Called when `available` or `state` may have changed. */
  onChange: (() => void) | null;
  /**
   * Sends a request; the promise settles at the response head. Cancel through the exchange.
   *
   * @throws {MeshError} `UPSTREAM_REFUSED_STREAM` (never processed), `UPSTREAM_CONNECTION_TERMINATION`,
   * `UPSTREAM_REMOTE_RESET`, `UPSTREAM_PROTOCOL_ERROR`, or the reason of the cancellation.
   */
  send(request: HttpRequest, exchange: Exchange): Promise<HttpResponse>;
  /** Takes no more requests and closes when the last one is over. */
  drain(): void;
  /** Closes at once; requests under way fail. */
  close(): void;
}

/** Answers one request on a server connection. It never rejects in earnest: a rejection becomes a bare 500. */
export type HttpServerHandler = (request: HttpRequest, exchange: Exchange) => Promise<HttpResponse>;

/** The server end of an HTTP connection. */
export interface HttpServerConnection {
  readonly protocol: "HTTP/1.1" | "HTTP/2";
  /** Requests under way. */
  readonly active: number;
  /** Settles when the connection is gone; never rejects. */
  readonly closed: Promise<void>;
  /** `connection: close` or GOAWAY: finishes what is under way, takes nothing new, then closes. */
  drain(): void;
  /**
   * Asks the peer to go without ever losing a request: HTTP/2 sends GOAWAY; HTTP/1 closes with its next answer, for a
   * request may be on its way to a connection that looks idle. The owner calls `drain` in the end.
   */
  retire(): void;
  /** Closes at once. */
  close(): void;
}
